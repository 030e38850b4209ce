import { runOnce } from './bench-ingestion.ts';
import type { Measure } from './measure.ts';
import { universeOf } from './universe-of.ts';
import { withSimulator } from './with-simulator.ts';

const SERIES = 500;

/** (b) Without a limit: 30 days of 500 series, and where the time goes. */
export const throughput: Measure = ({ makeDatabase }) =>
  withSimulator({ seriesCount: SERIES }, async (sourceUrl) => {
    const databaseUrl = await makeDatabase();
    const run = { databaseUrl, sourceUrl, universe: universeOf(SERIES), requestsPerMinute: 1_000_000 };
    const before = process.cpuUsage();
    const { verdict, times } = await runOnce(run);
    const { user, system } = process.cpuUsage(before);
    const allMs = times.fetchMs + times.aggregateMs + times.storeMs;
    const share = (ms: number) => `${((100 * ms) / allMs).toFixed(0)} %`;
    const rate = `${((1000 * SERIES) / verdict.durationMs).toFixed(0)} series a second (${verdict.status})`;
    return [
      ['500 series × 30 days without a limit', rate],
      ['share of fetch, aggregate, store', [times.fetchMs, times.aggregateMs, times.storeMs].map(share).join(', ')],
      ["the program's own time on a processor, a series", `${((user + system) / 1000 / SERIES).toFixed(2)} ms`],
    ];
  });
