import { MINUTE_MS, SECOND_MS } from './time.ts';

/** Judges one request at its arrival. @returns null where it may pass, else after how many whole seconds one may. */
export type RateLimit = (receivedAt: number) => number | null;

/** At most that many requests in any 60 s. A refused request counts too, as it does at CoinGecko. */
export function makeRateLimit(requestsPerMinute: number | null): RateLimit {
  if (requestsPerMinute === null) return () => null;
  let arrivals: number[] = [];
  return (receivedAt) => {
    arrivals = arrivals.filter((at) => at > receivedAt - MINUTE_MS);
    const isOver = arrivals.length >= requestsPerMinute;
    arrivals.push(receivedAt);
    const blocking = arrivals.at(-requestsPerMinute) ?? receivedAt;
    return isOver ? Math.ceil((blocking + MINUTE_MS - receivedAt) / SECOND_MS) : null;
  };
}
