import type { DailyPrice, RejectedSample, Samples } from './daily-price.ts';
import { DAY_MS, type Day, dayOf, HOUR_MS, MINUTE_MS } from './day.ts';
import { median } from './outliers.ts';
import type { SeriesGaps } from './planning.ts';
import { type Series, seriesName } from './series.ts';

type SeriesRule = 'frozen' | 'outliers' | 'range' | 'revision' | 'worse_answer' | 'lost';
export type FindingRule = SeriesRule | 'currency' | 'cross_rate' | 'clock';

/** Something a person should look at. Findings never change a verdict; `error` ones alarm. */
export type Finding = {
  readonly rule: FindingRule;
  readonly severity: 'warning' | 'error';
  readonly coin: string | null;
  readonly currency: string | null;
  readonly day: Day | null;
  /** One sentence with the numbers. */
  readonly detail: string;
};

/** A final average that moves further than this is worth a look. */
const REVISION_TOLERANCE = 0.001;

/** A final row whose high is so many times its low is a fault that lasted, or a coin to look at. */
const WIDE_RANGE = 10;

/** A share as people read it: `0.11 %`. */
export const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;

const ofDay = (rule: FindingRule, series: Series, day: Day, detail: string): Finding => ({
  ...{ rule, severity: 'warning', ...series, day },
  detail: `${seriesName(series)} on ${day}: ${detail}`,
});

/** An answer that was aggregated. @property isItself whether the series is a coin in itself, whose price never changes. */
type JudgedAnswer = SeriesGaps & {
  readonly isItself: boolean;
  readonly samples: Samples;
  readonly prices: readonly Pick<DailyPrice, 'day' | 'high' | 'low' | 'average' | 'isFinal'>[];
  readonly rejected: readonly RejectedSample[];
};

/** @returns what a person should look at in one answer, of the days that it was asked for. */
export function judgeAnswer({ series, isItself, samples, gapDays, ...answer }: JudgedAnswer): Finding[] {
  const ofGapDays = gapDays.flatMap((day) => {
    const row = answer.prices.find((price) => price.day === day);
    const outliers = answer.rejected.filter((one) => one.reason === 'outlier' && dayOf(one.observedAt) === day);
    return [
      ...(outliers.length > 0 ? [ofDay('outliers', series, day, outliersText(outliers, row?.average))] : []),
      ...(row?.isFinal && row.high >= row.low * WIDE_RANGE ? [ofDay('range', series, day, rangeText(row))] : []),
    ];
  });
  return [...(isItself ? [] : findFrozen(series, samples)), ...ofGapDays];
}

const rangeText = ({ high, low }: Pick<DailyPrice, 'high' | 'low'>): string =>
  `the high of ${high} is ${(high / low).toPrecision(3)} times the low of ${low}.`;

/** @param average of the samples that are left; undefined where none is. */
function outliersText(outliers: readonly RejectedSample[], average: number | undefined): string {
  const timesOff = (from: number) =>
    Math.max(...outliers.map(({ price }) => Math.max(Number(price) / from, from / Number(price)))).toPrecision(2);
  const rest =
    average === undefined ? 'and no other is left.' : `up to ${timesOff(average)} times off the average of the others.`;
  return `${outliers.length} of the samples were rejected as faults, ${rest}`;
}

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
    const stretch = `for ${hours} hours from ${new Date(start.at).toISOString()}`;
    findings.push(ofDay('frozen', series, dayOf(point.at), `the price stood at ${start.price} ${stretch}.`));
  }
  return findings;
}

/** Hourly answers have been seen with gaps of 11 to 111 minutes; their median is 60. Little-traded coins have larger ones. */
const MIN_SPACING_MS = 40 * MINUTE_MS;

/** Daily points stand at 00:00, a few of 2018 at 00:05. */
const DAILY_WITHIN_MS = 10 * MINUTE_MS;
/** Fewer samples may lie near midnight by chance. */
const MIN_DAILY_SAMPLES = 3;

/**
 * Tells an answer of another granularity from an hourly one, which may be sparse: CoinGecko chooses by the width of the
 * window, without a word. One sample of a daily answer may stand elsewhere: the moment of the answer, appended as a last point.
 * @returns what it looks like; null where it is taken for hourly.
 */
export function findWrongGranularity({ prices }: Samples): string | null {
  const stamps = [...new Set(prices.map(([at]) => at))].sort((a, b) => a - b);
  const gaps = stamps.slice(1).map((at, index) => at - (stamps[index] ?? at));
  const spacingMs = gaps.length === 0 ? null : median(gaps);
  if (spacingMs !== null && spacingMs < MIN_SPACING_MS)
    return `a sample every ${(spacingMs / MINUTE_MS).toFixed(0)} minutes`;
  const elsewhere = stamps.filter((at) => at % DAY_MS > DAILY_WITHIN_MS).length;
  return stamps.length >= MIN_DAILY_SAMPLES && elsewhere <= 1 ? 'one sample a day, at midnight' : null;
}

/** What tells two rows of one day apart in quality. */
type PriceQuality = Pick<DailyPrice, 'average' | 'hoursCovered'> & { readonly aggregationVersion: number };

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
    const move = Math.abs(after.average - before.average) / before.average;
    if (isWritten && move > REVISION_TOLERANCE) {
      const moved = `the final average moved by ${percent(move)}, from ${before.average} to ${after.average}.`;
      return [ofDay('revision', series, day, moved)];
    }
    const isWorse = after.hoursCovered < before.hoursCovered || after.aggregationVersion < before.aggregationVersion;
    if (isWritten || !isWorse) return [];
    const kept =
      `the answer covers ${after.hoursCovered} hours (aggregation version ${after.aggregationVersion}), ` +
      `the final row ${before.hoursCovered} (version ${before.aggregationVersion}); the row was kept.`;
    return [ofDay('worse_answer', series, day, kept)];
  });
}
