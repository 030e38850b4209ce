// npm run bench [-- NAME…] [-- --write]: measures, prints a table, and with --write keeps it in bench/RESULTS.md.
import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startEmbeddedPostgres } from '../local/postgres/embedded-postgres.ts';
import { bundles } from './bundles.ts';
import { commands } from './commands.ts';
import type { Measure } from './measure.ts';
import { memory } from './memory.ts';
import { plain } from './plain.ts';
import { rateLimit } from './rate-limit.ts';
import { scale } from './scale.ts';
import { status } from './status.ts';
import { storage } from './storage.ts';
import { store } from './store.ts';
import { throughput } from './throughput.ts';

const MEASURES: Readonly<Record<string, Measure>> = {
  ...{ throughput, plain, store, storage, memory, status, 'rate-limit': rateLimit, scale, bundles, commands },
};

const { values, positionals } = parseArgs({ allowPositionals: true, options: { write: { type: 'boolean' } } });
const unknown = positionals.find((name) => !(name in MEASURES));
if (unknown !== undefined) {
  console.error(`There is no measurement "${unknown}"; there are ${Object.keys(MEASURES).join(', ')}.`);
  process.exit(2);
}

const folder = await mkdtemp(join(tmpdir(), 'bench-'));
await chmod(folder, 0o755);
const server = await startEmbeddedPostgres({ dataFolder: join(folder, 'data') });

async function makeDatabase(): Promise<string> {
  const name = `bench_${randomUUID().replaceAll('-', '')}`;
  const client = new pg.Client(server.url);
  await client.connect();
  await client.query(`create database ${name}`).finally(() => client.end());
  return server.url.replace(/\/postgres$/, `/${name}`);
}

const lines = ['| what | figure |', '| --- | --- |'];
try {
  for (const [name, measure] of Object.entries(MEASURES)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    for (const [what, figure] of await measure({ makeDatabase, sharedFolder: folder })) {
      lines.push(`| ${what} | ${figure} |`);
      console.log(`${what}: ${figure}`);
    }
  }
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}

if (values.write) {
  const [cpu] = cpus();
  const machine = `${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}, Node.js ${process.version}`;
  const text = `# Benchmarks\n\nMade by \`npm run bench -- --write\` on ${new Date().toISOString().slice(0, 10)} (${machine}). Machines are noisy: compare\nratios of one run, not figures of two.\n\n${lines.join('\n')}\n`;
  await writeFile(new URL('./RESULTS.md', import.meta.url), text);
}
