import type { Samples } from './daily-price.ts';
import { DAY_MS, HOUR_MS, type Instant, MINUTE_MS } from './day.ts';
import { median } from './median.ts';

/** Hourly answers have been seen with gaps of 11 to 111 minutes; their median is 60. Little-traded coins have larger ones. */
const MIN_SPACING_MS = 40 * MINUTE_MS;

/** Daily points stand at 00:00, a few of 2018 at 00:05. */
const DAILY_WITHIN_MS = 10 * MINUTE_MS;
/** Fewer samples may lie near midnight by chance. */
const MIN_DAILY_SAMPLES = 3;

/** The moment of the answer is appended as a last point, up to an hour old where the answer comes from a cache. */
const TAIL_MS = HOUR_MS;

/**
 * Tells an answer of another granularity from an hourly one, which may be sparse: CoinGecko chooses by the width of the
 * window, without a word.
 * @returns what it looks like; null where it is taken for hourly.
 */
export function findWrongGranularity({ prices }: Samples, receivedAt: Instant): string | null {
  const stamps = [...new Set(prices.map(([at]) => at))].sort((a, b) => a - b);
  const newest = stamps.at(-1);
  const hasTail = newest !== undefined && newest > receivedAt - TAIL_MS;
  const grid = hasTail ? stamps.slice(0, -1) : stamps;
  const gaps = grid.slice(1).map((at, index) => at - (grid[index] ?? at));
  const spacingMs = gaps.length === 0 ? null : median(gaps);
  if (spacingMs !== null && spacingMs < MIN_SPACING_MS)
    return `a sample every ${(spacingMs / MINUTE_MS).toFixed(0)} minutes`;
  // Shortly after midnight the newest may be a daily point as well as the tail.
  const isDaily = grid.every(isDailyPoint) && stamps.filter(isDailyPoint).length >= MIN_DAILY_SAMPLES;
  return isDaily ? 'one sample a day, at midnight' : null;
}

const isDailyPoint = (at: Instant): boolean => at % DAY_MS < DAILY_WITHIN_MS;
