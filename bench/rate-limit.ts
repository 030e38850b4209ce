import { startSimulator } from '../simulator/server.ts';
import { runOnce, universeOf } from './bench-ingestion.ts';
import type { Measure } from './measure.ts';

const REQUESTS_PER_MINUTE = 30;
const SERIES = 44;
/** What CoinGecko takes for such an answer, about. */
const LATENCY_MS = 150;

/** (a) A daily run under the Demo plan's limit, against the least time that the limit allows: 30 at once, 14 a minute later. */
export const rateLimit: Measure = async ({ makeDatabase }) => {
  const simulator = await startSimulator({ requestsPerMinute: REQUESTS_PER_MINUTE, latencyMs: LATENCY_MS });
  try {
    const { verdict } = await runOnce({
      databaseUrl: await makeDatabase(),
      sourceUrl: simulator.baseUrl,
      universe: universeOf(SERIES),
      requestsPerMinute: REQUESTS_PER_MINUTE,
    });
    const floorMs = Math.floor((SERIES - 1) / REQUESTS_PER_MINUTE) * 60_000;
    return [
      ['44 series at 30 requests a minute', `${(verdict.durationMs / 1000).toFixed(1)} s`],
      ['its ratio to the floor of 60 s (at most 1.05)', (verdict.durationMs / floorMs).toFixed(3)],
      ['verdict, requests refused with 429', `${verdict.status}, ${verdict.rateLimited}`],
    ];
  } finally {
    await simulator.close();
  }
};
