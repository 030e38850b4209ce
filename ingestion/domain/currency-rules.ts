// The currency rule: prices of one coin in two currencies must be apart by the rate between them.
import { type Day, dayOf, HOUR_MS } from './day.ts';
import { median } from './outliers.ts';
import { type Finding, percent } from './quality.ts';
import { COIN_CURRENCIES } from './series.ts';

/** A coin whose rate lies further than this from the other coins' has a price in the wrong currency, or a stale one. */
const MAX_COIN_DEVIATION = 0.005;

/** No currency moves by more against another from one day to the next, short of a collapse. */
const MAX_DAILY_RATE_MOVE = 0.15;

/** Fewer coins than this cannot outvote a wrong one. */
export const MIN_COINS = 3;

/** Currencies that are tied to another one: their prices are the same to the last digit. */
const PEGS: readonly (readonly [string, string])[] = [['bmd', 'usd']];

const arePegged = (one: string, other: string): boolean =>
  PEGS.some((pair) => pair.includes(one) && pair.includes(other));

/** The mean price of each UTC hour, by hours since 1970. */
export type HourlyMeans = ReadonlyMap<number, number>;

/** The rate of one currency against the universe's first one on one day, by one coin or by the median of all. */
export type MedianRate = { readonly currency: string; readonly day: Day; readonly rate: number };
export type CoinRate = MedianRate & { readonly coin: string };

/**
 * Compares one coin's currencies by the hours that both have.
 * @returns a rate for each currency and day that can be compared, and an error finding for each series that equals another
 * value for value: CoinGecko answers some wrong currencies in another one without a word. These give no rates.
 */
export function compareCurrencies(
  coin: string,
  base: string,
  hoursByCurrency: ReadonlyMap<string, HourlyMeans>,
  days: readonly Day[],
): { rates: CoinRate[]; findings: Finding[] } {
  const findings: Finding[] = [];
  const suspects = new Set<string>();
  const currencies = [...hoursByCurrency.keys()];
  for (const [index, currency] of currencies.entries()) {
    for (const other of currencies.slice(0, index)) {
      if (arePegged(currency, other)) continue;
      const common = ratiosOf(hoursByCurrency.get(currency), hoursByCurrency.get(other));
      if (!common.every(({ isSame }) => isSame) || common.length === 0) continue;
      suspects.add(currency).add(other);
      const both = `${coin}/${currency} equals ${coin}/${other} in all ${common.length} hours that both have`;
      const detail = `${both}: the currency was ignored`;
      findings.push({ rule: 'currency', severity: 'error', coin, currency, day: null, detail });
    }
  }
  const comparable = currencies.filter((currency) => currency !== base && !suspects.has(currency));
  const rates = comparable.flatMap((currency) => {
    const ratios = ratiosOf(hoursByCurrency.get(currency), hoursByCurrency.get(base));
    const byDay = Map.groupBy(ratios, ({ hour }) => dayOf(hour * HOUR_MS));
    return days.flatMap((day) => {
      const ofDay = byDay.get(day)?.map(({ ratio }) => ratio);
      return ofDay ? [{ coin, currency, day, rate: median(ofDay) }] : [];
    });
  });
  return { rates, findings };
}

/** The ratio in each hour that both have. */
function ratiosOf(one: HourlyMeans = new Map(), other: HourlyMeans = new Map()) {
  return [...one].flatMap(([hour, price]) => {
    const divisor = other.get(hour);
    return divisor === undefined ? [] : [{ hour, ratio: price / divisor, isSame: price === divisor }];
  });
}

/**
 * @param minCoins 1 where the prices of all others are derived from one coin's.
 * @returns the coins' median rates by currency and day, where enough coins have one, and the coins that disagree.
 */
export function judgeRates(rates: readonly CoinRate[], minCoins: number) {
  const medians: MedianRate[] = [];
  const findings: Finding[] = [];
  for (const ofDay of Map.groupBy(rates, ({ currency, day }) => `${day} ${currency}`).values()) {
    const [first] = ofDay;
    if (!first || ofDay.length < minCoins) continue;
    const { currency, day } = first;
    const rate = median(ofDay.map((coinRate) => coinRate.rate));
    medians.push({ currency, day, rate });
    for (const { coin, rate: own } of ofDay) {
      const deviation = Math.abs(own / rate - 1);
      if (deviation <= MAX_COIN_DEVIATION) continue;
      const detail = `${coin} gives a rate of ${own} on ${day}, ${percent(deviation)} from the coins' median of ${rate}`;
      findings.push({ rule: 'currency', severity: 'warning', coin, currency, day, detail });
    }
  }
  return { medians, findings };
}

/** @returns a finding when the rate moved further from the last final day's than a currency does. Coins do. */
export function judgeRateMove(now: MedianRate, before: { day: Day; rate: number }, base: string): Finding[] {
  const { currency, day, rate } = now;
  if (COIN_CURRENCIES.has(currency) || COIN_CURRENCIES.has(base)) return [];
  const move = Math.abs(rate / before.rate - 1);
  if (move <= MAX_DAILY_RATE_MOVE) return [];
  const detail = `The coins' median rate is ${rate} on ${day} and was ${before.rate} on ${before.day}: ${percent(move)} apart`;
  return [{ rule: 'currency', severity: 'warning', coin: null, currency, day, detail }];
}
