import { expect, test } from '@jest/globals';
import { sql } from 'kysely';
import type { Database } from '../../ingestion/database/connection.ts';
import { migrateToLatest } from '../../ingestion/database/migrator.ts';
import { MIGRATIONS } from '../../migrations/index.ts';
import { silentLog } from '../support/silent-log.ts';
import { useOwnDatabases } from '../support/test-database.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const RUN = '0b9c1f4e-5a3d-5c7e-8f10-2a4b6c8d0e1f';
const openDatabase = useOwnDatabases();
const options = { waitMs: 0, clock: createVirtualClock(0), log: silentLog };
const first = { '0001_tables': MIGRATIONS['0001_tables'] ?? { up: async () => {} } };

/** What the first version's program writes: it names its own columns and no others. */
async function fillAsFirstVersion({ db }: Database): Promise<void> {
  const day = (date: string, [settled, final, hours]: [boolean, boolean, number]) =>
    sql`insert into daily_prices (coin_id, currency, day, open, high, low, close, average, volume, market_cap, sample_count,
        hours_covered, first_sample_at, last_sample_at, is_settled, is_final, revision, run_id, aggregation_version, updated_at)
      values ('bitcoin', 'usd', ${date}, 10, 12, 9, 11, 10.5, 1e9, null, ${hours}, ${hours}, ${`${date}T00:03:00Z`},
        ${`${date}T23:03:00Z`}, ${settled}, ${final}, 0, ${RUN}, 1, '2026-03-01T02:00:00Z')`.execute(db);
  await sql`insert into coins values ('bitcoin', 'btc', 'Bitcoin')`.execute(db);
  await sql`insert into currencies values ('usd', 'US dollar')`.execute(db);
  await sql`insert into series (coin_id, currency, tracked_since) values ('bitcoin', 'usd', '2026-02-01')`.execute(db);
  await sql`insert into ingestion_runs (id, trigger_key, trigger, due_at, request, status, started_at, hops, finished_at, missing_days)
    values (${RUN}, 'cli:1', 'cli', now(), '{"from":"2026-02-01","to":"2026-02-03"}', 'complete', now(), 1, now(), 0)`.execute(
    db,
  );
  await day('2026-02-01', [true, true, 24]);
  await day('2026-02-02', [true, false, 20]);
  await day('2026-02-03', [false, false, 2]);
  await sql`insert into answers (run_id, coin_id, currency, window_from, window_to, first_day, last_day, received_at, sha256, body)
    values (${RUN}, 'bitcoin', 'usd', now() - interval '3 days', now(), '2026-02-01', '2026-02-03', now(), ${'a'.repeat(64)}, 'x')`.execute(
    db,
  );
  await sql`insert into requests (run_id, coin_id, currency, sent_at) values (${RUN}, 'bitcoin', 'usd', now())`.execute(
    db,
  );
  await sql`insert into rejected_samples values (${RUN}, 'bitcoin', 'usd', now(), '1e9', 'spike')`.execute(db);
  await sql`insert into quality_findings values (${RUN}, 'frozen', 'warning', 'bitcoin', 'usd', '2026-02-01', 'It stood')`.execute(
    db,
  );
}

test('a database of the first version keeps its values, and its thin days are known as such', async () => {
  const database = await openDatabase({ isEmpty: true });
  await migrateToLatest(database, { ...options, migrations: first });
  await fillAsFirstVersion(database);
  const before = await sql`select * from daily_prices order by day`.execute(database.db);
  expect((await migrateToLatest(database, options)).applied).toEqual(['0002_healing', '0003_surroundings']);
  const after = await sql<Record<string, unknown>>`select * from daily_prices order by day`.execute(database.db);
  expect(after.rows).toEqual(
    before.rows.map((row, index) => ({ ...(row as object), is_thin: index === 1, source: 'direct', answer_ids: null })),
  );
  const { rows: runs } = await sql`select is_full_run, history_days from ingestion_runs`.execute(database.db);
  expect(runs).toEqual([{ is_full_run: false, history_days: null }]);
  expect((await sql`select reason from rejected_samples`.execute(database.db)).rows).toEqual([{ reason: 'spike' }]);
});

test('rows that no run could finish go with the third migration, and a series is tracked from its first answer', async () => {
  const database = await openDatabase({ isEmpty: true });
  const { '0003_surroundings': _, ...before } = MIGRATIONS;
  await migrateToLatest(database, { ...options, migrations: before });
  await fillAsFirstVersion(database);
  await sql`insert into currencies values ('eur', 'Euro')`.execute(database.db);
  await sql`insert into series (coin_id, currency, tracked_since) values ('bitcoin', 'eur', '1969-12-02')`.execute(
    database.db,
  );
  await sql`update series set tracked_since = '2026-02-03' where currency = 'usd'`.execute(database.db);
  await sql`update daily_prices set is_final = false, is_thin = false where day = '2026-02-02'`.execute(database.db);
  const days = async () =>
    (
      await sql<{ day: string; is_final: boolean }>`select day, is_final from daily_prices order by day`.execute(
        database.db,
      )
    ).rows;
  const stored = await days();
  await migrateToLatest(database, options);
  expect(await days()).toEqual(stored.filter(({ day, is_final }) => is_final || day >= '2026-02-03'));
  expect((await days()).length).toBeLessThan(stored.length);
  const tracked = await sql`select currency, tracked_since from series order by currency`.execute(database.db);
  expect(tracked.rows).toEqual([
    { currency: 'eur', tracked_since: null },
    { currency: 'usd', tracked_since: '2026-02-03' },
  ]);
});

test('the program of the first version can go on writing', async () => {
  const database = await openDatabase();
  await fillAsFirstVersion(database);
  const { rows } = await sql`select count(*)::integer as days from daily_prices`.execute(database.db);
  expect(rows).toEqual([{ days: 3 }]);
});

test('the views answer what they say', async () => {
  const { db } = await openDatabase();
  await sql`insert into coins values ('bitcoin', 'btc', 'Bitcoin')`.execute(db);
  await sql`insert into currencies values ('usd', 'US dollar'), ('eur', 'Euro')`.execute(db);
  await sql`insert into ingestion_runs (id, trigger_key, trigger, due_at, request, status, started_at, hops, finished_at, missing_days, history_days)
    values (${RUN}, 'cli:1', 'cli', now(), '{}', 'complete', now(), 1, now(), 0, 365)`.execute(db);
  // Today's date decides what is expected, so days count back from it.
  const { rows: bounds } = await sql<{ last: string }>`
    select (now() at time zone 'UTC' - interval '75 minutes')::date - 1 as last`.execute(db);
  const last = bounds[0]?.last ?? '';
  await sql`insert into series (coin_id, currency, tracked_since, is_tracked) values
    ('bitcoin', 'usd', ${last}::date - 3, true), ('bitcoin', 'eur', ${last}::date - 3, false)`.execute(db);
  await sql`insert into requested_ranges values ('bitcoin', 'usd', ${last}::date - 35, ${last}::date - 35, ${RUN}, now())`.execute(
    db,
  );
  await sql`insert into unavailable_days values
    ('bitcoin', 'usd', ${last}::date - 1, 'absent', ${RUN}, null, now()),
    ('bitcoin', 'usd', ${last}::date - 35, 'absent', ${RUN}, null, now() - interval '49 hours')`.execute(db);
  const insert = (age: number, price: number, isFinal: boolean, isThin: boolean) =>
    sql`insert into daily_prices (coin_id, currency, day, open, high, low, close, average, sample_count, hours_covered,
        first_sample_at, last_sample_at, is_settled, is_final, is_thin, revision, run_id, aggregation_version, updated_at)
      values ('bitcoin', 'usd', ${last}::date - ${age}::integer, ${price}, ${price + 2}, ${price - 1}, ${price + 1}, ${price},
        24, 24, (${last}::date - ${age}::integer)::timestamp at time zone 'UTC',
        (${last}::date - ${age}::integer)::timestamp at time zone 'UTC', true, ${isFinal}, ${isThin}, 0, ${RUN}, 2, now())`.execute(
      db,
    );
  await insert(3, 100, true, false);
  await insert(2, 110, true, false);
  await insert(0, 120, false, true);
  await sql`insert into imported_daily_prices values
    ('bitcoin', 'usd', ${last}::date - 3, 99, 'elsewhere', ${'b'.repeat(64)}, now()),
    ('bitcoin', 'usd', ${last}::date - 900, 1, 'elsewhere', ${'b'.repeat(64)}, now())`.execute(db);

  const complete =
    await sql`select ${last}::date - day as age, series_expected, series_final, series_thin, series_unconfirmed,
    series_missing from day_completeness where ${last}::date - day not between 4 and 29 order by 1`.execute(db);
  // Age; series expected, final, thin, unconfirmed, missing.
  expect(complete.rows.map((row) => Object.values(row as object))).toEqual([
    ...[
      [0, 1, 0, 1, 0, 0],
      [1, 1, 0, 0, 1, 0],
      [2, 1, 1, 0, 0, 0],
    ],
    ...[
      [3, 1, 1, 0, 0, 0],
      [35, 1, 0, 0, 0, 1],
    ],
  ]);
  const returns = await sql`select ${last}::date - day as age, close, previous_close, round(simple_return, 6) as simple,
    round(log_return, 6) as log from daily_returns`.execute(db);
  expect(returns.rows).toEqual([{ age: 2, close: 111, previous_close: 101, simple: 0.09901, log: 0.09441 }]);
  const history =
    await sql`select ${last}::date - day as age, price, origin, is_final from price_history order by 1`.execute(db);
  expect(history.rows).toEqual([
    { age: 0, price: 120, origin: 'direct', is_final: false },
    { age: 2, price: 110, origin: 'direct', is_final: true },
    { age: 3, price: 100, origin: 'direct', is_final: true },
    { age: 900, price: 1, origin: 'imported', is_final: true },
  ]);
  const months = await sql<{ days_final: number; high: number; low: number }>`
    select sum(days_final)::integer as days_final, max(high) as high, min(low) as low, min(days_in_month) as days
    from monthly_prices`.execute(db);
  expect(months.rows[0]).toMatchObject({ days_final: 2, high: 112, low: 99 });
});
