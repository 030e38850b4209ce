import { MINUTE_MS, SECOND_MS } from './time.ts';

/** Judges a request when it arrives. @returns null where it may pass, else the whole seconds until one may. */
export type RateLimit = (receivedAt: number) => number | null;

/** Lets that many requests pass in any 60 s. As at CoinGecko, a refused request counts too. */
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
