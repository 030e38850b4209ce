import { type Instant, MINUTE_MS } from './day.ts';
import { type FailureKind, isTransient, type SourceError, stopsTheRun } from './failure.ts';

const MAX_ATTEMPTS = 5;
const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 30_000;

/** A longer Retry-After is not waited out within a run; the queue brings the run back after it. */
const MAX_PAUSE_MS = 5 * MINUTE_MS;

/** Where a 429 says nothing: the limit is counted by the minute. */
const DEFAULT_PAUSE_MS = MINUTE_MS;

/**
 * So many failed attempts in a row, and for so long no answer, mean that the source is away for every series. Fewer than
 * the public plan allows in a minute, so that a machine without a network is told so in seconds.
 */
const MAX_FAILURES_IN_A_ROW = 8;
const MAX_SILENCE_MS = MINUTE_MS;

/** What follows from a failed attempt. */
export type Reaction = {
  /** How long to wait before the next attempt at the same request; null when there is to be none. */
  readonly retryInMs: number | null;
  /** For how long no request at all may be sent; null where the source did not ask for that. */
  readonly pauseMs: number | null;
  /** Whether the cause is the same for every series, so that nothing more is to be asked. */
  readonly stopsTheRun: boolean;
};

/** What the attempts of one hop, at all its requests, have come to, as far as it decides about the next. */
export type RetryPolicy = {
  answered(at: Instant): void;
  /**
   * @param attempts how often this request was made, this time included.
   * @param random in [0, 1), for the jitter.
   */
  failed(error: SourceError, attempts: number, at: Instant, random: number): Reaction;
  /** @returns for how long the source still wants no requests, as it said last; null where it takes them. */
  closedForMs(at: Instant): number | null;
};

/** The source is there, whatever it says of this one series: delisted coins, always the longest-stale, must not stop the rest. */
const isAnswer = (kind: FailureKind): boolean =>
  kind === 'empty' || kind === 'wrong_granularity' || (!isTransient(kind) && !stopsTheRun(kind));

export function createRetryPolicy(): RetryPolicy {
  let failuresInARow = 0;
  let lastAnswerAt = Number.NEGATIVE_INFINITY;
  let closedUntil = Number.NEGATIVE_INFINITY;

  return {
    answered(at) {
      failuresInARow = 0;
      lastAnswerAt = at;
      closedUntil = Number.NEGATIVE_INFINITY;
    },
    failed({ kind, retryAfterMs }, attempts, at, random) {
      failuresInARow = isAnswer(kind) ? 0 : failuresInARow + 1;
      if (isAnswer(kind)) lastAnswerAt = at;
      if (retryAfterMs !== null) closedUntil = Math.max(closedUntil, at + retryAfterMs);
      const circuitOpen = failuresInARow >= MAX_FAILURES_IN_A_ROW && at - lastAnswerAt > MAX_SILENCE_MS;
      const isRateLimited = kind === 'rate_limited';
      const isWorthATry = isTransient(kind) && !circuitOpen && attempts < MAX_ATTEMPTS;
      const backoffMs = Math.min(FIRST_BACKOFF_MS * 2 ** (attempts - 1), MAX_BACKOFF_MS) * (0.5 + 0.5 * random);
      return {
        // The pause spaces the requests that were told to slow down.
        retryInMs: !isWorthATry ? null : isRateLimited ? 0 : backoffMs,
        pauseMs: isRateLimited ? Math.min(retryAfterMs ?? DEFAULT_PAUSE_MS, MAX_PAUSE_MS) : null,
        stopsTheRun: stopsTheRun(kind) || (isTransient(kind) && circuitOpen),
      };
    },
    closedForMs: (at) => (closedUntil > at ? closedUntil - at : null),
  };
}
