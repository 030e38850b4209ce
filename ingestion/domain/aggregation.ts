import { show } from '../contract/show.ts';
import type { DailyPrice, RejectedSample, RejectionReason, Samples } from './daily-price.ts';
import { addDays, DAY_MS, type Day, dayOf, endOf, HOUR_MS, type Instant, settledAt, startOf } from './day.ts';
import { isPastThinWait, judgeRow } from './day-state.ts';
import { judgeDay, type PriceSample, priceRange, samplesBetween } from './outliers.ts';
import type { Window } from './planning.ts';

/** A sample as it was sent. */
export type Sample = { readonly at: Instant; readonly price: unknown };

/**
 * What an answer comes to. Every distinct sample is exactly one of counted, rejected and outside.
 * @property prices in day order: of each row day that has at least one counted sample.
 * @property outsideCount how many samples lie on days that become no rows.
 * @property absentDays gap days, 72 h old or more, of which the answer holds nothing that counts though it has prices of others.
 * @property judgedDays the days that become rows where samples are counted.
 * @property pricedDays those that the answer holds a price of that is no outlier: they are never to be called unavailable.
 * @property undecidedDays row days whose surroundings are of several levels, and not all in the answer.
 * @property firstSampleAt of the first sample, whatever its price; null in an empty answer.
 * @property hourlyMeans the mean price of each UTC hour of the rows, by hours since 1970.
 */
export type Aggregation = ReturnType<typeof aggregate>;

/**
 * How the samples of one day become prices of another currency.
 * @property convert null where no rate is near enough: the sample is outside.
 * @property windowFrom where the answers for the rates begin, `endsAt` the newest moment that all of them hold, `receivedAt`
 * when the first of them arrived.
 * @property holdsDay whether there is any rate of the day.
 */
export type Conversion = { readonly convert: (amount: number, at: Instant) => number | null } & Readonly<
  Record<'windowFrom' | 'endsAt' | 'receivedAt', Instant> & Record<'isCertain' | 'isDecided' | 'holdsDay', boolean>
>;

const AS_SENT: Conversion = {
  convert: (amount) => amount,
  ...{ windowFrom: Number.NEGATIVE_INFINITY, endsAt: Number.POSITIVE_INFINITY, receivedAt: Number.POSITIVE_INFINITY },
  ...{ isCertain: true, isDecided: true, holdsDay: true },
};

/** The window of an answer, and the days that it was asked for, ascending. */
export type AskedDays = { readonly window: Window; readonly gapDays: readonly Day[] };

/**
 * Aggregates one answer. Order and repeats of the samples do not matter, and a row depends on nothing but the samples from
 * 36 h before its day to 36 h after it.
 * @param receivedAt decides which rows are settled and final, and which day is today.
 * @param conversionOn how a day's samples become prices of another currency; a day without gets no row.
 */
export function aggregate(
  samples: Samples,
  asked: AskedDays,
  receivedAt: Instant,
  conversionOn: (day: Day) => Conversion | null = () => AS_SENT,
) {
  const sorted = sortSamples(samples);
  const made = { prices: [] as DailyPrice[], rejected: [] as RejectedSample[] };
  const [judgedDays, absentDays, undecidedDays]: [Day[], Day[], Day[]] = [[], [], []];
  const pricedDays = daysOf(sorted.valid);
  const hourlyMeans = new Map<number, number>();
  let countedCount = 0;
  for (const day of rowDays(asked, receivedAt)) {
    const conversion = conversionOn(day);
    if (!conversion) continue;
    const judged = judgeSamples(sorted, day, asked.window, conversion);
    judgedDays.push(day);
    if (!judged.isPriced) pricedDays.delete(day);
    const { counted, rejected } = judged;
    made.rejected.push(...rejected);
    countedCount += counted.length;
    if (!judged.isDecided) undecidedDays.push(day);
    const isAbsent = !judged.isPriced && conversion.holdsDay && sorted.valid.length > judged.validCount;
    if (isAbsent && asked.gapDays.includes(day) && isPastThinWait(day, receivedAt)) absentDays.push(day);
    const hours = meansByHour(counted);
    for (const [hour, price] of hours) hourlyMeans.set(hour, price);
    const row = summarise(counted, [...hours.values()]);
    if (!row) continue;
    const { convert } = conversion;
    const arrivedAt = Math.min(receivedAt, conversion.receivedAt);
    const volume = quantity(sorted.volumeAt.get(row.lastSampleAt));
    made.prices.push({
      ...{ day, ...row },
      hoursAnswered: new Set([...hours.keys(), ...rejected.map(({ observedAt }) => hourOf(observedAt))]).size,
      volume: volume === null ? null : quantity(convert(volume, row.lastSampleAt)),
      // CoinGecko sends 0 for a cap that it does not know, and caps follow no rate.
      marketCap: (conversion === AS_SENT && quantity(sorted.capAt.get(row.lastSampleAt))) || null,
      ...judgeRow({ day, ...row, ...judged }, arrivedAt),
    });
  }
  const outsideCount = sorted.all.length - countedCount - made.rejected.length;
  const firstSampleAt = sorted.all[0]?.at ?? null;
  const days = { judgedDays, pricedDays: [...pricedDays], absentDays, undecidedDays };
  return { ...made, ...days, outsideCount, firstSampleAt, hourlyMeans };
}

/** Writing a date out costs more than all the arithmetic of a sample. */
const daysOf = (samples: readonly PriceSample[]): Set<Day> =>
  new Set([...new Set(samples.map(({ at }) => Math.floor(at / DAY_MS)))].map((number) => dayOf(number * DAY_MS)));

/** @returns the counted samples of one day, as `aggregate` counts them. */
export const countedSamples = (samples: Samples, day: Day, window: Window, conversion: Conversion = AS_SENT) =>
  judgeSamples(sortSamples(samples), day, window, conversion).counted;

type SortedSamples = ReturnType<typeof sortSamples>;

/** @returns `valid` those that are prices. */
function sortSamples({ prices, volumes, marketCaps }: Samples) {
  const all = sortedDistinct(prices);
  return { all, valid: all.filter(isPrice), volumeAt: valuesByTime(volumes), capAt: valuesByTime(marketCaps) };
}

/** @returns what the samples of a day are, and what a row of them is judged by. `isPriced` before they are converted. */
function judgeSamples({ all, valid }: SortedSamples, day: Day, window: Window, conversion: Conversion) {
  const answerEndsAt = Math.min(valid.at(-1)?.at ?? Number.NEGATIVE_INFINITY, conversion.endsAt);
  const windowFrom = Math.max(window.from, conversion.windowFrom);
  const { outliers, hasMargin, ...judged } = judgeDay(valid, day, windowFrom, answerEndsAt);
  const counted: PriceSample[] = [];
  const rejected: RejectedSample[] = [];
  let [validCount, isPriced] = [0, false];
  for (const sample of samplesBetween(all, startOf(day), endOf(day))) {
    const { at } = sample;
    if (!isPrice(sample)) {
      rejected.push({ observedAt: at, price: asText(sample.price), reason: invalidity(sample) });
      continue;
    }
    validCount += 1;
    const isOutlier = outliers.has(sample);
    isPriced ||= !isOutlier;
    // One that no rate is near enough to, or that the rate makes too small for a double, is outside.
    const converted = { at, price: conversion.convert(sample.price, at) };
    if (!isPrice(converted)) continue;
    if (isOutlier) rejected.push({ observedAt: at, price: asText(converted.price), reason: 'outlier' });
    else counted.push(converted);
  }
  return {
    ...{ counted, rejected, validCount, isPriced, answerEndsAt, hasMargin },
    isCertain: judged.isCertain && conversion.isCertain,
    isDecided: judged.isDecided && conversion.isDecided,
  };
}

/** @returns the days that become rows: those that were asked for, and of today and an unsettled yesterday what the window holds. */
function rowDays({ window, gapDays }: AskedDays, receivedAt: Instant): Day[] {
  const today = dayOf(receivedAt);
  const unsettled = [addDays(today, -1), today].filter(
    (day) =>
      receivedAt < settledAt(day) &&
      startOf(day) >= window.from &&
      (day === today ? startOf(day) < window.to : endOf(day) <= window.to),
  );
  return [...new Set([...gapDays, ...unsettled])].sort();
}

/** @returns the mean price of each UTC hour, by hours since 1970. @param samples in time order. */
export function meansByHour(samples: readonly PriceSample[]): Map<number, number> {
  const byHour = Map.groupBy(samples, ({ at }) => hourOf(at));
  return new Map([...byHour].map(([hour, ofHour]) => [hour, mean(ofHour.map(({ price }) => price))]));
}

function summarise(samples: readonly PriceSample[], hourMeans: readonly number[]) {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last) return null;
  const { low, high } = priceRange(samples);
  return {
    ...{ open: first.price, high, low, close: last.price },
    // The mean of 24 equal doubles can come out above them.
    average: Math.min(high, Math.max(low, mean(hourMeans))),
    ...{ sampleCount: samples.length, hoursCovered: hourMeans.length },
    ...{ firstSampleAt: first.at, lastSampleAt: last.at },
  };
}

/** Hours since 1970. */
const hourOf = (at: Instant): number => Math.floor(at / HOUR_MS);

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** @returns the points in time order, each once. */
export function sortedDistinct(points: Samples['prices']): Sample[] {
  const sorted = points
    .map(([at, price]) => ({ at, price }))
    .sort((a, b) => a.at - b.at || compareValues(a.price, b.price));
  return sorted.filter(({ at, price }, index) => {
    const before = sorted[index - 1];
    return before?.at !== at || compareValues(before.price, price) !== 0;
  });
}

/** A total order in which numbers come by size and anything else by its text, so that the input's order cannot matter. */
function compareValues(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number' && a !== b && !Number.isNaN(a) && !Number.isNaN(b)) return a - b;
  const [textA, textB] = [`${typeof a} ${asText(a)}`, `${typeof b} ${asText(b)}`];
  return textA < textB ? -1 : textA > textB ? 1 : 0;
}

export const isPrice = (sample: Sample): sample is PriceSample =>
  typeof sample.price === 'number' && Number.isFinite(sample.price) && sample.price > 0;

const invalidity = ({ price }: Sample): RejectionReason =>
  typeof price === 'number' && Number.isFinite(price) ? 'not_positive' : 'not_a_number';

/** Up to 100 characters are kept. */
const asText = (value: unknown): string | null =>
  value === null || value === undefined ? null : (typeof value === 'object' ? show(value) : `${value}`).slice(0, 100);

/** Of several values for one moment the largest stands, whatever their order. */
function valuesByTime(points: Samples['volumes']): Map<Instant, unknown> {
  const values = new Map<Instant, unknown>();
  for (const [at, value] of points)
    if (!values.has(at) || compareValues(values.get(at), value) < 0) values.set(at, value);
  return values;
}

const quantity = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
