import type { Instant } from './day.ts';
import { type CrossRateBase, type Series, seriesName } from './series.ts';

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

export type AskedPrices = Readonly<Record<'coins' | 'currencies', readonly string[]>>;

/** The most coins that one request names. */
const COINS_A_REQUEST = 250;

/** @returns the coins of each request for latest prices. The base's is in each: the rates of the others are compared with its. */
export function planLatestRequests(coins: readonly string[], base: CrossRateBase | null): string[][] {
  const always = base === null ? [] : [base.coin];
  const others = [...new Set(coins)].filter((coin) => !always.includes(coin));
  const most = COINS_A_REQUEST - always.length;
  const count = Math.max(1, Math.ceil(others.length / most));
  return Array.from({ length: count }, (_, index) => [...always, ...others.slice(index * most, (index + 1) * most)]);
}

/** @returns the series of these coins and currencies that the answer holds no price of. */
export function leftOutOf(latest: readonly Series[], { coins, currencies }: AskedPrices): Series[] {
  const known = new Set(latest.map(seriesName));
  return coins
    .flatMap((coin) => currencies.map((currency) => ({ coin, currency })))
    .filter((series) => !known.has(seriesName(series)));
}
