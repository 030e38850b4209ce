import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startSimulator } from '../simulator/server.ts';
import { universeOf } from './bench-ingestion.ts';
import type { Measure } from './measure.ts';

/** (d) Peak memory of the program alone, in a process of its own; the source and the database are elsewhere. */
export const memory: Measure = async ({ makeDatabase }) => {
  const peakOf = async (seriesCount: number) => {
    const simulator = await startSimulator({ universe: universeOf(seriesCount) });
    try {
      const args = [new URL('./memory-child.ts', import.meta.url).pathname, String(seriesCount)];
      const env = { ...process.env, DATABASE_URL: await makeDatabase(), SOURCE_URL: simulator.baseUrl };
      const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk;
      });
      await once(child, 'close');
      return Number(output) / 1024;
    } finally {
      await simulator.close();
    }
  };
  const [few, many, most] = [await peakOf(44), await peakOf(500), await peakOf(1_500)];
  return [
    ['peak memory, 44 series × 30 days', `${few.toFixed(0)} MiB`],
    ['peak memory, 500 series × 30 days', `${many.toFixed(0)} MiB`],
    // A run of 44 series ends before the collector has filled the room that it allows itself.
    ['peak memory, 1,500 series × 30 days', `${most.toFixed(0)} MiB (ratio to 500: ${(most / many).toFixed(2)})`],
  ];
};
