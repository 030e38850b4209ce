/**
 * What started a run. In stages with a schedule each deploy queues one (`deploy`). `repair` replaces a scheduled call that
 * was refused.
 */
export type TriggerKind = 'schedule' | 'http' | 'cli' | 'deploy' | 'repair';

/** What a run was asked for. An empty object asks for whatever is missing in the horizon of every series. */
export type RunRequest = {
  /** First and last UTC day, `YYYY-MM-DD`, inclusive. Both or neither. */
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
  /** ISO 8601 in UTC. It is fixed for the whole run, and alone decides which days are expected. */
  readonly dueAt: string;
  readonly request: RunRequest;
  readonly hop: number;
};

/** The queue's only message group. It makes the queue deliver one run at a time. */
export const MESSAGE_GROUP_ID = 'ingestion';

/** @returns the FIFO deduplication id of a hop. A hop that is queued twice is delivered once. */
export const deduplicationId = (message: Pick<RunMessage, 'runId' | 'hop'>): string =>
  `${message.runId}:${message.hop}`;

/** Says why no retry can help, on messages that the worker itself moved to the dead-letter queue. */
export const REASON_ATTRIBUTE = 'reason';
