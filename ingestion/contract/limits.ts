// Limits that the infrastructure sets and the program relies on.

/** Lambda's longest: how long one hop may take. */
export const WORKER_TIMEOUT_MINUTES = 15;

/**
 * How long a message that a worker took stays hidden from others: longer than a hop may take, or a second worker would
 * get the first one's message, and no longer than needed, since a crashed worker's run waits so long.
 */
export const VISIBILITY_MINUTES = WORKER_TIMEOUT_MINUTES + 5;

/** SQS's longest: how long a person has to look into a dead letter. */
export const QUEUE_RETENTION_DAYS = 14;

/** A message received so often without success goes to the dead-letter queue: four retries. */
export const MAX_RECEIVES = 5;

/** No run needs more hops than this: 64 hops of 15 minutes are 16 hours. */
export const MAX_HOPS = 64;

/** An API destination waits no longer for the endpoint's answer, cold start included. */
export const ENDPOINT_TIMEOUT_MS = 5_000;

/** An alarm looks back 7 days at most, and "no complete run" waits 2 hours longer than the schedule. */
export const MAX_SCHEDULE_INTERVAL_HOURS = 7 * 24 - 2;

/** When production runs, in UTC, as EventBridge writes it: yesterday is settled by then. */
export const DAILY_SCHEDULE = 'cron(0 2 * * ? *)';
