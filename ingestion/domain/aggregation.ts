import type { DailyPrice, RejectedSample, RejectionReason, Samples } from './daily-price.ts';
import { DAY_MS, type Day, dayOf, endOf, HOUR_MS, type Instant, MINUTE_MS, settledAt, startOf } from './day.ts';
import { isPastThinWait, judgeRow } from './day-state.ts';
import type { PlannedWindow } from './planning.ts';

/** A sample this many times above or below both its neighbours is a fault of the source, not a price. */
const SPIKE_FACTOR = 10;

/** Hourly answers have been seen with gaps of 11 to 111 minutes; their median is 60. */
const HOURLY_SPACING_MS = { min: 40 * MINUTE_MS, max: 80 * MINUTE_MS };

type Sample = { readonly at: Instant; readonly value: unknown };
type PriceSample = { readonly at: Instant; readonly price: number };

/** What an answer comes to. Every distinct sample is exactly one of counted, rejected and outside. */
export type Aggregation = {
  /** In day order; only days with at least one counted sample. */
  readonly prices: readonly DailyPrice[];
  readonly rejected: readonly RejectedSample[];
  /** How many samples lie on days that the request was not made for. */
  readonly outsideCount: number;
  /** Gap days, 72 h old or more, of which the answer has no sample at all though it has some of other days. */
  readonly absentDays: readonly Day[];
};

/** @returns the median distance of neighbouring timestamps in milliseconds; null with fewer than two. */
export function medianSpacingMs({ prices }: Samples): number | null {
  const stamps = [...new Set(prices.map(([at]) => at))].sort((a, b) => a - b);
  const gaps = stamps.slice(1).map((at, index) => at - (stamps[index] ?? at));
  return gaps.length === 0 ? null : median(gaps);
}

/** @returns whether the samples are hourly ones, as far as their number can tell. */
export function isHourly(samples: Samples): boolean {
  const spacingMs = medianSpacingMs(samples);
  return spacingMs === null || (spacingMs >= HOURLY_SPACING_MS.min && spacingMs <= HOURLY_SPACING_MS.max);
}

/** @returns the middle value, or the mean of the middle two. @param values at least one. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}

/**
 * Aggregates one answer. Order and repeats of the samples do not matter.
 * @param receivedAt decides which rows are settled and final, and whether today's and yesterday's become rows.
 */
export function aggregate(samples: Samples, { window, gapDays }: PlannedWindow, receivedAt: Instant): Aggregation {
  const all = sortedDistinct(samples.prices);
  const valid = all.filter(isPrice);
  const spikes = findSpikes(valid);
  const rowDays = new Set([...gapDays, ...openDays(window, receivedAt)]);

  const counted = new Map<Day, PriceSample[]>();
  const rejected: RejectedSample[] = [];
  const daysSeen = new Set<Day>();
  let outsideCount = 0;
  const dayOfSample = memoisedDayOf();
  for (const sample of all) {
    const day = dayOfSample(sample.at);
    daysSeen.add(day);
    if (!rowDays.has(day)) {
      outsideCount += 1;
      continue;
    }
    const reason = rejectionOf(sample, spikes);
    if (reason) rejected.push({ observedAt: sample.at, price: asText(sample.value), reason });
    else if (isPrice(sample)) pushTo(counted, day, { at: sample.at, price: sample.value });
  }

  const volumeAt = valuesByTime(samples.volumes);
  const capAt = valuesByTime(samples.marketCaps);
  const prices = [...counted].map(([day, daySamples]) => {
    const row = summarise(daySamples);
    return {
      day,
      ...row,
      volume: quantity(volumeAt.get(row.lastSampleAt)),
      // CoinGecko sends 0 for a cap that it does not know.
      marketCap: quantity(capAt.get(row.lastSampleAt)) || null,
      ...judgeRow(day, row.hoursCovered, receivedAt),
    };
  });
  const absentDays = gapDays.filter(
    (day) => daysSeen.size > 0 && !daysSeen.has(day) && isPastThinWait(day, receivedAt),
  );
  return { prices, rejected, outsideCount, absentDays };
}

/** @returns the mean price of each UTC hour, by hours since 1970, without rejected samples. */
export function hourlyMeans(samples: Samples): Map<number, number> {
  const valid = sortedDistinct(samples.prices).filter(isPrice);
  const spikes = findSpikes(valid);
  const hours = new Map<number, number[]>();
  for (const sample of valid) {
    if (!spikes.has(sample)) pushTo(hours, Math.floor(sample.at / HOUR_MS), sample.value);
  }
  return new Map([...hours].map(([hour, prices]) => [hour, mean(prices)]));
}

/** Today, and yesterday before it is settled: written when their beginning lies in the window, never a reason for one. */
function openDays(window: PlannedWindow['window'], receivedAt: Instant): Day[] {
  const yesterday = dayOf(receivedAt - DAY_MS);
  const today = dayOf(receivedAt);
  return [yesterday, today].filter((day) => {
    const isWhole = day === today ? window.to > startOf(day) : window.to >= endOf(day);
    return receivedAt < settledAt(day) && window.from <= startOf(day) && isWhole;
  });
}

function summarise(samples: readonly PriceSample[]) {
  const byHour = new Map<number, number[]>();
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (const { at, price } of samples) {
    pushTo(byHour, Math.floor(at / HOUR_MS), price);
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
    average: Math.min(high, Math.max(low, mean([...byHour.values()].map(mean)))),
    sampleCount: samples.length,
    hoursCovered: byHour.size,
    firstSampleAt: first.at,
    lastSampleAt: last.at,
  };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function sortedDistinct(points: Samples['prices']): Sample[] {
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

function findSpikes(valid: readonly { at: Instant; value: number }[]): Set<Sample> {
  return new Set(
    valid.filter(({ value }, index) => {
      const before = valid[index - 1]?.value;
      const after = valid[index + 1]?.value;
      if (before === undefined || after === undefined) return false;
      const isFarAbove = value / before >= SPIKE_FACTOR && value / after >= SPIKE_FACTOR;
      const isFarBelow = before / value >= SPIKE_FACTOR && after / value >= SPIKE_FACTOR;
      return isFarAbove || isFarBelow;
    }),
  );
}

function rejectionOf(sample: Sample, spikes: ReadonlySet<Sample>): RejectionReason | null {
  if (typeof sample.value !== 'number' || !Number.isFinite(sample.value)) return 'not_a_number';
  if (sample.value <= 0) return 'not_positive';
  return spikes.has(sample) ? 'spike' : null;
}

const MAX_KEPT_TEXT = 100;
const asText = (value: unknown): string | null =>
  value === null || value === undefined
    ? null
    : (typeof value === 'object' ? JSON.stringify(value) : String(value)).slice(0, MAX_KEPT_TEXT);

/** Of several values for one moment the largest stands, whatever their order. */
function valuesByTime(points: Samples['volumes']): Map<Instant, unknown> {
  return new Map(sortedDistinct(points).map(({ at, value }) => [at, value]));
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
