import { MINUTE_MS } from '../domain/day.ts';
import type { Clock, Permit, RateLimiter } from '../ports.ts';

/**
 * CoinGecko counts a request at some moment between its start and its answer, so a permit is held for a minute from the
 * answer on. Half a second more covers clocks that run unequally, and an aborted request that arrives after its abort.
 */
export const PERMIT_HELD_MS = MINUTE_MS + 500;

/** What is left of the limit after a 429: three quarters. */
const REMAINDER = 0.75;

/** The wait for a further permit starts at the earliest here; an answer takes about as long. */
const USUAL_ANSWER_MS = 500;

type Options = Readonly<{ requestsPerMinute: number; clock: Pacing; recentAgesMs: readonly number[] }>;
type Pacing = Pick<Clock, 'monotonicMs' | 'sleep'>;

/**
 * A sliding window over all requests of the process, first come first served: the server never sees more than
 * `requestsPerMinute` in any 60 s. It goes by the monotonic clock, so that a wall clock that is set neither stalls it
 * nor lets it burst.
 * @param options.recentAgesMs how long ago requests of earlier processes ended; those of the last 60.5 s hold a permit.
 */
export function createRateLimiter({ requestsPerMinute, clock, recentAgesMs }: Options): RateLimiter {
  const startedAt = clock.monotonicMs();
  let limit = requestsPerMinute;
  let inFlight = 0;
  /** When the permits of ended requests become free, in order. A negative age is another machine's clock. */
  const freeAt = recentAgesMs.map((age) => startedAt - Math.max(0, age) + PERMIT_HELD_MS).sort((a, b) => a - b);
  let pausedUntil = startedAt;
  let acquiredSinceSlowDown = true;
  /** The grants of those who wait, in order of arrival. */
  const waiting = new Set<() => void>();
  let alarm: AbortController | null = null;

  function forgetFreed(): void {
    const now = clock.monotonicMs();
    while (freeAt[0] !== undefined && freeAt[0] <= now) freeAt.shift();
  }

  /** @returns when the next permit can be had; undefined while that depends on requests in flight. */
  function nextPermitAt(): number | undefined {
    forgetFreed();
    const excess = inFlight + freeAt.length - limit;
    const at = excess < 0 ? pausedUntil : freeAt[excess];
    return at === undefined ? undefined : Math.max(at, pausedUntil);
  }

  /** Grants what can be granted, and sets the alarm for the next. Called after everything that may free a permit. */
  function serve(): void {
    for (const grant of waiting) {
      const at = nextPermitAt();
      if (at === undefined) return;
      if (at > clock.monotonicMs()) return void wakeAt(at);
      waiting.delete(grant);
      grant();
    }
  }

  // One alarm is enough: the moment it is set for only ever gets later, and then it is set again.
  function wakeAt(at: number): void {
    if (alarm) return;
    alarm = new AbortController();
    const woken = () => {
      alarm = null;
      serve();
    };
    clock.sleep(at - clock.monotonicMs(), alarm.signal).then(woken, woken);
  }

  function permit(): Permit {
    let isHeld = true;
    inFlight += 1;
    acquiredSinceSlowDown = true;
    function end(wasSent: boolean): void {
      if (!isHeld) return;
      isHeld = false;
      inFlight -= 1;
      if (wasSent) freeAt.push(clock.monotonicMs() + PERMIT_HELD_MS);
      serve();
    }
    return { release: () => end(true), giveBack: () => end(false) };
  }

  return {
    get limit() {
      return limit;
    },
    get inFlight() {
      return inFlight;
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
      pausedUntil = Math.max(pausedUntil, clock.monotonicMs() + pauseMs);
      // A whole burst may be refused: only what was sent under the lowered limit says that it is still too high.
      if (acquiredSinceSlowDown) limit = Math.max(1, Math.floor(limit * REMAINDER));
      acquiredSinceSlowDown = false;
    },
    waitMs(count) {
      if (count <= 0) return 0;
      forgetFreed();
      const now = clock.monotonicMs();
      const answered = now + USUAL_ANSWER_MS + PERMIT_HELD_MS;
      // Permits come free in rounds: what is free now, what is held, then the same again once each has been used.
      const free = Math.max(0, limit - inFlight - freeAt.length);
      const round = [...Array(free).fill(now), ...freeAt, ...Array(inFlight).fill(answered)].slice(-limit);
      const rounds = Math.floor((count - 1) / limit);
      const at = round[(count - 1) % limit] ?? now;
      return Math.max(0, Math.max(at, pausedUntil) + rounds * (PERMIT_HELD_MS + USUAL_ANSWER_MS) - now);
    },
  };
}
