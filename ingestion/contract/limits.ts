// Limits that more than one part of the project relies on.

/** How long one hop may take. Lambda allows no more. */
export const WORKER_TIMEOUT_MINUTES = 15;

/** What the worker has of memory, in MB. It needs half of it, however large the universe is. */
export const WORKER_MEMORY_MB = 512;

/**
 * Answers are short-lived and many: room for 8 MB of them at a time instead of Node's 16 makes a third less of resident
 * memory, and no run slower (bench/RESULTS.md).
 */
export const WORKER_NODE_OPTIONS = '--max-semi-space-size=8';

/**
 * How long a message stays hidden from other workers. It must outlast a hop, or a second worker would get the same
 * message. A crashed worker's run waits this long, so it is only a little longer.
 */
export const VISIBILITY_MINUTES = WORKER_TIMEOUT_MINUTES + 5;

/** How long people have to look into a dead letter. SQS allows no more. */
export const QUEUE_RETENTION_DAYS = 14;

/** A message that fails this often goes to the dead-letter queue: one attempt and four retries. */
export const MAX_RECEIVES = 5;

/** No run needs more hops: 64 of 15 minutes are 16 hours. */
export const MAX_HOPS = 64;

/** How long an API destination waits for the endpoint's answer. A cold start counts. */
export const ENDPOINT_TIMEOUT_MS = 5_000;

/** EventBridge gives up within hours. Two weeks let a person repeat a scheduled call. */
export const MAX_TRIGGER_AGE_DAYS = 14;

/** How far the caller's clock may be ahead of ours. */
export const MAX_TRIGGER_LEAD_MINUTES = 5;

/** An alarm looks back 7 days at most, and `no-complete-run` waits 2 hours longer than the schedule. */
export const MAX_SCHEDULE_INTERVAL_HOURS = 7 * 24 - 2;

/** When production runs, in UTC, as EventBridge writes it. Yesterday is settled by then. */
export const DAILY_SCHEDULE = 'cron(0 2 * * ? *)';

/** Answers are kept so long that any recent row can be recomputed; the ledger so long that months can be counted. */
export const KEPT_DAYS = 90;
