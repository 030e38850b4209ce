/**
 * What started a run. `deploy` is the run that each deploy queues in stages with a schedule, `repair` the one in place of a
 * scheduled call that was refused.
 */
export type TriggerKind = 'schedule' | 'http' | 'cli' | 'deploy' | 'repair';

/** What a run was asked for; an empty object means whatever is missing in the horizon of every series. */
export type RunRequest = {
  /** First and last UTC day, `YYYY-MM-DD`, inclusive; both or neither. */
  readonly from?: string;
  readonly to?: string;
  readonly coins?: readonly string[];
  readonly currencies?: readonly string[];
  /** Ask for final days too. Needs `from` and `to`. */
  readonly refetch?: boolean;
};

/** The queue's message, version 1. One message is one hop of a run. */
export type RunMessage = {
  readonly version: 1;
  readonly runId: string;
  readonly triggerKey: string;
  readonly trigger: TriggerKind;
  /** ISO 8601 in UTC. Fixed for the whole run: it alone decides which days are expected. */
  readonly dueAt: string;
  readonly request: RunRequest;
  readonly hop: number;
};

/** The queue has one message group, so that one run is worked on at a time. */
export const MESSAGE_GROUP_ID = 'ingestion';

/** @returns the FIFO deduplication id of a hop: the same hop queued twice is delivered once. */
export const deduplicationId = (message: Pick<RunMessage, 'runId' | 'hop'>): string =>
  `${message.runId}:${message.hop}`;

/** The attribute of a message that the worker itself put into the dead-letter queue: why no retry can help. */
export const REASON_ATTRIBUTE = 'reason';
