import type { Instant } from '../../ingestion/domain/day.ts';
import type { Clock } from '../../ingestion/ports.ts';

export type VirtualClock = ReturnType<typeof createVirtualClock>;

type Sleeper = { readonly at: Instant; readonly wake: () => void };

/** A clock that stands still until the test moves it. */
export function createVirtualClock(startMs: Instant) {
  let now = startMs;
  let wallAheadMs = 0;
  const sleepers = new Set<Sleeper>();

  /** Lets every promise settle that needs no clock. */
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  // Of several with the same moment the one that slept first wakes first: a Set keeps its order.
  function next(until: Instant): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const sleeper of sleepers) {
      if (sleeper.at <= until && (first === undefined || sleeper.at < first.at)) first = sleeper;
    }
    return first;
  }

  async function moveTo(until: Instant): Promise<void> {
    await settle();
    for (let sleeper = next(until); sleeper; sleeper = next(until)) {
      sleepers.delete(sleeper);
      now = Math.max(now, sleeper.at);
      sleeper.wake();
      await settle();
    }
    // Another advance under way may have come further.
    if (Number.isFinite(until)) now = Math.max(now, until);
  }

  const clock: Clock = {
    now: () => now + wallAheadMs,
    monotonicMs: () => now,
    sleep(durationMs, signal) {
      return new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const abort = () => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        const wake = () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        };
        const sleeper = { at: now + durationMs, wake };
        signal?.addEventListener('abort', abort, { once: true });
        sleepers.add(sleeper);
      });
    },
  };
  return {
    ...clock,
    /** Sets the wall clock ahead, or back where negative; nobody's waiting changes. */
    setWall(byMs: number) {
      wallAheadMs += byMs;
    },
    /** Moves on by that long; sleepers wake at their own moments on the way, and what they do then happens then. */
    advance: (durationMs: number) => moveTo(now + durationMs),
    /** Moves on from sleeper to sleeper until nobody sleeps. */
    runUntilIdle: () => moveTo(Number.POSITIVE_INFINITY),
  };
}
