import { describe, expect, test } from '@jest/globals';
import { type FailureKind, SourceError } from '../../../ingestion/domain/failure.ts';
import { createRetryPolicy, type RetryPolicy } from '../../../ingestion/domain/retry-policy.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** Kinds of failure by which the source has answered, of one series. */
const ANSWERS = ['not_found', 'history', 'plan', 'empty', 'wrong_granularity'] as const;

type Attempt = { at?: number; tookMs?: number; attempts?: number; retryAfterMs?: number; random?: number };

/** A failure that ends at that moment, after a request that took no time unless said. */
function fail(policy: RetryPolicy, kind: FailureKind, attempt: Attempt = {}) {
  const { at = 0, tookMs = 0, attempts = 1, retryAfterMs, random = 1 } = attempt;
  const error = new SourceError(kind, 'a failure', retryAfterMs === undefined ? {} : { retryAfterMs });
  return policy.failed({ error, sentAt: at - tookMs, endedAt: at, attempts }, random);
}

describe('after a failed attempt', () => {
  test('the backoff doubles, with up to half of it taken off by chance, and ends with the fifth attempt', () => {
    const delays = [1, 2, 3, 4, 5].map((attempts) =>
      [0, 1].map((random) => fail(createRetryPolicy(), 'timeout', { attempts, random }).retryInMs),
    );
    expect(delays).toEqual([
      [500, 1_000],
      [1_000, 2_000],
      [2_000, 4_000],
      [4_000, 8_000],
      [null, null],
    ]);
  });

  test.each<FailureKind>([...ANSWERS, 'wrong_key'])('%s is not asked again; a wrong key stops the run', (kind) => {
    const stopsTheRun = kind === 'wrong_key';
    expect(fail(createRetryPolicy(), kind)).toEqual({ retryInMs: null, pauseMs: null, stopsTheRun });
  });
});

describe('a source that is away', () => {
  test('is given up when nothing but failures has come for a minute', () => {
    const policy = createRetryPolicy();
    const failures = [0, 20, 40, 59, 60].map((seconds) => fail(policy, 'network', { at: seconds * SECOND_MS }));
    expect(failures.map(({ stopsTheRun }) => stopsTheRun)).toEqual([false, false, false, false, true]);
  });

  test('is not given up for requests side by side that fail together, however many and however slowly', () => {
    const policy = createRetryPolicy();
    for (let count = 0; count < 100; count += 1) {
      expect(fail(policy, 'timeout', { at: 30 * SECOND_MS + count, tookMs: 30 * SECOND_MS }).stopsTheRun).toBe(false);
      expect(fail(policy, 'server_error', { at: 91 * SECOND_MS, tookMs: 90 * SECOND_MS }).stopsTheRun).toBe(false);
    }
  });

  test.each<FailureKind>([...ANSWERS, 'rate_limited'])('%s is an answer: the minute begins anew', (kind) => {
    const policy = createRetryPolicy();
    fail(policy, 'network', { at: 0 });
    fail(policy, kind, { at: 30 * SECOND_MS });
    expect(fail(policy, 'network', { at: 70 * SECOND_MS }).stopsTheRun).toBe(false);
    expect(fail(policy, 'network', { at: 131 * SECOND_MS }).stopsTheRun).toBe(true);
  });

  test('is there again with the first answer', () => {
    const policy = createRetryPolicy();
    fail(policy, 'network', { at: 0 });
    policy.answered();
    expect(fail(policy, 'network', { at: 10 * MINUTE_MS }).stopsTheRun).toBe(false);
  });
});

describe('a 429', () => {
  test.each<[number | undefined, number]>([
    [119_000, 119_000],
    [3_600_000, 5 * MINUTE_MS],
    [0, SECOND_MS],
    [undefined, SECOND_MS],
  ])('with a Retry-After of %p ms pauses every request for %i ms', (retryAfterMs, pauseMs) => {
    const attempt = retryAfterMs === undefined ? {} : { retryAfterMs };
    expect(fail(createRetryPolicy(), 'rate_limited', attempt)).toEqual({ retryInMs: 0, pauseMs, stopsTheRun: false });
  });

  test('that follows another doubles the pause, until an answer comes; a quarter of an hour in a row is enough', () => {
    const policy = createRetryPolicy();
    const seconds: number[] = [];
    let at = 0;
    const failNext = () => fail(policy, 'rate_limited', { at, retryAfterMs: 0 });
    for (let next = failNext(); ; next = failNext()) {
      expect(next.retryInMs === null).toBe(next.stopsTheRun);
      if (next.stopsTheRun) break;
      seconds.push((next.pauseMs ?? 0) / SECOND_MS);
      at += next.pauseMs ?? 0;
    }
    expect(seconds).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
    policy.answered();
    expect(failNext()).toMatchObject({ pauseMs: SECOND_MS, stopsTheRun: false });
  });

  test('of the same burst lengthens nothing', () => {
    const policy = createRetryPolicy();
    fail(policy, 'rate_limited', { at: 100, tookMs: 100, retryAfterMs: 4_000 });
    expect(fail(policy, 'rate_limited', { at: 600, tookMs: 600, retryAfterMs: 4_000 }).pauseMs).toBe(3_500);
    expect(fail(policy, 'rate_limited', { at: 9_000, tookMs: 9_000 }).pauseMs).toBe(0);
  });

  test('tells how long the source wants no requests, until it answers', () => {
    const policy = createRetryPolicy();
    expect(policy.closedForMs(0)).toBeNull();
    fail(policy, 'rate_limited', { at: 1_000, retryAfterMs: 3_600_000 });
    expect(policy.closedForMs(1_000)).toBe(3_600_000);
    expect(policy.closedForMs(3_601_000)).toBeNull();
    policy.answered();
    expect(policy.closedForMs(2_000)).toBeNull();
  });
});
