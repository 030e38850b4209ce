import { getEventListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createRateLimiter } from '../../ingestion/coingecko/rate-limiter.ts';
import type { RateLimiter } from '../../ingestion/ports.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const START = Date.UTC(2026, 10, 23, 2);
const HELD_MS = 60_500;
const never = new AbortController().signal;

/** @param recentEnds as moments; the limiter is told how long ago they are. */
function setUp(requestsPerMinute: number, recentEnds: number[] = []) {
  const clock = createVirtualClock(START);
  const recentAgesMs = recentEnds.map((end) => START - end);
  return { clock, limiter: createRateLimiter({ requestsPerMinute, clock, recentAgesMs }) };
}

/** Takes permits at once, and notes when each was granted, in seconds after START. */
function takeMany(limiter: RateLimiter, clock: { now(): number }, count: number, signal = never) {
  const grants: { number: number; at: number; release(): void }[] = [];
  const taken = Array.from({ length: count }, async (_, number) => {
    const permit = await limiter.acquire(signal);
    grants.push({ number, at: (clock.now() - START) / 1000, release: permit.release });
  });
  return { grants, taken };
}

describe('the request limiter', () => {
  test('grants as many permits as its limit at once, then in order, 60.5 s after each answer', async () => {
    const { clock, limiter } = setUp(3);
    const { grants } = takeMany(limiter, clock, 5);
    await clock.advance(1_000);
    expect(grants.map(({ at }) => at)).toEqual([0, 0, 0]);

    grants[1]?.release();
    await clock.advance(2_000);
    grants[0]?.release();
    await clock.advance(59_499);
    expect(grants).toHaveLength(3 + 1);
    await clock.advance(1_000_000);
    expect(grants.map(({ at }) => at)).toEqual([0, 0, 0, 1 + 60.5, 3 + 60.5]);
    expect(grants.map(({ number }) => number)).toEqual([0, 1, 2, 3, 4]);
  });

  test('a permit released twice is freed once', async () => {
    const { clock, limiter } = setUp(1);
    const first = await limiter.acquire(never);
    first.release();
    first.release();
    const { grants } = takeMany(limiter, clock, 2);
    await clock.advance(HELD_MS * 3);
    expect(grants).toHaveLength(1);
  });

  test('a permit given back is free at once: its request never left this machine', async () => {
    const { limiter } = setUp(1);
    const permit = await limiter.acquire(never);
    permit.giveBack();
    permit.release();
    await expect(limiter.acquire(never)).resolves.toBeDefined();
  });

  test('starts with the requests of earlier processes: each holds a permit until 60.5 s after its end', async () => {
    // One that lies in the future counts as of this moment: another machine's clock.
    const { clock, limiter } = setUp(4, [START - 10_000, START + 3_600_000, START - 61_000, START - 30_000]);
    const { grants } = takeMany(limiter, clock, 4);
    await clock.runUntilIdle();
    expect(grants.map(({ at }) => at)).toEqual([0, 30.5, 50.5, 60.5]);
  });

  test('more earlier requests than permits make the first wait until enough have left', async () => {
    const { clock, limiter } = setUp(2, [START - 4_000, START - 3_000, START - 2_000, START - 1_000]);
    const { grants } = takeMany(limiter, clock, 2);
    await clock.runUntilIdle();
    expect(grants.map(({ at }) => at)).toEqual([58.5, 59.5]);
  });
});

describe('waiting for a permit', () => {
  test('ends with the reason of the signal, and gives the turn to the next', async () => {
    const { clock, limiter } = setUp(1);
    const { grants } = takeMany(limiter, clock, 1);
    const abort = new AbortController();
    const waiting = limiter.acquire(abort.signal);
    const next = takeMany(limiter, clock, 1);
    await clock.advance(1_000);
    grants[0]?.release();
    const reason = new Error('the deadline is near');
    abort.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await clock.runUntilIdle();
    expect(next.grants.map(({ at }) => at)).toEqual([61.5]);
  });

  test('leaves nothing behind on a signal that outlives it', async () => {
    const { clock, limiter } = setUp(1, [START]);
    const { signal } = new AbortController();
    takeMany(limiter, clock, 1, signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await clock.runUntilIdle();
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('leaves nobody asleep once the last waiter has left, and serves who comes afterwards', async () => {
    const { clock, limiter } = setUp(1, [START]);
    const abort = new AbortController();
    const waiting = limiter.acquire(abort.signal);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    const later = takeMany(limiter, clock, 1);
    await clock.runUntilIdle();
    expect(later.grants.map(({ at }) => at)).toEqual([60.5]);

    const last = new AbortController();
    const { taken } = takeMany(limiter, clock, 1, last.signal);
    later.grants[0]?.release();
    last.abort(new Error('enough'));
    await expect(taken[0]).rejects.toThrow('enough');
    const before = clock.now();
    await clock.runUntilIdle();
    expect(clock.now()).toBe(before);
  });
});

describe('after a 429', () => {
  test('everyone pauses, those who wait already too, and the limit falls to three quarters', async () => {
    const { clock, limiter } = setUp(4, [START, START, START]);
    await limiter.acquire(never);
    const { grants } = takeMany(limiter, clock, 3);
    limiter.slowDown(119_000);
    expect(limiter.limit).toBe(3);
    await clock.runUntilIdle();
    // One permit of three is held by the request still in flight.
    expect(grants.map(({ at }) => at)).toEqual([119, 119]);
  });

  test('the refusals of one burst lower the limit once, and the longest pause counts', async () => {
    const { clock, limiter } = setUp(8);
    const { grants } = takeMany(limiter, clock, 8);
    await clock.advance(0);
    for (const pauseMs of [10_000, 90_000, 20_000]) limiter.slowDown(pauseMs);
    for (const { release } of grants) release();
    expect(limiter.limit).toBe(6);
    const next = takeMany(limiter, clock, 6);
    await clock.advance(30_000);
    // One that comes after its own pause is of the burst too.
    limiter.slowDown(1_000);
    await clock.runUntilIdle();
    expect(limiter.limit).toBe(6);
    expect(next.grants.map(({ at }) => at)).toEqual(Array(6).fill(90));
  });

  test('each further burst lowers it again, never below one, and it is not raised', async () => {
    const { clock, limiter } = setUp(5);
    const limits: number[] = [];
    for (let burst = 0; burst < 6; burst++) {
      const { grants } = takeMany(limiter, clock, 1);
      await clock.runUntilIdle();
      limiter.slowDown(1_000);
      grants[0]?.release();
      limits.push(limiter.limit);
    }
    expect(limits).toEqual([3, 2, 1, 1, 1, 1]);
    await clock.advance(24 * 3_600_000);
    expect(limiter.limit).toBe(1);
  });
});

describe('the wait for further requests', () => {
  test('is zero for as many as the limit leaves', () => {
    const { limiter } = setUp(3, [START]);
    expect([0, 1, 2].map((count) => limiter.waitMs(count))).toEqual([0, 0, 0]);
    expect(limiter.waitMs(3)).toBe(HELD_MS);
  });

  test('goes by the permits of earlier requests, then round after round', () => {
    const { limiter } = setUp(2, [START - 50_000, START - 10_000]);
    expect(limiter.waitMs(1)).toBe(10_500);
    expect(limiter.waitMs(2)).toBe(50_500);
    // The third can go when the first of them has been used, answered within half a second, and come free again.
    expect(limiter.waitMs(3)).toBe(10_500 + HELD_MS + 500);
  });

  test('counts requests in flight as answered soon', async () => {
    const { clock, limiter } = setUp(1);
    takeMany(limiter, clock, 1);
    await clock.advance(0);
    expect(limiter.waitMs(1)).toBe(HELD_MS + 500);
  });

  test('counts a pause, and the lower limit after it', async () => {
    const { clock, limiter } = setUp(2);
    takeMany(limiter, clock, 1);
    await clock.advance(0);
    limiter.slowDown(90_000);
    expect(limiter.limit).toBe(1);
    expect(limiter.waitMs(1)).toBe(90_000);
  });
});

describe('as the server sees it', () => {
  const upTo = (max: number) => fc.integer({ min: 0, max });
  const seldom = (milliseconds: fc.Arbitrary<number>) =>
    fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: milliseconds });
  /** When a request comes, how long it lasts, at which share of that the server sees it, and what befalls it. */
  const request = fc.record({
    delayMs: upTo(40_000),
    latencyMs: fc.oneof(upTo(2_000), upTo(90_000)),
    seenAfter: fc.double({ min: 0, max: 1, noNaN: true }),
    abortedAfterMs: seldom(upTo(150_000)),
    pauseMs: seldom(upTo(120_000)),
  });
  const process = fc.record({
    requests: fc.array(request, { minLength: 1, maxLength: 15 }),
    killedAfterMs: seldom(upTo(120_000)),
  });

  test('at no moment more than N in any 60 s, whatever the latencies, pauses, aborts and restarts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.array(process, { minLength: 1, maxLength: 3 }),
        async (limit, processes) => {
          const clock = createVirtualClock(START);
          const seen: number[] = [];
          // What each process leaves to the next; the requests of a killed one end with it.
          const ends: number[] = [];
          for (const { requests, killedAfterMs } of processes) {
            const recentAgesMs = ends.map((end) => clock.now() - end);
            const limiter = createRateLimiter({ requestsPerMinute: limit, clock, recentAgesMs });
            const kill = new AbortController();
            const work = requests.map(async ({ delayMs, latencyMs, seenAfter, abortedAfterMs, pauseMs }) => {
              const abort = new AbortController();
              const signal = AbortSignal.any([abort.signal, kill.signal]);
              await clock.sleep(delayMs, kill.signal);
              if (abortedAfterMs !== null) clock.sleep(abortedAfterMs).then(() => abort.abort());
              const permit = await limiter.acquire(signal);
              const reachesServerAt = clock.now() + latencyMs * seenAfter;
              await clock.sleep(latencyMs, signal).catch(() => {});
              seen.push(Math.min(reachesServerAt, clock.now()));
              ends.push(clock.now());
              if (kill.signal.aborted) return;
              if (pauseMs !== null) limiter.slowDown(pauseMs);
              permit.release();
            });
            const settled = Promise.allSettled(work);
            if (killedAfterMs !== null) {
              await clock.advance(killedAfterMs);
              kill.abort();
            }
            await clock.runUntilIdle();
            await settled;
          }
          seen.sort((a, b) => a - b);
          for (const [index, at] of seen.entries()) {
            const oneTooMany = seen[index + limit] ?? Number.POSITIVE_INFINITY;
            expect(oneTooMany - at).toBeGreaterThan(60_000);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
