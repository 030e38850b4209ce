// Prices in other currencies, out of one: CoinGecko turns every coin's price into them by one rate a moment.
import type { Conversion } from './aggregation.ts';
import type { Samples } from './daily-price.ts';
import { type Day, endOf, type Instant, MINUTE_MS, startOf } from './day.ts';
import { firstIndexFrom, judgeDay, type PriceSample, samplesBetween } from './outliers.ts';
import type { Window } from './planning.ts';
import { type Finding, percent } from './quality.ts';
import { type CrossRateBase, type Series, seriesName } from './series.ts';

/** A sample that is further from every moment with a rate has none. */
const MAX_DISTANCE_MS = 90 * MINUTE_MS;

/** So many times above or below its level a rate is far off: one of the two answers is at fault. */
const FAR_OFF_RATE = 1.15;

/** Within one answer of latest prices all coins have the same rates: the proof that lets prices be derived. */
const MAX_COIN_DEVIATION = 0.005;

/** An answer for the coin that others are derived with. */
export type ReferenceAnswer = {
  readonly window: Window;
  readonly receivedAt: Instant;
  readonly prices: Samples['prices'];
};

/** The rates of one currency, in time order: each is the price of one unit of the first currency. */
export type CrossRates = ReturnType<typeof ratesBetween>;

/** @returns the rates at all moments that both answers hold one price of. */
export function ratesBetween(currency: string, inBase: ReferenceAnswer, inCurrency: ReferenceAnswer) {
  const basePrices = pricesByMoment(inBase.prices);
  const prices = pricesByMoment(inCurrency.prices);
  const rates = [...prices].flatMap(([at, price]): PriceSample[] => {
    const rate = price / (basePrices.get(at) ?? Number.NaN);
    return rate > 0 && Number.isFinite(rate) ? [{ at, price: rate }] : [];
  });
  const endOfAnswer = (moments: Map<Instant, number>) => Math.max(Number.NEGATIVE_INFINITY, ...moments.keys());
  return {
    currency,
    rates: rates.sort((a, b) => a.at - b.at),
    windowFrom: Math.max(inBase.window.from, inCurrency.window.from),
    receivedAt: Math.min(inBase.receivedAt, inCurrency.receivedAt),
    endsAt: Math.min(endOfAnswer(basePrices), endOfAnswer(prices)),
  };
}

/** Moments with several prices are left out: which one belongs to the other answer's can't be known. */
function pricesByMoment(points: Samples['prices']): Map<Instant, number> {
  const prices = new Map<Instant, number>();
  const ambiguous = new Set<Instant>();
  for (const [at, price] of points) {
    if (typeof price !== 'number' || !Number.isFinite(price) || price <= 0) continue;
    if (prices.has(at) && prices.get(at) !== price) ambiguous.add(at);
    prices.set(at, price);
  }
  for (const at of ambiguous) prices.delete(at);
  return prices;
}

/**
 * Judges the rates of one day by its surroundings, as its prices are.
 * @returns how the day's samples are converted, by the rate of the nearest moment, and a finding where rates were left out.
 */
export function convertDay({ currency, rates, ...answers }: CrossRates, day: Day) {
  const { outliers, isCertain, isDecided } = judgeDay(rates, day, answers.windowFrom, answers.endsAt, FAR_OFF_RATE);
  const [from, to] = [startOf(day), endOf(day)];
  const around = samplesBetween(rates, from - MAX_DISTANCE_MS, to + MAX_DISTANCE_MS);
  const good = around.filter((rate) => !outliers.has(rate));
  const leftOut = samplesBetween([...outliers], from, to);
  const conversion: Conversion = {
    convert: (amount, at) => {
      const rate = rateAt(good, at);
      return rate === null ? null : amount * rate;
    },
    ...{ ...answers, isCertain, isDecided },
    holdsDay: samplesBetween(good, from, to).length > 0,
  };
  const findings = leftOut.slice(0, 1).map((first): Finding => {
    const usual = rateAt(good, first.at);
    const detail =
      `${leftOut.length} of the rates of ${currency} on ${day} were left out as faults: the first is ${first.price}` +
      (usual === null ? '.' : `, and the nearest other one is ${usual}.`);
    return { rule: 'cross_rate', severity: 'warning', coin: null, currency, day, detail };
  });
  return { conversion, findings };
}

/** @param rates in time order. @returns null where none is near enough. */
function rateAt(rates: readonly PriceSample[], at: Instant): number | null {
  const position = firstIndexFrom(rates, at);
  const [before, after] = [rates[position - 1], rates[position]];
  const nearest = before && (!after || at - before.at <= after.at - at) ? before : after;
  return nearest && Math.abs(nearest.at - at) <= MAX_DISTANCE_MS ? nearest.price : null;
}

/** @param latest of one answer, so of one moment. @returns a finding for each coin whose rate is not the reference's. */
export function judgeLatestRates(latest: readonly (Series & { price: number })[], base: CrossRateBase): Finding[] {
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
