// The currency rule: prices of one coin in two currencies must be apart by the rate between them.
import { DAY_MS, type Day, HOUR_MS, startOf } from './day.ts';
import { median } from './median.ts';
import { type Finding, percent } from './quality.ts';
import type { Series } from './series.ts';

/** A coin whose rate lies further than this from the other coins' has a price in the wrong currency, or a stale one. */
const MAX_COIN_DEVIATION = 0.005;

/** No currency moves by more against another from one day to the next, short of a collapse. */
const MAX_DAILY_RATE_MOVE = 0.15;

/** Fewer coins than this cannot outvote a wrong one. */
export const MIN_COINS = 3;

/** Currencies that are tied to another one: their prices are the same to the last digit. */
const PEGS: readonly (readonly [string, string])[] = [['bmd', 'usd']];

/** Those of CoinGecko's currencies that are coins, or parts of one (October 2025): they move as coins do. */
const COIN_CURRENCIES = new Set('btc eth ltc bch bnb eos xrp xlm link dot yfi sol bits sats'.split(' '));

const arePegged = (one: string, other: string): boolean =>
  PEGS.some((pair) => pair.includes(one) && pair.includes(other));

const HOURS_A_DAY = DAY_MS / HOUR_MS;

/** The mean price of each UTC hour, by hours since 1970. */
export type HourlyMeans = ReadonlyMap<number, number>;

/** What one coin says of one currency against the universe's first one on one day. */
export type CoinRate = { readonly coin: string; readonly currency: string; readonly day: Day; readonly rate: number };

/** Two currencies of one coin that have the same price in every hour that both have. */
export type SameValues = Series & { readonly sameAs: string; readonly hours: number };

/**
 * Compares one coin's currencies by the hours that both have.
 * @param base the universe's first currency.
 * @param days the days to give rates for.
 * @returns a rate for each currency and day that can be compared, and the series that equal another value for value;
 * those give no rates, since one of the two is not in its currency.
 */
export function compareCurrencies(
  coin: string,
  base: string,
  hoursByCurrency: ReadonlyMap<string, HourlyMeans>,
  days: readonly Day[],
): { rates: CoinRate[]; same: SameValues[] } {
  const same: SameValues[] = [];
  const currencies = [...hoursByCurrency.keys()];
  for (const [index, currency] of currencies.entries()) {
    for (const other of currencies.slice(0, index)) {
      const hours = arePegged(currency, other)
        ? 0
        : countIfSame(hoursByCurrency.get(currency), hoursByCurrency.get(other));
      if (hours > 0) same.push({ coin, currency, sameAs: other, hours });
    }
  }
  const suspects = new Set(same.flatMap(({ currency, sameAs }) => [currency, sameAs]).filter((code) => code !== base));
  const rates: CoinRate[] = [];
  for (const currency of currencies) {
    if (currency === base || suspects.has(currency)) continue;
    const ratios = ratiosByDay(hoursByCurrency.get(currency), hoursByCurrency.get(base));
    for (const day of days) {
      const ofDay = ratios.get(startOf(day) / DAY_MS);
      if (ofDay) rates.push({ coin, currency, day, rate: median(ofDay) });
    }
  }
  return { rates, same };
}

/** @returns how many hours both have, where their prices are the same in each; 0 where one differs. */
function countIfSame(one: HourlyMeans = new Map(), other: HourlyMeans = new Map()): number {
  let count = 0;
  for (const [hour, price] of one) {
    const otherPrice = other.get(hour);
    if (otherPrice === undefined) continue;
    if (otherPrice !== price) return 0;
    count += 1;
  }
  return count;
}

/** @returns the ratio in each hour that both have, by days since 1970. */
function ratiosByDay(of: HourlyMeans = new Map(), to: HourlyMeans = new Map()): Map<number, number[]> {
  const ratios = new Map<number, number[]>();
  for (const [hour, price] of of) {
    const basePrice = to.get(hour);
    if (basePrice === undefined) continue;
    const day = Math.floor(hour / HOURS_A_DAY);
    const ofDay = ratios.get(day);
    if (ofDay) ofDay.push(price / basePrice);
    else ratios.set(day, [price / basePrice]);
  }
  return ratios;
}

/** @returns an error finding: CoinGecko answers some wrong currencies in another one without a word. */
export const sameValuesFinding = ({ coin, currency, sameAs, hours }: SameValues): Finding => ({
  rule: 'currency',
  severity: 'error',
  coin,
  currency,
  day: null,
  detail: `${coin}/${currency} equals ${coin}/${sameAs} in all ${hours} hours that both have: the currency was ignored`,
});

/** The coins' median rate of one currency on one day. */
export type MedianRate = { readonly currency: string; readonly day: Day; readonly rate: number };

/**
 * @param minCoins 1 where the prices of all others are derived from one coin's.
 * @returns the coins' median rates by currency and day, where enough coins have one, and the coins that disagree.
 */
export function judgeRates(
  rates: readonly CoinRate[],
  minCoins: number,
): { medians: MedianRate[]; findings: Finding[] } {
  const medians: MedianRate[] = [];
  const findings: Finding[] = [];
  for (const [, ofDay] of Map.groupBy(rates, ({ currency, day }) => `${day} ${currency}`)) {
    const [first] = ofDay;
    if (!first || ofDay.length < minCoins) continue;
    const { currency, day } = first;
    const rate = median(ofDay.map((coinRate) => coinRate.rate));
    medians.push({ currency, day, rate });
    for (const { coin, rate: own } of ofDay) {
      const deviation = Math.abs(own / rate - 1);
      if (deviation <= MAX_COIN_DEVIATION) continue;
      findings.push({
        rule: 'currency',
        severity: 'warning',
        coin,
        currency,
        day,
        detail: `${coin} gives a rate of ${own} on ${day}, ${percent(deviation)} from the coins' median of ${rate}`,
      });
    }
  }
  return { medians, findings };
}

/**
 * @param base the universe's first currency.
 * @returns a finding when the rate moved further from the last final day's than a currency does. Coins do.
 */
export function judgeRateMove(now: MedianRate, before: { day: Day; rate: number }, base: string): Finding[] {
  if (COIN_CURRENCIES.has(now.currency) || COIN_CURRENCIES.has(base)) return [];
  const move = Math.abs(now.rate / before.rate - 1);
  if (move <= MAX_DAILY_RATE_MOVE) return [];
  return [
    {
      rule: 'currency',
      severity: 'warning',
      coin: null,
      currency: now.currency,
      day: now.day,
      detail: `The coins' median rate is ${now.rate} on ${now.day} and was ${before.rate} on ${before.day}: ${percent(move)} apart`,
    },
  ];
}
