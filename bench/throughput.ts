import { startSimulator } from '../simulator/server.ts';
import { runOnce, universeOf } from './bench-ingestion.ts';
import type { Measure } from './measure.ts';

const SERIES = 500;

/** (b) Without a limit: 30 days of 500 series, and where the time goes. */
export const throughput: Measure = async ({ makeDatabase }) => {
  const universe = universeOf(SERIES);
  const simulator = await startSimulator({ universe });
  try {
    const { verdict, times } = await runOnce({
      databaseUrl: await makeDatabase(),
      sourceUrl: simulator.baseUrl,
      universe,
      requestsPerMinute: 1_000_000,
    });
    const allMs = times.fetchMs + times.aggregateMs + times.storeMs;
    const share = (ms: number) => `${((100 * ms) / allMs).toFixed(0)} %`;
    return [
      [
        '500 series × 30 days without a limit',
        `${((1000 * SERIES) / verdict.durationMs).toFixed(0)} series a second (${verdict.status})`,
      ],
      ['share of fetch, aggregate, store', [times.fetchMs, times.aggregateMs, times.storeMs].map(share).join(', ')],
    ];
  } finally {
    await simulator.close();
  }
};
