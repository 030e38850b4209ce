import type { Instant } from './day.ts';
import { type Series, seriesName } from './series.ts';

/** What one coin costs now, in one currency, as far as the source tells. */
export type LatestPrice = Series & {
  readonly price: number;
  readonly marketCap: number | null;
  /** The rolling 24 h figure. */
  readonly volume24h: number | null;
  /** By the source's own reckoning: 1.2 for +1.2 %. */
  readonly change24hPercent: number | null;
  readonly observedAt: Instant;
};

/** @returns the series of these coins and currencies that the answer holds no price of. */
export function leftOutOf(
  latest: readonly Series[],
  { coins, currencies }: { coins: readonly string[]; currencies: readonly string[] },
): Series[] {
  const known = new Set(latest.map(seriesName));
  return coins
    .flatMap((coin) => currencies.map((currency) => ({ coin, currency })))
    .filter((series) => !known.has(seriesName(series)));
}
