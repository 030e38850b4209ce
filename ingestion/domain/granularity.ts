import type { Samples } from './daily-price.ts';
import { DAY_MS, MINUTE_MS } from './day.ts';
import { median } from './outliers.ts';

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
