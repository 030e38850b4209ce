import { afterAll, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { createDatabase } from '../../ingestion/database/connection.ts';
import { startSimulator } from '../../simulator/server.ts';
import { callCommand, startCommand } from '../support/local-command.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { madeUpCoins, writeUniverse } from '../support/universe.ts';

const NOW = '2026-11-23T02:00:00Z';
const COINS = madeUpCoins(20);
const UNIVERSE = { coins: COINS, currencies: [{ code: 'usd', name: 'US dollar' }] };
/** How long after its first request each process is killed: at once, between answers, in the middle of transactions. */
const KILLS_MS = [0, 100, 200, 300].map((least) => least + Math.floor(Math.random() * 100));
/** Answers trickle in, so that some are stored and some are not when a process is killed. */
const LATENCIES_MS = [10, 400] as const;

const simulator = await startSimulator({ now: () => Date.parse(NOW), universe: UNIVERSE });
let answers = 0;
simulator.setFaults(() => {
  answers += 1;
  const [least, most] = LATENCIES_MS;
  return { kind: 'latency', durationMs: least + ((answers * 61) % (most - least)) };
});
afterAll(() => simulator.close());

const ARGS = ['fetch-data', '--json', '--now', NOW];
const UNIVERSE_FILE = writeUniverse(UNIVERSE);
const settings = (databaseUrl: string) => ({
  ...{ DATABASE_URL: databaseUrl, COINGECKO_BASE_URL: simulator.baseUrl, UNIVERSE: UNIVERSE_FILE },
  COINGECKO_REQUESTS_PER_MINUTE: '10000',
});

/** A killed process's lock comes free when the server has seen its connection break, a moment after its end. */
async function runToTheEnd(databaseUrl: string): Promise<{ code: number | null; stdout: string }> {
  for (;;) {
    const { code, stdout } = await callCommand(ARGS, settings(databaseUrl));
    if (code !== 3) return { code, stdout };
  }
}

const contentOf = async (databaseUrl: string) => {
  const database = createDatabase({ url: databaseUrl });
  const { rows } = await sql<{ coin_id: string }>`
    select coin_id, day, open, high, low, close, average, sample_count, is_final, revision
    from daily_prices order by coin_id, day`.execute(database.db);
  const runs = await database.db.selectFrom('ingestion_runs').select('status').orderBy('started_at').execute();
  await database.close();
  return { rows, statuses: runs.map(({ status }) => status) };
};

test('killed again and again, the next run completes it: nothing is lost and nothing is there twice', async () => {
  const [killed, untouched] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  try {
    for (const delayMs of KILLS_MS) {
      const before = simulator.requests.length;
      const { child, result } = startCommand(ARGS, settings(killed.url));
      const watch = setInterval(() => {
        if (simulator.requests.length === before) return;
        clearInterval(watch);
        setTimeout(() => child.kill('SIGKILL'), delayMs);
      }, 1);
      const { code } = await result;
      clearInterval(watch);
      if (code === 0) break;
    }
    const stored = new Set((await contentOf(killed.url)).rows.map(({ coin_id }) => coin_id));
    const killedAt = simulator.requests.length;
    const last = await runToTheEnd(killed.url);
    expect({ KILLS_MS, code: last.code }).toEqual({ KILLS_MS, code: 0 });
    const complete = { status: 'complete', expectedDays: COINS.length * 30, missingDays: 0 };
    expect(JSON.parse(last.stdout)).toMatchObject(complete);
    // What had been stored before was not asked for again; the last request is for the latest prices.
    expect(simulator.requests.length - killedAt).toBeLessThanOrEqual(COINS.length - stored.size + 1);

    expect((await runToTheEnd(untouched.url)).code).toBe(0);
    const [survivor, reference] = [await contentOf(killed.url), await contentOf(untouched.url)];
    expect(survivor.rows).toEqual(reference.rows);
    // 30 days, and today.
    expect(survivor.rows).toHaveLength(COINS.length * 31);
    expect(new Set(survivor.statuses)).toEqual(new Set(['interrupted', 'complete']));
  } finally {
    await Promise.all([killed.drop(), untouched.drop()]);
  }
}, 60_000);
