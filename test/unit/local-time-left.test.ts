import { describe, expect, test } from '@jest/globals';
import type { RunEvent } from '../../ingestion/ports.ts';
import { followEvent, NEW_PACE, type Pace, timeLeftMs, waitMs, withLimit } from '../../local/output/time-left.ts';

const SERIES = { coin: 'bitcoin', currency: 'usd' };
const PLANNED: RunEvent = { kind: 'planned', requests: 44, gapDays: 44, seriesCount: 44 };
const ANSWERED: RunEvent = { kind: 'answered', series: SERIES, rowsWritten: 1 };
const RETRYING: RunEvent = { kind: 'retrying', series: SERIES, error: 'reset', delayMs: 1 };
const FAILED: RunEvent = { kind: 'failed', series: SERIES, error: 'gone' };

const startPace = (limit: number, endedAt: readonly number[]) => withLimit(NEW_PACE, limit, endedAt);

/** The pace after the event came `count` times, `everyMs` apart, from `at` on. */
function repeat(pace: Pace, event: RunEvent, count: number, at: number, everyMs: number): Pace {
  let followed = pace;
  for (let index = 0; index < count; index += 1) followed = followEvent(followed, event, at + index * everyMs);
  return followed;
}

describe('the time left', () => {
  test('is the wait for the window where a burst would do for the rest', () => {
    // 30 at once in the first second, 14 when the first places come free: 60.5 s after the first answer.
    const pace = repeat(followEvent(startPace(30, []), PLANNED, 0), ANSWERED, 30, 1_000, 20);
    expect(timeLeftMs(pace, 2_000)).toBe(1_000 + 60_500 + 13 * 20 - 2_000);
  });

  test('counts each further window', () => {
    const pace = repeat(followEvent(startPace(10, []), PLANNED, 0), ANSWERED, 10, 0, 0);
    // 34 left at 10 a minute: after 60.5, 121, 181.5 and 242 s.
    expect(timeLeftMs(pace, 0)).toBe(4 * 60_500);
  });

  test('counts requests of earlier processes, in whatever order they come', () => {
    const pace = followEvent(startPace(2, [50_000, 10_000]), { ...PLANNED, requests: 1 }, 60_000);
    expect(timeLeftMs(pace, 60_000)).toBe(10_000 + 60_500 - 60_000);
  });

  test('goes by the usual time between two answers where the limit leaves room, not by waits among them', () => {
    const before = repeat(followEvent(startPace(1_000, []), PLANNED, 0), ANSWERED, 10, 0, 100);
    const after = repeat(before, ANSWERED, 10, 60_500, 100);
    expect(timeLeftMs(after, 61_400)).toBe(24 * 100);
  });

  test('counts a retry as a request that used its place and is still to be answered', () => {
    const pace = followEvent(followEvent(startPace(1, []), { ...PLANNED, requests: 1 }, 0), RETRYING, 500);
    expect(timeLeftMs(pace, 500)).toBe(60_500);
  });

  test('counts a pause, and the lower limit after it', () => {
    const planned = followEvent(startPace(10, []), { ...PLANNED, requests: 2 }, 0);
    const pace = followEvent(planned, { kind: 'slowed', limit: 1, pauseMs: 90_000 }, 0);
    expect(timeLeftMs(pace, 0)).toBe(90_000 + 60_500);
  });

  test('is zero when all is done, answered or given up', () => {
    const pace = repeat(followEvent(startPace(2, []), { ...PLANNED, requests: 3 }, 0), FAILED, 3, 0, 0);
    expect(timeLeftMs(pace, 0)).toBe(0);
  });
});

describe('the wait for the next request', () => {
  test('is zero where a place is free', () => {
    expect(waitMs(startPace(2, [0]), 0)).toBe(0);
  });

  test('lasts until the oldest request that fills the limit has left the window', () => {
    expect(waitMs(startPace(2, [0, 1_000, 2_000]), 3_000)).toBe(1_000 + 60_500 - 3_000);
  });
});
