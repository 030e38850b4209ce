import { describe, expect, test } from '@jest/globals';
import { type FailureKind, SourceError } from '../../../ingestion/domain/failure.ts';
import { createRetryPolicy } from '../../../ingestion/domain/retry-policy.ts';

const MINUTE_MS = 60_000;
const failure = (kind: FailureKind, retryAfterMs?: number) =>
  new SourceError(kind, 'a failure', retryAfterMs === undefined ? {} : { retryAfterMs });

describe('after a failed attempt', () => {
  test('the backoff doubles, with up to half of it taken off by chance, and ends with the fifth attempt', () => {
    const delays = [1, 2, 3, 4, 5].map((attempts) =>
      [0, 1].map((random) => createRetryPolicy().failed(failure('timeout'), attempts, 0, random).retryInMs),
    );
    expect(delays).toEqual([
      [500, 1_000],
      [1_000, 2_000],
      [2_000, 4_000],
      [4_000, 8_000],
      [null, null],
    ]);
  });

  test.each<[number | undefined, number]>([
    [119_000, 119_000],
    [3_600_000, 5 * MINUTE_MS],
    [undefined, MINUTE_MS],
  ])('a 429 with a Retry-After of %p ms pauses every request for %i ms', (retryAfterMs, pauseMs) => {
    expect(createRetryPolicy().failed(failure('rate_limited', retryAfterMs), 1, 0, 1)).toEqual({
      retryInMs: 0,
      pauseMs,
      stopsTheRun: false,
    });
  });

  test.each<[FailureKind, boolean]>([
    ['not_found', false],
    ['history', false],
    ['plan', false],
    ['wrong_key', true],
  ])('%s is not asked again; that it stops the run is %p', (kind, stopsTheRun) => {
    expect(createRetryPolicy().failed(failure(kind), 1, 0, 1)).toEqual({ retryInMs: null, pauseMs: null, stopsTheRun });
  });

  test('eight failures in a row stop a run that never had an answer', () => {
    const policy = createRetryPolicy();
    const stops = Array.from({ length: 8 }, () => policy.failed(failure('network'), 1, 0, 1).stopsTheRun);
    expect(stops).toEqual([...Array(7).fill(false), true]);
  });

  test.each<FailureKind>(['not_found', 'history', 'plan', 'empty', 'wrong_granularity'])(
    '%s says that the source is there: any number of such series leaves the others their turn',
    (kind) => {
      const policy = createRetryPolicy();
      for (let count = 0; count < 20; count += 1) {
        expect(policy.failed(failure(kind), 1, count, 1).stopsTheRun).toBe(false);
      }
      for (let count = 0; count < 7; count += 1) policy.failed(failure('network'), 1, 20, 1);
      expect(policy.failed(failure('network'), 1, 20, 1).stopsTheRun).toBe(false);
      expect(policy.failed(failure('network'), 1, 20 + MINUTE_MS, 1).stopsTheRun).toBe(true);
    },
  );

  test('one that had an answer is given a minute of silence', () => {
    const policy = createRetryPolicy();
    policy.answered(0);
    for (let count = 0; count < 20; count += 1) {
      expect(policy.failed(failure('network'), 1, MINUTE_MS, 1).stopsTheRun).toBe(false);
    }
    expect(policy.failed(failure('network'), 1, MINUTE_MS + 1, 1).stopsTheRun).toBe(true);
  });
});

test('what the source asked for and was not waited out is known until it answers', () => {
  const policy = createRetryPolicy();
  expect(policy.closedForMs(0)).toBeNull();
  policy.failed(failure('rate_limited', 3_600_000), 1, 1_000, 1);
  expect(policy.closedForMs(1_000)).toBe(3_600_000);
  expect(policy.closedForMs(3_601_000)).toBeNull();
  policy.answered(2_000);
  expect(policy.closedForMs(2_000)).toBeNull();
});
