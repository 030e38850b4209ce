import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { DAY_MS } from '../ingestion/domain/day.ts';
import { startSimulator } from '../simulator/server.ts';
import { universeOf } from './bench-ingestion.ts';
import type { Measure } from './measure.ts';

/** The most that docs/costs.md speaks of. */
const MOST = 10_000;

/** Unlimited, the heap grows as far as the machine has memory, whether it is needed or not. A worker of 512 MB has about this. */
const HEAP = '--max-old-space-size=256';

/** (d) Peak memory of the program alone, in a process of its own; the source and the database are elsewhere. */
export const memory: Measure = async ({ makeDatabase }) => {
  const peaksOf = async (seriesCount: number) => {
    let daysAhead = 0;
    const now = () => Date.now() + daysAhead * DAY_MS;
    const simulator = await startSimulator({ universe: universeOf(seriesCount), now });
    const databaseUrl = await makeDatabase();
    const peak = async () => {
      const args = [HEAP, new URL('./memory-child.ts', import.meta.url).pathname, `${seriesCount}`, `${daysAhead}`];
      const env = { ...process.env, DATABASE_URL: databaseUrl, SOURCE_URL: simulator.baseUrl };
      const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk;
      });
      await once(child, 'close');
      return Number(output) / 1024;
    };
    try {
      const first = await peak();
      daysAhead = 1;
      return { first, daily: await peak() };
    } finally {
      await simulator.close();
    }
  };
  const [few, many, most] = [await peaksOf(44), await peaksOf(1_500), await peaksOf(MOST)];
  const mebibytes = (peak: number) => `${peak.toFixed(0)} MiB`;
  return [
    // A run of 44 series ends before the collector has filled the room that it allows itself.
    ['peak memory with a heap of 256 MiB, 44 series × 30 days', mebibytes(few.first)],
    ['peak memory, 1,500 series × 30 days', mebibytes(many.first)],
    ['… and of the daily run after it', mebibytes(many.daily)],
    ['peak memory, 10,000 series × 30 days', mebibytes(most.first)],
    ['… and of the daily run after it', mebibytes(most.daily)],
  ];
};
