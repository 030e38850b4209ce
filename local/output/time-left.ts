import type { Instant } from '../../ingestion/domain/day.ts';
import type { RunEvent } from '../../ingestion/ports.ts';

/** How far a run is, and how fast it may go on. */
export type Pace = {
  /** Planned requests, and those of them that were answered or given up. */
  readonly total: number;
  readonly done: number;
  /** Requests in any 60 s. */
  readonly limit: number;
  /** When requests ended, retried ones too, oldest first: each holds its permit for a while. */
  readonly endedAt: readonly Instant[];
  readonly pausedUntil: Instant;
};

/** A permit becomes free this long after its request ended. */
const PERMIT_HELD_MS = 60_500;

/** A pause between two answers that is longer than this was spent waiting for a permit, not for the answer. */
const LONGEST_GAP_MS = 5_000;

export const NEW_PACE: Pace = { total: 0, done: 0, limit: Number.POSITIVE_INFINITY, endedAt: [], pausedUntil: 0 };

/** @param endedAt ends of earlier requests that still count. */
export const withLimit = (pace: Pace, limit: number, endedAt: readonly Instant[]): Pace => ({
  ...pace,
  limit,
  endedAt: endedAt.toSorted((a, b) => a - b),
});

/** @returns the pace after what happened at that moment. */
export function followEvent(pace: Pace, event: RunEvent, now: Instant): Pace {
  const ended = { endedAt: [...pace.endedAt, now] };
  switch (event.kind) {
    case 'planned':
      return { ...pace, total: pace.total + event.requests };
    case 'answered':
    case 'failed':
      return { ...pace, ...ended, done: Math.min(pace.done + 1, pace.total) };
    case 'retrying':
      return { ...pace, ...ended };
    case 'slowed':
      return { ...pace, limit: event.limit, pausedUntil: Math.max(pace.pausedUntil, now + event.pauseMs) };
  }
}

/** @returns how long until the next request may be sent: 0 where a permit is free. */
export const waitMs = (pace: Pace, now: Instant): number =>
  Math.max(0, pace.pausedUntil - now, placeFreeAt(pace.endedAt, pace.limit) - now);

/**
 * Lays the requests that are left out, each as early as its limit, a pause and the usual time between two
 * answers allow. An average of the past would be wrong by a minute: a run is a burst, a wait, and the next burst.
 * @returns milliseconds until the last answer.
 */
export function timeLeftMs(pace: Pace, now: Instant): number {
  const gapMs = usualGapMs(pace.endedAt);
  const endedAt = [...pace.endedAt];
  let at = Math.max(now, pace.pausedUntil);
  for (let left = pace.total - pace.done; left > 0; left -= 1) {
    at = Math.max(at + gapMs, placeFreeAt(endedAt, pace.limit));
    endedAt.push(at);
  }
  return Math.max(0, at - now);
}

/** With `limit` requests in the window, the next one waits for the oldest of them to leave it. */
const placeFreeAt = (endedAt: readonly Instant[], limit: number): Instant =>
  (endedAt.at(-limit) ?? Number.NEGATIVE_INFINITY) + PERMIT_HELD_MS;

/** The median of the last gaps that were no waits: 0 before there is one. */
function usualGapMs(endedAt: readonly Instant[]): number {
  const gaps = endedAt
    .slice(-20)
    .map((at, index, ends) => at - (ends[index - 1] ?? at - LONGEST_GAP_MS))
    .filter((gap) => gap < LONGEST_GAP_MS)
    .sort((a, b) => a - b);
  return gaps[Math.floor(gaps.length / 2)] ?? 0;
}
