import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { WORKER_MEMORY_MB, WORKER_NODE_OPTIONS } from '../ingestion/contract/limits.ts';
import { bundleModule } from '../test/support/bundle.ts';
import type { RunOptions } from './bench-ingestion.ts';

/** What a run in a process of its own came to; `peakMiB` is its resident memory at its highest. */
type BundledRun = Record<'requests' | 'rateLimited' | 'hops' | 'durationMs' | 'peakMiB', number>;

/** Lambda gives so much of the worker's memory to the heap. */
const HEAP_MB = Math.round(0.9 * WORKER_MEMORY_MB);

/** Runs the program, bundled, in a process of its own. @throws Error when the run is not complete. */
export async function runBundled(folder: string, options: RunOptions): Promise<BundledRun> {
  const [module, input] = [join(folder, 'run-child.mjs'), join(folder, 'run-child.json')];
  await bundleModule('bench/run-child.ts', module);
  await writeFile(input, JSON.stringify(options));
  const child = spawn(process.execPath, [`--max-old-space-size=${HEAP_MB}`, module, input], {
    env: { ...process.env, NODE_OPTIONS: WORKER_NODE_OPTIONS },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { status, error, ...run } = (await json(child.stdout)) as BundledRun & { status: string; error: string };
  if (status !== 'complete') throw new Error(`The run ended ${status}: ${error}`);
  return run;
}
