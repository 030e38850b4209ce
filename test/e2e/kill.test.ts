import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, expect, test } from '@jest/globals';
import { createDatabase } from '../../ingestion/database/connection.ts';
import { startSimulator } from '../../simulator/server.ts';
import { createTestDatabase } from '../support/test-database.ts';

const NOW = '2026-11-23T02:00:00Z';
const SERIES = 44;
/** After how many requests each process is killed; between them lie planning, storing and the middle of transactions. */
const KILLS = [0, ...Array.from({ length: 4 }, () => Math.floor(Math.random() * 20))];

const simulator = await startSimulator({ now: () => Date.parse(NOW), latencyMs: 15 });
afterAll(() => simulator.close());

function fetchData(databaseUrl: string) {
  const args = ['--import', './bin/require-node.mjs', 'bin/ingest.ts', 'fetch-data', '--json', '--now', NOW];
  const env = {
    ...process.env,
    DATABASE_URL: databaseUrl,
    COINGECKO_BASE_URL: simulator.baseUrl,
    COINGECKO_REQUESTS_PER_MINUTE: '10000',
  };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  return { child, exited: once(child, 'close').then(([code]) => ({ code: code as number | null, output })) };
}

/** A killed process's lock comes free when the server has seen its connection break, a moment after its end. */
async function runToTheEnd(databaseUrl: string): Promise<{ code: number | null; output: string }> {
  for (;;) {
    const { code, output } = await fetchData(databaseUrl).exited;
    if (code !== 3) return { code, output };
  }
}

const contentOf = async (databaseUrl: string) => {
  const database = createDatabase({ url: databaseUrl });
  const rows = await database.db
    .selectFrom('daily_prices')
    .select([
      'coin_id',
      'currency',
      'day',
      'open',
      'high',
      'low',
      'close',
      'average',
      'sample_count',
      'is_final',
      'revision',
    ])
    .orderBy('coin_id')
    .orderBy('currency')
    .orderBy('day')
    .execute();
  const runs = await database.db.selectFrom('ingestion_runs').select('status').orderBy('started_at').execute();
  await database.close();
  return { rows, statuses: runs.map(({ status }) => status) };
};

test('killed again and again, the next run completes it: nothing is lost and nothing is there twice', async () => {
  const [killed, untouched] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  try {
    for (const requests of KILLS) {
      const limit = simulator.requests.length + requests;
      const { child, exited } = fetchData(killed.url);
      const watch = setInterval(() => {
        if (simulator.requests.length > limit) child.kill('SIGKILL');
      }, 1);
      const { code } = await exited;
      clearInterval(watch);
      if (code === 0) break;
    }
    const killedAt = simulator.requests.length;
    const last = await runToTheEnd(killed.url);
    expect({ KILLS, code: last.code }).toEqual({ KILLS, code: 0 });
    expect(JSON.parse(last.output)).toMatchObject({ status: 'complete', expectedDays: SERIES * 30, missingDays: 0 });
    // What had been stored before was not asked for again.
    expect(simulator.requests.length - killedAt).toBeLessThan(SERIES);

    expect((await runToTheEnd(untouched.url)).code).toBe(0);
    const [survivor, reference] = [await contentOf(killed.url), await contentOf(untouched.url)];
    expect(survivor.rows).toEqual(reference.rows);
    expect(survivor.rows).toHaveLength(SERIES * 31);
    expect(new Set(survivor.statuses)).toEqual(new Set(['interrupted', 'complete']));
  } finally {
    await Promise.all([killed.drop(), untouched.drop()]);
  }
}, 60_000);
