import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from './ports.ts';

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(durationMs, signal) {
    try {
      // A moment that has come while it was reckoned is a fraction of a millisecond ago.
      await delay(Math.max(0, durationMs), undefined, signal ? { signal } : {});
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    }
  },
};

/**
 * The same clock, whose moments go on from now as the monotonic ones do. Set ahead or back in the middle of a run, the wall
 * clock would else make an answer's day unsettled again, or settled too early.
 */
export function steady(clock: Clock): Clock {
  const aheadMs = clock.now() - clock.monotonicMs();
  return { ...clock, now: () => clock.monotonicMs() + aheadMs };
}
