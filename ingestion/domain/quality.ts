import { median } from './aggregation.ts';
import type { Samples } from './daily-price.ts';
import { DAY_MS, type Day, dayOf, HOUR_MS, startOf } from './day.ts';
import type { Finding } from './finding.ts';
import { type Series, seriesName } from './series.ts';

/** A coin whose rate lies further than this from the other coins' has a price in the wrong currency, or a stale one. */
const MAX_COIN_DEVIATION = 0.005;

/** No currency of the universe moves by more against another from one day to the next, short of a collapse. */
const MAX_DAILY_RATE_MOVE = 0.15;

/** Fewer coins than this cannot outvote a wrong one. */
const MIN_COINS = 3;

/** A final average that moves further than this is worth a look. */
const REVISION_TOLERANCE = 0.001;

const HOURS_A_DAY = DAY_MS / HOUR_MS;

/** @returns a finding for each stretch of 24 h or more in which the price did not move at all. */
export function findFrozen(series: Series, samples: Samples): Finding[] {
  const points = samples.prices
    .flatMap(([at, price]) => (typeof price === 'number' ? [{ at, price }] : []))
    .sort((a, b) => a.at - b.at);
  const findings: Finding[] = [];
  let start = points[0];
  for (const [index, point] of points.entries()) {
    if (!start || point.price !== start.price) start = point;
    const endsStretch = points[index + 1]?.price !== start.price;
    if (!endsStretch || point.at - start.at < DAY_MS) continue;
    const hours = Math.floor((point.at - start.at) / HOUR_MS);
    findings.push({
      rule: 'frozen',
      severity: 'warning',
      ...series,
      day: dayOf(point.at),
      detail: `${seriesName(series)} stood at ${start.price} for ${hours} hours from ${new Date(start.at).toISOString()}`,
    });
  }
  return findings;
}

/** What tells two rows of one day apart in quality. */
type PriceQuality = {
  readonly average: number;
  readonly hoursCovered: number;
  readonly aggregationVersion: number;
};

/** What storing a daily price came to. */
export type PriceChange = {
  readonly day: Day;
  /** The row that was stored; null where there was none. */
  readonly before: (PriceQuality & { readonly isFinal: boolean }) | null;
  /** The row that was to be stored. */
  readonly after: PriceQuality;
  /** False where the stored row was kept. */
  readonly isWritten: boolean;
};

/** @returns a finding for each final average that moved, and for each final row that a worse answer left as it was. */
export function findChanges(series: Series, changes: readonly PriceChange[]): Finding[] {
  return changes.flatMap(({ day, before, after, isWritten }): Finding[] => {
    if (!before?.isFinal) return [];
    const finding = { severity: 'warning', ...series, day } as const;
    const where = `${seriesName(series)} on ${day}`;
    const move = Math.abs(after.average - before.average) / before.average;
    if (isWritten && move > REVISION_TOLERANCE) {
      const detail = `${where}: the final average moved by ${percent(move)}, from ${before.average} to ${after.average}.`;
      return [{ rule: 'revision', ...finding, detail }];
    }
    const isWorse = after.hoursCovered < before.hoursCovered || after.aggregationVersion < before.aggregationVersion;
    if (!isWritten && isWorse) {
      const detail =
        `${where}: the answer covers ${after.hoursCovered} hours (aggregation version ${after.aggregationVersion}), ` +
        `the final row ${before.hoursCovered} (version ${before.aggregationVersion}); the row was kept.`;
      return [{ rule: 'worse_answer', ...finding, detail }];
    }
    return [];
  });
}

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
      const ratios = ratiosOf(hoursByCurrency.get(currency), hoursByCurrency.get(other));
      const areSame = ratios.length > 0 && ratios.every(({ ratio }) => ratio === 1);
      if (areSame) same.push({ coin, currency, sameAs: other, hours: ratios.length });
    }
  }
  const suspects = new Set(same.flatMap(({ currency, sameAs }) => [currency, sameAs]).filter((code) => code !== base));
  const rates: CoinRate[] = [];
  for (const currency of currencies) {
    if (currency === base || suspects.has(currency)) continue;
    const ratios = ratiosOf(hoursByCurrency.get(currency), hoursByCurrency.get(base));
    for (const day of days) {
      const firstHour = startOf(day) / HOUR_MS;
      const ofDay = ratios.filter(({ hour }) => hour >= firstHour && hour < firstHour + HOURS_A_DAY);
      if (ofDay.length > 0) rates.push({ coin, currency, day, rate: median(ofDay.map(({ ratio }) => ratio)) });
    }
  }
  return { rates, same };
}

function ratiosOf(of: HourlyMeans | undefined, to: HourlyMeans | undefined): { hour: number; ratio: number }[] {
  if (!of || !to) return [];
  return [...of].flatMap(([hour, price]) => {
    const basePrice = to.get(hour);
    return basePrice === undefined ? [] : [{ hour, ratio: price / basePrice }];
  });
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

/** @returns the coins' median rates by currency and day, where enough coins have one, and the coins that disagree. */
export function judgeRates(rates: readonly CoinRate[]): { medians: MedianRate[]; findings: Finding[] } {
  const medians: MedianRate[] = [];
  const findings: Finding[] = [];
  for (const [, ofDay] of Map.groupBy(rates, ({ currency, day }) => `${day} ${currency}`)) {
    const [first] = ofDay;
    if (!first || ofDay.length < MIN_COINS) continue;
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

/** @returns a finding when the rate moved further from the last final day's than a currency does. */
export function judgeRateMove(now: MedianRate, before: { day: Day; rate: number }): Finding[] {
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

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
