/**
 * How long the program waits for the database, in milliseconds. Real time: nothing here follows the injected clock.
 * A cut cable ends a run within 60 s: the lock counts as lost after 10 + 5 + 5 s at the latest, and a statement that was sent
 * just before that fails 30 + 5 s later.
 */
export const TIME_LIMITS = {
  /** From asking for a connection to having it. */
  connectMs: 10_000,
  /** What the server may take for a statement. No statement of a run takes seconds; this ends one that waits for a lock. */
  statementMs: 30_000,
  /** By how much the client waits longer for the answer: a network that swallows packets answers nothing. */
  graceMs: 5_000,
  /** How long a transaction may stay open with nothing to do: its process is gone, or cut off. */
  idleInTransactionMs: 15_000,
  /** How often the connection that holds the ingestion lock is tried, and what the server may take for its statements. */
  heartbeatEveryMs: 10_000,
  heartbeatMs: 5_000,
  /** How long that connection may be silent before the server ends it: its process was stopped, and keeps others waiting. */
  lockIdleMs: 60_000,
  /** How long a statement that takes the fence waits before it tries again. */
  fenceTryMs: 1_000,
  /** How long an older holder's transaction under way is waited for, before its session is ended. */
  fenceWaitMs: 15_000,
};

export type TimeLimits = Readonly<typeof TIME_LIMITS>;
