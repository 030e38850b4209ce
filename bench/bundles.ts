import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { bundleHandler } from '../test/support/bundle.ts';
import type { Measure } from './measure.ts';

const PROCESSES = 9;
const TOP_PACKAGES = 5;

/** (e) What a deploy uploads, and what a cold start pays for it: the time over a bare Node until the handler is there. */
export const bundles: Measure = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bench-bundles-'));
  try {
    const rows: [what: string, figure: string][] = [];
    for (const name of await readdir(new URL('../functions/', import.meta.url))) {
      if (name === 'common') continue;
      const file = join(folder, `${name}.mjs`);
      const metafile = await bundleHandler(name, file);
      const { size } = await stat(file);
      rows.push([
        `bundle of ${name}: size, init over bare Node`,
        `${kB(size)}, ${initMs(file, name !== 'trigger').toFixed(0)} ms`,
      ]);
      if (name === 'trigger') rows.push([`most of it (${TOP_PACKAGES} packages)`, largestPackages(metafile)]);
    }
    return rows;
  } finally {
    await rm(folder, { recursive: true });
  }
};

/** Bare and with the bundle by turns, so that whatever slows the machine down slows both down. */
function initMs(file: string, hasSourceLines: boolean): number {
  const bare: number[] = [];
  const loaded: number[] = [];
  for (let round = 0; round < PROCESSES; round++) {
    bare.push(processMs('', []));
    loaded.push(processMs(`await import(${JSON.stringify(file)})`, hasSourceLines ? ['--enable-source-maps'] : []));
  }
  return median(loaded) - median(bare);
}

/** @returns how long a process of Node takes that runs this and ends. Every function but the trigger maps its stack traces. */
function processMs(program: string, options: readonly string[]): number {
  const startedAt = performance.now();
  const args = [...options, '--input-type=module', '--eval', program];
  const { status, stderr } = spawnSync(process.execPath, args, { env: {}, encoding: 'utf8' });
  if (status !== 0) throw new Error(`The bundle can't be imported: ${stderr}`);
  return performance.now() - startedAt;
}

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;

/** @returns the packages with the most bytes in the output, the project's own code among them. */
function largestPackages({ outputs }: Metafile): string {
  const bytes = new Map<string, number>();
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  for (const [path, { bytesInOutput }] of inputs) {
    const [, name = 'the project itself'] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path) ?? [];
    bytes.set(name, (bytes.get(name) ?? 0) + bytesInOutput);
  }
  const largest = [...bytes].sort(([, one], [, other]) => other - one).slice(0, TOP_PACKAGES);
  return largest.map(([name, size]) => `${name} ${kB(size)}`).join(', ');
}

const kB = (bytes: number): string => `${(bytes / 1000).toFixed(0)} kB`;
