import { show } from '../contract/show.ts';
import type { DailyPrice, RejectedSample, RejectionReason, Samples } from './daily-price.ts';
import { DAY_MS, type Day, dayOf, daysFrom, endOf, HOUR_MS, type Instant, startOf } from './day.ts';
import { isPastThinWait, judgeRow } from './day-state.ts';
import { findOutliers, type PriceSample } from './outliers.ts';
import type { Window } from './planning.ts';

export type Sample = { readonly at: Instant; readonly value: unknown };

/** What an answer comes to. Every distinct sample is exactly one of counted, rejected and outside. */
export type Aggregation = {
  /** In day order: of each day that lies wholly in the window and has at least one counted sample. */
  readonly prices: readonly DailyPrice[];
  readonly rejected: readonly RejectedSample[];
  /** How many samples lie on days that are not wholly in the window. */
  readonly outsideCount: number;
  /** Gap days, 72 h old or more, of which the answer has no sample at all though it has some of other days. */
  readonly absentDays: readonly Day[];
  /** Of the first sample, whatever its value; null in an empty answer. */
  readonly firstSampleAt: Instant | null;
  /** The mean price of each UTC hour of the whole answer, by hours since 1970, without rejected samples. */
  readonly hourlyMeans: ReadonlyMap<number, number>;
};

/**
 * Aggregates one answer. Order and repeats of the samples do not matter.
 * @param receivedAt decides which rows are settled and final, and which day is today.
 */
export function aggregate(
  samples: Samples,
  { window, gapDays }: { readonly window: Window; readonly gapDays: readonly Day[] },
  receivedAt: Instant,
): Aggregation {
  const all = sortedDistinct(samples.prices);
  const judged = judgeSamples(all);
  const { valid, rejected: outliers, undecided } = judged;
  const rowDays = new Set(daysWhollyIn(window, receivedAt));
  const asked = new Set(gapDays);

  const counted = new Map<Day, PriceSample[]>();
  const rejected: RejectedSample[] = [];
  const daysSeen = new Set<Day>();
  const rejectedHours = new Map<Day, number[]>();
  let outsideCount = 0;
  const dayOfSample = memoisedDayOf();
  for (const sample of all) {
    const day = dayOfSample(sample.at);
    daysSeen.add(day);
    const price = valid.get(sample);
    const reason = price === undefined ? invalidity(sample) : outliers.has(price) ? 'outlier' : null;
    if (!rowDays.has(day)) outsideCount += 1;
    else if (reason) {
      rejected.push({ observedAt: sample.at, price: asText(sample.value), reason });
      pushTo(rejectedHours, day, hourOf(sample.at));
    } else if (price) pushTo(counted, day, price);
  }

  const volumeAt = valuesByTime(samples.volumes);
  const capAt = valuesByTime(samples.marketCaps);
  const prices = [...counted].map(([day, daySamples]) => {
    const row = summarise(daySamples);
    // Windows are planned with a day of margin around the days that they are made for.
    const hasMargin = asked.has(day) || (window.from <= startOf(day) - DAY_MS && window.to >= endOf(day) + DAY_MS);
    const hasUndecided = daySamples.some((sample) => undecided.has(sample));
    return {
      day,
      ...row,
      hoursAnswered: new Set([...daySamples.map(({ at }) => hourOf(at)), ...(rejectedHours.get(day) ?? [])]).size,
      volume: quantity(volumeAt.get(row.lastSampleAt)),
      // CoinGecko sends 0 for a cap that it does not know.
      marketCap: quantity(capAt.get(row.lastSampleAt)) || null,
      ...judgeRow({ day, ...row, hasUndecided, hasMargin }, receivedAt),
    };
  });
  const absentDays = gapDays.filter(
    (day) => daysSeen.size > 0 && !daysSeen.has(day) && isPastThinWait(day, receivedAt),
  );
  const hourlyMeans = meansByHour(judged);
  return { prices, rejected, outsideCount, absentDays, firstSampleAt: all[0]?.at ?? null, hourlyMeans };
}

/** @returns the days that lie wholly in the window, ascending; of today what there is of it. */
export function daysWhollyIn({ from, to }: Window, receivedAt: Instant): Day[] {
  const today = dayOf(receivedAt);
  return daysFrom(dayOf(from), dayOf(to - 1)).filter(
    (day) => startOf(day) >= from && (endOf(day) <= to || day === today),
  );
}

/** @returns the samples that are prices, by the sample they came as, and which of them are outliers. */
export function judgeSamples(all: readonly Sample[]) {
  const valid = new Map<Sample, PriceSample>();
  for (const sample of all) if (isPrice(sample)) valid.set(sample, { at: sample.at, price: sample.value });
  return { valid, ...findOutliers([...valid.values()]) };
}

/** @returns the mean price of each UTC hour, by hours since 1970, without rejected samples. */
export const hourlyMeans = (samples: Samples): Map<number, number> =>
  meansByHour(judgeSamples(sortedDistinct(samples.prices)));

function meansByHour({ valid, rejected }: ReturnType<typeof judgeSamples>): Map<number, number> {
  const hours = new Map<number, number[]>();
  for (const sample of valid.values()) {
    if (!rejected.has(sample)) pushTo(hours, hourOf(sample.at), sample.price);
  }
  return new Map([...hours].map(([hour, prices]) => [hour, mean(prices)]));
}

function summarise(samples: readonly PriceSample[]) {
  const byHour = new Map<number, number[]>();
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (const { at, price } of samples) {
    pushTo(byHour, hourOf(at), price);
    if (price < low) low = price;
    if (price > high) high = price;
  }
  const [first, last] = [samples[0], samples[samples.length - 1]];
  if (!first || !last) throw new Error('A day without samples has no summary');
  return {
    open: first.price,
    high,
    low,
    close: last.price,
    // The mean of 24 equal doubles can come out above them.
    average: Math.min(high, Math.max(low, meanOfHours([...byHour.values()]))),
    sampleCount: samples.length,
    hoursCovered: byHour.size,
    firstSampleAt: first.at,
    lastSampleAt: last.at,
  };
}

/** Hours since 1970. */
const hourOf = (at: Instant): number => Math.floor(at / HOUR_MS);

/** @returns the mean of the hours' means. @param hours the prices of each hour, in time order. */
export const meanOfHours = (hours: readonly (readonly number[])[]): number => mean(hours.map(mean));

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** @returns the points in time order, each once. */
export function sortedDistinct(points: Samples['prices']): Sample[] {
  const sorted = points
    .map(([at, value]) => ({ at, value }))
    .sort((a, b) => a.at - b.at || compareValues(a.value, b.value));
  return sorted.filter(({ at, value }, index) => {
    const before = sorted[index - 1];
    return before?.at !== at || compareValues(before.value, value) !== 0;
  });
}

/** A total order in which numbers come by size and anything else by its text, so that the input's order cannot matter. */
function compareValues(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number' && a !== b && !Number.isNaN(a) && !Number.isNaN(b)) return a - b;
  const [textA, textB] = [`${typeof a} ${asText(a)}`, `${typeof b} ${asText(b)}`];
  return textA < textB ? -1 : textA > textB ? 1 : 0;
}

const isPrice = (sample: Sample): sample is { at: Instant; value: number } =>
  typeof sample.value === 'number' && Number.isFinite(sample.value) && sample.value > 0;

const invalidity = ({ value }: Sample): RejectionReason =>
  typeof value === 'number' && Number.isFinite(value) ? 'not_positive' : 'not_a_number';

const MAX_KEPT_TEXT = 100;
const asText = (value: unknown): string | null =>
  value === null || value === undefined
    ? null
    : (typeof value === 'object' ? show(value) : String(value)).slice(0, MAX_KEPT_TEXT);

/** Of several values for one moment the largest stands, whatever their order. */
function valuesByTime(points: Samples['volumes']): Map<Instant, unknown> {
  const values = new Map<Instant, unknown>();
  for (const [at, value] of points)
    if (!values.has(at) || compareValues(values.get(at), value) < 0) values.set(at, value);
  return values;
}

const quantity = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;

function pushTo<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

/** Writing a date out costs more than all the arithmetic of a sample; neighbouring samples share their day. */
function memoisedDayOf(): (at: Instant) => Day {
  let knownStart = Number.NaN;
  let known = '';
  return (at) => {
    const start = Math.floor(at / DAY_MS);
    if (start !== knownStart) {
      knownStart = start;
      known = dayOf(at);
    }
    return known;
  };
}
