import { sql } from 'kysely';
import { createDatabase } from '../ingestion/database/connection.ts';
import { DAY_MS, HOUR_MS } from '../ingestion/domain/day.ts';
import type { Clock } from '../ingestion/ports.ts';
import { systemClock } from '../ingestion/system-clock.ts';
import { startSimulator } from '../simulator/server.ts';
import { runOnce } from './bench-ingestion.ts';
import type { Measure } from './measure.ts';
import { universeOf } from './universe-of.ts';

const SERIES = 100;
/** After a first run that fetches 30 days at once. */
const DAILY_RUNS = 90;

/** What grows with each run. */
const TABLES = ['daily_prices', 'ingestion_series', 'answers', 'requests'] as const;

type Sizes = Record<(typeof TABLES)[number], { bytes: number; rows: number }>;

/** (g) What a daily run adds to each table that grows, with indexes and what updates leave behind. */
export const storage: Measure = async ({ makeDatabase }) => {
  const lines: (readonly [string, string])[] = [];
  for (const crossRates of [false, true]) {
    const url = await makeDatabase();
    const universe = universeOf(SERIES);
    let now = Math.floor(systemClock.now() / DAY_MS) * DAY_MS - DAILY_RUNS * DAY_MS + 2 * HOUR_MS;
    const clock: Clock = { ...systemClock, now: () => now };
    const simulator = await startSimulator({ universe, clock: clock.now, hasFixedRates: true });
    const way = { requestsPerMinute: 1_000_000, crossRates, clock };
    const run = () => runOnce({ databaseUrl: url, sourceUrl: simulator.baseUrl, universe, ...way });
    await run();
    const before = await sizesOf(url);
    for (let count = 0; count < DAILY_RUNS; count += 1) {
      now += DAY_MS;
      await run();
    }
    const after = await sizesOf(url);
    await simulator.close();
    for (const table of TABLES) {
      const bytes = (after[table].bytes - before[table].bytes) / (after[table].rows - before[table].rows);
      lines.push([`bytes of ${table}, a row${crossRates ? ', with cross rates' : ''}`, bytes.toFixed(0)]);
    }
  }
  return lines;
};

async function sizesOf(url: string): Promise<Sizes> {
  const database = createDatabase({ url });
  try {
    const sizes = TABLES.map(async (table) => {
      const { rows } = await sql<{ bytes: string; rows: string }>`
        select pg_total_relation_size(${table}::regclass) as bytes, (select count(*) from ${sql.table(table)}) as rows`.execute(
        database.db,
      );
      const [{ bytes, rows: count } = { bytes: '0', rows: '0' }] = rows;
      return [table, { bytes: Number(bytes), rows: Number(count) }] as const;
    });
    return Object.fromEntries(await Promise.all(sizes)) as Sizes;
  } finally {
    await database.close();
  }
}
