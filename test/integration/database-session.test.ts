import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { createDatabase } from '../../ingestion/database/connection.ts';
import { migrateToLatest } from '../../ingestion/database/migrator.ts';
import { createRepositories } from '../../ingestion/database/repositories.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { answerWith, dailyPrice, openRun } from '../support/database-fixtures.ts';
import { silentLog } from '../support/silent-log.ts';
import { useOwnDatabases } from '../support/test-database.ts';
import { startTestIngestion } from '../support/test-ingestion.ts';

const NOW = '2026-03-10T02:00Z';
const openDatabase = useOwnDatabases();
const shared = await openDatabase();

/** Makes `name` the standard of all sessions of the database to come. */
async function preset({ url }: { url: string }, name: string, value: string): Promise<void> {
  const { db, close } = createDatabase({ url });
  const database = sql.id(new URL(url).pathname.slice(1));
  await sql`alter database ${database} set ${sql.id(name)} = ${sql.lit(value)}`.execute(db).finally(close);
}

/** A run on a database of its own, then everything that it stored of prices, read through the same sessions. */
async function runOn({ url: databaseUrl }: { url: string }) {
  const ingestion = await startTestIngestion({ databaseUrl, now: NOW });
  try {
    const { verdict } = await ingestion.run();
    const { db } = ingestion.database;
    const prices = await db
      .selectFrom('daily_prices')
      .select(['coin_id', 'currency', 'day', 'open', 'close', 'average', 'volume', 'market_cap', 'first_sample_at'])
      .orderBy(sql`coin_id, currency, day`)
      .execute();
    const answers = await db.selectFrom('answers').select(['sha256', 'body']).orderBy('sha256').execute();
    return { status: verdict.status, prices, answers };
  } finally {
    await ingestion.close();
  }
}

afterEach(async () => {
  const { db, close } = createDatabase({ url: shared.url });
  const name = sql.id(new URL(shared.url).pathname.slice(1));
  await sql`begin read write; alter database ${name} reset all; commit`.execute(db);
  await close();
});

describe('what a database may have set for its sessions changes nothing', () => {
  let plain: Awaited<ReturnType<typeof runOn>>;
  beforeAll(async () => {
    plain = await runOn(shared);
    expect(plain).toMatchObject({ status: 'complete', prices: expect.arrayContaining([expect.anything()]) });
  });

  const SETTINGS = [
    ['DateStyle', 'SQL, DMY', 'ISO, YMD'],
    ['IntervalStyle', 'sql_standard', 'postgres'],
    ['bytea_output', 'escape', 'hex'],
    ['extra_float_digits', '-15', '1'],
    ['standard_conforming_strings', 'off', 'on'],
    ['TimeZone', 'Pacific/Apia', 'UTC'],
    ['default_transaction_isolation', 'serializable', 'read committed'],
    ['idle_session_timeout', '1s', '0'],
    ['idle_in_transaction_session_timeout', '300ms', '15s'],
    ['lock_timeout', '1ms', '0'],
    ['statement_timeout', '300ms', '30s'],
    ['transaction_timeout', '300ms', '0'],
    // A silent holder of the lock is given up after a minute.
    ['tcp_keepalives_idle', '7200', '30'],
    ['tcp_keepalives_interval', '75', '10'],
    ['tcp_keepalives_count', '9', '3'],
  ] as const;

  test('all of them at once', async () => {
    const database = await openDatabase();
    const { db, connect } = database;
    const { rows: known } = await sql<{ name: string }>`select lower(name) as name from pg_settings`.execute(db);
    // A server of an older version has nothing that could be set.
    const own = SETTINGS.filter(([name]) => known.some((one) => one.name === name.toLowerCase()));

    for (const [name, value] of own) await preset(database, name, value);
    const client = await connect();
    for (const [name, , pinned] of own) {
      const { rows } = await client.query('select current_setting($1) as value', [name]);
      expect({ name, rows }).toEqual({ name, rows: [{ value: pinned }] });
    }
    await client.end();
    expect(await runOn(database)).toEqual(plain);
  });

  test('search_path, which says where the tables are, is left alone', async () => {
    await sql`create schema prices`.execute(shared.db);
    await preset(shared, 'search_path', 'prices');
    const { db } = await openDatabase({ url: shared.url });
    expect((await sql`select current_schema() as schema`.execute(db)).rows).toEqual([{ schema: 'prices' }]);
  });
});

test('a database that is read-only by default is left so, and said to be', async () => {
  await preset(shared, 'default_transaction_read_only', 'on');
  const { db } = await openDatabase({ url: shared.url });
  await expect(sql`create table extra ()`.execute(db)).rejects.toMatchObject({
    name: 'DatabaseFailedError',
    message: expect.stringMatching(
      /read-only transaction\. default_transaction_read_only is on: reset it for the role/,
    ),
  });
});

test('a session of the role is pinned too, and what DATABASE_URL gives in options is not', async () => {
  const { db } = await openDatabase({ url: `${shared.url}?options=-c%20work_mem%3D8MB%20-c%20DateStyle%3DSQL` });
  const { rows } = await sql`
    select current_setting('work_mem') as memory, current_setting('DateStyle') as style`.execute(db);
  expect(rows).toEqual([{ memory: '8MB', style: 'ISO, YMD' }]);
});

test.each(['LATIN1', 'SQL_ASCII'])(
  'a database in %s is migrated, and texts that it lacks are stored in part',
  async (encoding) => {
    const database = await openDatabase({ isEmpty: true, encoding });
    await migrateToLatest(database, { waitMs: 0, clock: systemClock, log: silentLog });
    const { lock, runs, prices } = createRepositories(database, { clock: systemClock });
    const held = await lock.acquire(0);
    const runId = await openRun(runs);
    const observedAt = Date.parse('2026-03-08T05:00Z');
    const rejected = [{ observedAt, price: '価格 \0 é', reason: 'not_a_number' as const }];
    await prices.storeAnswer(answerWith(runId, [dailyPrice('2026-03-08')], { rejected }));
    await held.release();
    const { rows } = await sql`select price from rejected_samples`.execute(database.db);
    expect(rows).toEqual([{ price: encoding === 'SQL_ASCII' ? '価格 \ufffd é' : '?? ? ?' }]);
  },
);
