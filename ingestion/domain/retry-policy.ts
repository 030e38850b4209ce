import { MINUTE_MS } from './day.ts';
import { type FailureKind, isTransient, type SourceError, stopsTheRun } from './failure.ts';

const MAX_ATTEMPTS = 5;
const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 30_000;

/** Every 429 pauses for at least this long, and for twice the last pause while nothing but 429s comes. */
const MIN_PAUSE_MS = 1_000;
/** A longer Retry-After is not waited out within one pause. */
const MAX_PAUSE_MS = 5 * MINUTE_MS;
/** After so much pausing without one answer the queue, or a person, decides when to go on. */
const MAX_PAUSED_IN_A_ROW_MS = 15 * MINUTE_MS;

/** The source counts as away when nothing but failures has come for this long. */
const MAX_SILENCE_MS = MINUTE_MS;

/**
 * An attempt at a request that failed. Moments are those of the monotonic clock.
 * @property attempts how often this request was made, this time included, times it was rate-limited not counted.
 */
export type FailedAttempt = Readonly<{ error: SourceError; sentAt: number; endedAt: number; attempts: number }>;

type Reaction = { readonly retryInMs: number | null; readonly pauseMs: number | null; readonly stopsTheRun: boolean };
export type RetryPolicy = ReturnType<typeof createRetryPolicy>;

/**
 * @returns whether such a failure is no answer of the source's. A series that is delisted or sparse, and always the
 * longest-stale, must not stop the rest; nor must a 429.
 */
export const isSilent = (kind: FailureKind): boolean =>
  ['network', 'timeout', 'server_error', 'malformed', 'blocked'].includes(kind);

/** @param failures in a row. @param random in [0, 1), for the jitter. */
export const backoffMs = (failures: number, random: number): number =>
  Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), MAX_BACKOFF_MS) * (0.5 + 0.5 * random);

/** Decides about the next attempt by what the attempts of one hop, at all its requests, have come to. */
export function createRetryPolicy() {
  /** When the failures began that no answer has interrupted; null after an answer. */
  let silentSince: number | null = null;
  let closedUntil = Number.NEGATIVE_INFINITY;
  let pausedSince = Number.NEGATIVE_INFINITY;
  let lastPauseMs = 0;
  let pausedInARowMs = 0;

  function answered(): void {
    silentSince = null;
    closedUntil = Number.NEGATIVE_INFINITY;
    lastPauseMs = 0;
    pausedInARowMs = 0;
  }

  /** @returns the pause of all requests. The refusals of one burst were all sent before it, and lengthen nothing. */
  function pauseAfter({ error, sentAt, endedAt }: FailedAttempt): number {
    const isSameBurst = sentAt < pausedSince + lastPauseMs;
    if (isSameBurst) return Math.max(0, pausedSince + lastPauseMs - endedAt);
    lastPauseMs = Math.min(Math.max(error.retryAfterMs ?? 0, 2 * lastPauseMs, MIN_PAUSE_MS), MAX_PAUSE_MS);
    pausedSince = endedAt;
    pausedInARowMs += lastPauseMs;
    return lastPauseMs;
  }

  return {
    answered,
    /**
     * @returns how long to wait before the next attempt at the same request (null when there is to be none), for how long no
     * request at all may be sent (null where the source did not ask for that), and whether nothing more is to be asked.
     */
    failed(attempt: FailedAttempt, random: number): Reaction {
      const { error, sentAt, endedAt, attempts } = attempt;
      const { kind, retryAfterMs } = error;
      if (retryAfterMs !== null) closedUntil = Math.max(closedUntil, endedAt + retryAfterMs);
      if (kind === 'rate_limited') {
        silentSince = null;
        const pauseMs = pauseAfter(attempt);
        const isWorthATry = pausedInARowMs <= MAX_PAUSED_IN_A_ROW_MS;
        return { retryInMs: isWorthATry ? 0 : null, pauseMs, stopsTheRun: !isWorthATry };
      }
      if (!isSilent(kind)) {
        answered();
        return { retryInMs: null, pauseMs: null, stopsTheRun: stopsTheRun(kind) };
      }
      // From the first failure on: requests side by side that fail together are one moment of silence.
      silentSince ??= endedAt;
      const circuitOpen = Math.max(sentAt, silentSince) - silentSince >= MAX_SILENCE_MS;
      const isWorthATry = isTransient(kind) && !circuitOpen && attempts < MAX_ATTEMPTS;
      return { retryInMs: isWorthATry ? backoffMs(attempts, random) : null, pauseMs: null, stopsTheRun: circuitOpen };
    },
    /** @returns for how long the source still wants no requests, as it said last; null where it takes them. */
    closedForMs: (at: number): number | null => (closedUntil > at ? closedUntil - at : null),
  };
}
