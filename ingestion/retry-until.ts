import type { Clock } from './ports.ts';

/**
 * Tries until an attempt succeeds; the last one is made when the time is up, and its failure is thrown.
 * @param giveUpAt on the monotonic clock.
 */
export async function retryUntil<Result>(
  giveUpAt: number,
  attempt: () => Promise<Result>,
  options: {
    readonly everyMs: number;
    readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
    /** Tells the failures that may pass with time from those that end the waiting at once. */
    readonly isWaitedFor: (failure: Error) => boolean;
    readonly onWait?: (failure: Error) => void;
  },
): Promise<Result> {
  const { everyMs, clock, isWaitedFor, onWait } = options;
  for (;;) {
    try {
      return await attempt();
    } catch (failure) {
      const leftMs = giveUpAt - clock.monotonicMs();
      if (leftMs <= 0 || !(failure instanceof Error) || !isWaitedFor(failure)) throw failure;
      onWait?.(failure);
      await clock.sleep(Math.min(everyMs, leftMs));
    }
  }
}
