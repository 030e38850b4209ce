// Prices in other currencies, out of one: CoinGecko turns every coin's price into them by one rate a moment.
import { judgeSamples, sortedDistinct } from './aggregation.ts';
import type { Samples } from './daily-price.ts';
import { dayOf, HOUR_MS, type Instant, MINUTE_MS } from './day.ts';
import { median } from './median.ts';
import { type Finding, percent } from './quality.ts';
import { type CrossRateBase, type Series, seriesName } from './series.ts';

/** A sample that is further from every moment with a rate has none. */
const MAX_DISTANCE_MS = 90 * MINUTE_MS;

/** A rate further off the median of the 24 h around it is a fault of one of the two answers. */
const MAX_DEVIATION = 0.15;
const MEDIAN_REACH_MS = 12 * HOUR_MS;

/** Within one answer of latest prices all coins have the same rates: the proof that lets prices be derived. */
const MAX_COIN_DEVIATION = 0.005;

/** The rates of one currency against the first one, in time order. */
export type CrossRates = readonly { readonly at: Instant; readonly rate: number }[];

/**
 * @param inBase the reference's samples in the first currency, of all its answers.
 * @param inCurrency those in the other one.
 * @returns the rates at all moments that both hold, and a finding for each that was left out as a fault.
 */
export function ratesBetween(
  currency: string,
  inBase: Samples['prices'],
  inCurrency: Samples['prices'],
): { rates: CrossRates; findings: Finding[] } {
  const basePrices = pricesByMoment(inBase);
  const all = [...pricesByMoment(inCurrency)].flatMap(([at, price]) => {
    const basePrice = basePrices.get(at);
    return basePrice === undefined ? [] : [{ at, rate: price / basePrice }];
  });
  const rates: { at: Instant; rate: number }[] = [];
  const findings: Finding[] = [];
  let first = 0;
  let end = 0;
  for (const one of all) {
    while ((all[first]?.at ?? 0) < one.at - MEDIAN_REACH_MS) first += 1;
    while (end < all.length && (all[end]?.at ?? 0) <= one.at + MEDIAN_REACH_MS) end += 1;
    const usual = median(all.slice(first, end).map(({ rate }) => rate));
    const deviation = Math.abs(one.rate / usual - 1);
    if (deviation <= MAX_DEVIATION) rates.push(one);
    else {
      findings.push({
        rule: 'cross_rate',
        severity: 'warning',
        coin: null,
        currency,
        day: dayOf(one.at),
        detail: `The rate of ${currency} at ${new Date(one.at).toISOString()} is ${one.rate}, ${percent(deviation)} off the median of ${usual} around it; it was not used`,
      });
    }
  }
  return { rates, findings };
}

/** @returns the prices of each moment, in time order. Faults are left out, and moments with several prices. */
function pricesByMoment(points: Samples['prices']): Map<Instant, number> {
  const { valid, rejected } = judgeSamples(sortedDistinct(points));
  const prices = [...valid.values()].filter((sample) => !rejected.has(sample));
  const counts = Map.groupBy(prices, ({ at }) => at);
  return new Map(
    [...counts].flatMap(([at, [only, ...others]]) => (only && others.length === 0 ? [[at, only.price]] : [])),
  );
}

/**
 * @returns the samples in the rates' currency, each by the rate of the nearest moment; those that no rate is near enough to
 * are left out. Market caps follow no rate. What is no number stays as it is: it will be rejected.
 */
export function deriveSamples({ prices, volumes }: Samples, rates: CrossRates): Samples {
  const derived = (points: Samples['prices']) =>
    points.flatMap(([at, value]): [Instant, unknown][] => {
      const rate = rateAt(rates, at);
      if (rate === null) return [];
      return [[at, typeof value === 'number' ? value * rate : value]];
    });
  return { prices: derived(prices), marketCaps: [], volumes: derived(volumes) };
}

function rateAt(rates: CrossRates, at: Instant): number | null {
  let [from, to] = [0, rates.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((rates[middle]?.at ?? 0) < at) from = middle + 1;
    else to = middle;
  }
  const [before, after] = [rates[from - 1], rates[from]];
  const nearest = before && (!after || at - before.at <= after.at - at) ? before : after;
  return nearest && Math.abs(nearest.at - at) <= MAX_DISTANCE_MS ? nearest.rate : null;
}

/**
 * @param latest of one answer, so of one moment.
 * @returns a finding for each coin whose rate is not the reference's.
 */
export function judgeLatestRates(
  latest: readonly (Series & { readonly price: number })[],
  base: CrossRateBase,
): Finding[] {
  const prices = new Map(latest.map((one) => [seriesName(one), one.price]));
  const rateOf = (coin: string, currency: string): number | null => {
    const [price, basePrice] = [`${coin}/${currency}`, `${coin}/${base.currency}`].map((name) => prices.get(name));
    return price === undefined || basePrice === undefined ? null : price / basePrice;
  };
  return latest.flatMap(({ coin, currency }): Finding[] => {
    const [own, reference] = [rateOf(coin, currency), rateOf(base.coin, currency)];
    if (own === null || reference === null) return [];
    const deviation = Math.abs(own / reference - 1);
    if (deviation <= MAX_COIN_DEVIATION) return [];
    const detail =
      `The latest prices of ${coin} give a rate of ${own} from ${base.currency} to ${currency}, those of ${base.coin} ` +
      `${reference}: ${percent(deviation)} apart, so that prices by cross rates are as far off`;
    return [{ rule: 'cross_rate', severity: 'warning', coin, currency, day: null, detail }];
  });
}
