import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Measure } from './measure.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ROUNDS = 10;

/** (f) How long a person waits for a command, in multiples of what npm and Node take to run nothing at all. */
export const commands: Measure = async ({ makeDatabase }) => {
  const folder = await projectWithEmptyScript();
  const env = { ...process.env, DATABASE_URL: await makeDatabase() };
  const calls = { empty: ['run', 'empty'], help: ['run', 'status', '--', '--help'], status: ['run', 'status'] };
  const bestMs = { empty: Infinity, help: Infinity, status: Infinity };
  try {
    // In turn, so that what else the machine does meets all of them. The first round makes tables and fills the cache.
    for (let round = 0; round <= ROUNDS; round += 1)
      for (const name of ['empty', 'help', 'status'] as const) {
        const startedAt = performance.now();
        await promisify(execFile)('npm', calls[name], { cwd: folder, env });
        if (round > 0) bestMs[name] = Math.min(bestMs[name], performance.now() - startedAt);
      }
  } finally {
    await rm(folder, { recursive: true });
  }
  const ratio = (name: 'help' | 'status') => (bestMs[name] / bestMs.empty).toFixed(2);
  return [
    [`an npm script that runs an empty program, best of ${ROUNDS}`, `${bestMs.empty.toFixed(0)} ms`],
    ['npm run status -- --help, in multiples of it (at most 1.7)', ratio('help')],
    ['npm run status against a running server, in multiples of it (at most 2.2)', ratio('status')],
  ];
};

/** A folder that npm takes for the project, with one script more. */
async function projectWithEmptyScript(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'commands-'));
  const project = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const empty = 'node --import ./bin/require-node.mjs --eval 0';
  await writeFile(join(folder, 'package.json'), JSON.stringify({ ...project, scripts: { ...project.scripts, empty } }));
  for (const name of ['bin', 'node_modules']) await symlink(join(ROOT, name), join(folder, name));
  return folder;
}
