import { type Instant, MINUTE_MS } from '../domain/day.ts';
import type { Clock, Permit, RateLimiter } from '../ports.ts';

/**
 * CoinGecko sees a request somewhere between its start and its answer, so a permit counts from the answer on. Half a
 * second more covers clocks that run unequally, and an aborted request that arrives after its abort.
 */
const PERMIT_HELD_MS = MINUTE_MS + 500;

/** What is left of the limit after a 429: three quarters. */
const REMAINDER = 0.75;

/**
 * A sliding window over all requests of the process, first come first served: at no moment does the server see more than
 * `requestsPerMinute` in any 60 s.
 * @param options.recentEnds when requests of earlier processes ended; those of the last 60.5 s hold a permit.
 */
export function createRateLimiter({
  requestsPerMinute,
  clock,
  recentEnds,
}: {
  requestsPerMinute: number;
  clock: Clock;
  recentEnds: readonly Instant[];
}): RateLimiter {
  const startedAt = clock.now();
  let limit = requestsPerMinute;
  let inFlight = 0;
  /** When the places of ended requests become free, in order. An end in the future is another machine's clock. */
  const freeAt = recentEnds.map((end) => Math.min(end, startedAt) + PERMIT_HELD_MS).sort((a, b) => a - b);
  let pausedUntil = startedAt;
  let tookSinceSlowDown = true;
  /** The grants of those who wait, in order of arrival. */
  const waiting = new Set<() => void>();
  let alarm: AbortController | null = null;

  /** @returns when the next permit can be had; undefined while that depends on requests in flight. */
  function nextPermitAt(): Instant | undefined {
    while (freeAt[0] !== undefined && freeAt[0] <= clock.now()) freeAt.shift();
    const excess = inFlight + freeAt.length - limit;
    const at = excess < 0 ? pausedUntil : freeAt[excess];
    return at === undefined ? undefined : Math.max(at, pausedUntil);
  }

  /** Grants what can be granted, and sets the alarm for the next. Called after everything that may free a permit. */
  function serve(): void {
    for (const grant of waiting) {
      const at = nextPermitAt();
      if (at === undefined) return;
      if (at > clock.now()) {
        wakeAt(at);
        return;
      }
      waiting.delete(grant);
      grant();
    }
  }

  // One alarm is enough: the moment it is set for only ever gets later, and then it is set again.
  function wakeAt(at: Instant): void {
    if (alarm) return;
    alarm = new AbortController();
    const woken = () => {
      alarm = null;
      serve();
    };
    clock.sleep(at - clock.now(), alarm.signal).then(woken, woken);
  }

  function permit(): Permit {
    let isHeld = true;
    inFlight += 1;
    tookSinceSlowDown = true;
    return {
      release() {
        if (!isHeld) return;
        isHeld = false;
        inFlight -= 1;
        freeAt.push(clock.now() + PERMIT_HELD_MS);
        serve();
      },
    };
  }

  return {
    get limit() {
      return limit;
    },
    acquire(signal) {
      return new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const leave = () => {
          waiting.delete(grant);
          // The alarm must not keep a process alive that waits for nothing.
          if (waiting.size === 0) alarm?.abort();
          reject(signal.reason);
        };
        const grant = () => {
          signal.removeEventListener('abort', leave);
          resolve(permit());
        };
        signal.addEventListener('abort', leave, { once: true });
        waiting.add(grant);
        serve();
      });
    },
    slowDown(pauseMs) {
      pausedUntil = Math.max(pausedUntil, clock.now() + pauseMs);
      // Of a burst every request may be refused: only what was sent under the lowered limit says that it is too high still.
      if (tookSinceSlowDown) limit = Math.max(1, Math.floor(limit * REMAINDER));
      tookSinceSlowDown = false;
    },
  };
}
