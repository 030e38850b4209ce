import { runOnce } from './bench-ingestion.ts';
import type { Measure } from './measure.ts';
import { universeOf } from './universe-of.ts';
import { withSimulator } from './with-simulator.ts';

/**
 * (a) Runs under a limit, against the least time that it allows: a burst, and after a minute the next one. With the Demo
 * plan's limit and CoinGecko's usual latency, and with a paid plan's and slow answers; then with cross rates.
 */
const CASES = [
  { series: 44, requestsPerMinute: 30, latencyMs: 300, floorSeconds: 60.5, most: 1.05 },
  // One request more, for the latest prices, would begin a third minute.
  { series: 1_000, requestsPerMinute: 500, latencyMs: 1_000, floorSeconds: 62.5, most: 1.15, latestPrices: false },
  { series: 44, requestsPerMinute: 30, latencyMs: 300, floorSeconds: 0.9, most: 3.33, crossRates: true },
] as const;

export const rateLimit: Measure = async ({ makeDatabase }) => {
  const rows: [string, string][] = [];
  for (const { series, requestsPerMinute, latencyMs, floorSeconds, most, ...ways } of CASES) {
    const databaseUrl = await makeDatabase();
    const run = { databaseUrl, universe: universeOf(series), requestsPerMinute, ...ways };
    const { verdict } = await withSimulator({ requestsPerMinute, latencyMs, seriesCount: series }, (sourceUrl) =>
      runOnce({ ...run, sourceUrl }),
    );
    const seconds = verdict.durationMs / 1000;
    const what =
      `${series} series at ${requestsPerMinute} requests a minute, answers after ${latencyMs} ms` +
      `${'crossRates' in ways ? ', with cross rates' : ''}`;
    rows.push(
      [what, `${seconds.toFixed(1)} s`],
      [`its ratio to the floor of ${floorSeconds} s (at most ${most})`, (seconds / floorSeconds).toFixed(3)],
      ['verdict, requests, refused with 429', `${verdict.status}, ${verdict.requests}, ${verdict.rateLimited}`],
    );
  }
  return rows;
};
