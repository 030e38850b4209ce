import { requestsOfFullRun } from '../ingestion/domain/credits.ts';
import type { Measure } from './measure.ts';
import { runBundled } from './run-bundled.ts';
import { universeOf } from './universe-of.ts';
import { withSimulator } from './with-simulator.ts';

const SERIES = 10_000;
const REQUESTS_PER_MINUTE = 1_000;
const LATENCY_MS = 300;
const LIMIT = { requestsPerMinute: REQUESTS_PER_MINUTE };
const HOP_MS = 4 * 60_000;

/** With those for the latest prices. */
const REQUESTS = requestsOfFullRun(universeOf(SERIES), { crossRates: false, latestPrices: true });

/** A burst of a minute's requests, and another one after each minute and its half second of slack. */
const FLOOR_SECONDS = (Math.ceil(REQUESTS / REQUESTS_PER_MINUTE) - 1) * 60.5;

/** (f) The first run of a large universe, in hops: how long it takes, what it asks, and what memory it needs. */
export const scale: Measure = ({ makeDatabase, sharedFolder }) =>
  withSimulator({ ...LIMIT, seriesCount: SERIES, latencyMs: LATENCY_MS }, async (sourceUrl) => {
    const { requests, rateLimited, hops, durationMs, peakMiB } = await runBundled(sharedFolder, {
      ...{ ...LIMIT, databaseUrl: await makeDatabase(), sourceUrl },
      ...{ universe: universeOf(SERIES), hopMs: HOP_MS },
    });
    const seconds = durationMs / 1000;
    const what = `${SERIES} series × 30 days at ${REQUESTS_PER_MINUTE} requests a minute, in ${hops} hops`;
    return [
      [what, `${seconds.toFixed(0)} s`],
      [`its ratio to the floor of ${FLOOR_SECONDS} s (at most 1.1)`, (seconds / FLOOR_SECONDS).toFixed(3)],
      [`requests (${REQUESTS - SERIES} of them for latest prices), refused with 429`, `${requests}, ${rateLimited}`],
      ['peak memory (at most 300 MiB)', `${peakMiB.toFixed(0)} MiB`],
    ];
  });
