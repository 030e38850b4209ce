// Which samples of a day are faults of the source: far off for some hours, with the price before and after at one level.
import { type Day, endOf, HOUR_MS, type Instant, startOf } from './day.ts';

/** So many times above or below a level a price is far off. Some illiquid tokens do swing so for real. */
export const FAR_OFF_PRICE = 10;

/**
 * A day is judged by the samples from 36 h before it to 36 h after it, and by nothing else: so every answer that holds them
 * judges it alike. A fault of up to 12 h that begins at the day's end leaves 24 h of level behind it.
 */
export const SURROUNDINGS_MS = 36 * HOUR_MS;

/** How far on either side the samples count that a sample, or a run of them, is compared with. */
const REACH_MS = 24 * HOUR_MS;

export type PriceSample = { readonly at: Instant; readonly price: number };

/**
 * Judges one day of an answer by its surroundings.
 * @param samples of the whole answer, in time order; where several make one, `windowFrom` and `answerEndsAt` are those of the
 * one that begins last, and of the one that ends first.
 * @returns the outliers; whether the window begins early enough (it ends as late as its planning allowed); whether no later
 * answer can change which samples are outliers (`isCertain`), and whether no other answer can (`isDecided`).
 */
export function judgeDay(
  samples: readonly PriceSample[],
  day: Day,
  windowFrom: Instant,
  answerEndsAt: Instant,
  factor: number = FAR_OFF_PRICE,
) {
  const [from, to] = [startOf(day) - SURROUNDINGS_MS, endOf(day) + SURROUNDINGS_MS];
  const hasMargin = windowFrom <= from;
  const around = samplesBetween(samples, from, to + 1);
  const { low, high } = priceRange(around);
  // So it is on nearly every day, and then no sample can be far off from a median.
  if (high < low * factor) return { outliers: new Set<PriceSample>(), hasMargin, isCertain: true, isDecided: true };
  // A sample is due every hour: one of the last hour stands for all that is to come.
  const isCertain = answerEndsAt >= to - HOUR_MS;
  return { outliers: findOutliers(around, factor), hasMargin, isCertain, isDecided: isCertain && hasMargin };
}

/**
 * Takes runs of consecutive samples, each of them far off from the median of all samples within 24 h on either side. A run's
 * levels are the medians of the 24 h before it and after it, or the nearest sample where those hours are empty. If the levels are
 * not far off from each other, the samples of the run that are far off from both are outliers. So a lasting change of level is
 * none, and a fault that comes back is one. A run that nothing stands before, or nothing after, is counted.
 * @param samples in time order.
 */
export function findOutliers(samples: readonly PriceSample[], factor: number = FAR_OFF_PRICE): Set<PriceSample> {
  const isFarOff = (price: number, from: number) => price >= from * factor || from >= price * factor;
  const medians = centredMedians(samples);
  const outliers = new Set<PriceSample>();
  for (let first = 0; first < samples.length; first += 1) {
    let end = first;
    for (let sample = samples[end]; sample && isFarOff(sample.price, medians[end] ?? Number.NaN); sample = samples[end])
      end += 1;
    if (end === first) continue;
    const run = samples.slice(first, end);
    const [from = 0, to = 0] = [run[0]?.at, run.at(-1)?.at];
    const before = levelOf(samples.slice(firstIndexFrom(samples, from - REACH_MS), first), samples[first - 1]);
    const after = levelOf(samples.slice(end, firstIndexFrom(samples, to + REACH_MS + 1)), samples[end]);
    first = end;
    if (before === null || after === null || isFarOff(before, after)) continue;
    for (const sample of run) if (isFarOff(sample.price, before) && isFarOff(sample.price, after)) outliers.add(sample);
  }
  return outliers;
}

/** The median of the samples; the price of the nearest one where there are none. */
const levelOf = (samples: readonly PriceSample[], nearest: PriceSample | undefined): number | null =>
  samples.length > 0 ? median(samples.map(({ price }) => price)) : (nearest?.price ?? null);

/** @returns the middle value, or the mean of the middle two. @param values at least one. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}

/** @returns the lowest and the highest price. @param samples at least one, but too many to be spread. */
export function priceRange(samples: readonly PriceSample[]): { low: number; high: number } {
  let [low, high] = [Number.POSITIVE_INFINITY, 0];
  for (const { price } of samples) {
    if (price < low) low = price;
    if (price > high) high = price;
  }
  return { low, high };
}

/** The median of the 24 h on either side of each sample, by a window that slides over them and is kept sorted. */
function centredMedians(samples: readonly PriceSample[]): number[] {
  const sorted: number[] = [];
  let [oldest, newest] = [0, 0];
  return samples.map(({ at }) => {
    for (let next = samples[newest]; next && next.at <= at + REACH_MS; next = samples[++newest])
      sorted.splice(positionOf(sorted, next.price), 0, next.price);
    for (let last = samples[oldest]; last && last.at < at - REACH_MS; last = samples[++oldest])
      sorted.splice(positionOf(sorted, last.price), 1);
    const upper = sorted[sorted.length >> 1] ?? Number.NaN;
    return sorted.length % 2 === 1 ? upper : ((sorted[(sorted.length >> 1) - 1] ?? Number.NaN) + upper) / 2;
  });
}

/** @returns the first position whose value is not below the price. */
const positionOf = (sorted: readonly number[], price: number): number =>
  firstIndexWhere(sorted, (value) => value >= price);

/** @returns the position of the first sample at that moment or later. @param samples in time order. */
export const firstIndexFrom = (samples: readonly { readonly at: Instant }[], at: Instant): number =>
  firstIndexWhere(samples, (sample) => sample.at >= at);

/** @returns those from the one moment to just before the other. @param samples in time order. */
export const samplesBetween = <Sample extends { readonly at: Instant }>(
  samples: readonly Sample[],
  from: Instant,
  to: Instant,
): Sample[] => samples.slice(firstIndexFrom(samples, from), firstIndexFrom(samples, to));

/** @param isPast false of the list's first part, true of the rest. */
function firstIndexWhere<T>(list: readonly T[], isPast: (item: T) => boolean): number {
  let [from, to] = [0, list.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isPast(list[middle] as T)) to = middle;
    else from = middle + 1;
  }
  return from;
}
