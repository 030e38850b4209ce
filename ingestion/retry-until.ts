import type { Clock } from './ports.ts';

/**
 * Tries until an attempt succeeds. The last attempt is made when the time is up.
 * @param giveUpAt on the monotonic clock.
 * @param options.isWaitedFor tells the failures that may pass with time from those that end the waiting at once.
 * @param options.onWait is told of each failure that is waited for.
 * @returns the result of the first attempt that succeeds.
 * @throws the failure of the last attempt.
 */
export async function retryUntil<Result>(
  giveUpAt: number,
  attempt: () => Promise<Result>,
  options: {
    readonly everyMs: number;
    readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
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
