/** How long the program waits for the database, in milliseconds. Real time: nothing here follows the injected clock. */
export type TimeLimits = {
  /** From asking for a connection to having it. */
  readonly connectMs: number;
  /** What the server may take for a statement. No statement of a run takes seconds; this ends one that waits for a lock. */
  readonly statementMs: number;
  /** By how much the client waits longer for the answer: a network that swallows packets answers nothing. */
  readonly graceMs: number;
  /** How long a transaction may stay open with nothing to do: its process is gone, or cut off. */
  readonly idleInTransactionMs: number;
  /** How often the connection that holds the ingestion lock is tried. */
  readonly heartbeatEveryMs: number;
  /** What the server may take for a statement of that connection. */
  readonly heartbeatMs: number;
  /** How long a statement that takes the fence waits before it tries again. */
  readonly fenceTryMs: number;
  /** How long an older holder's transaction under way is waited for, before its session is ended. */
  readonly fenceWaitMs: number;
};

/**
 * A cut cable ends a run within 60 s: the lock counts as lost after 10 + 5 + 5 s at the latest, and a statement that was sent
 * just before that fails 30 + 5 s later.
 */
export const TIME_LIMITS: TimeLimits = {
  connectMs: 10_000,
  statementMs: 30_000,
  graceMs: 5_000,
  idleInTransactionMs: 15_000,
  heartbeatEveryMs: 10_000,
  heartbeatMs: 5_000,
  fenceTryMs: 1_000,
  fenceWaitMs: 15_000,
};
