import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { createDatabase, type Database } from '../../ingestion/database/connection.ts';
import { migrateToLatest } from '../../ingestion/database/migrator.ts';
import { MIGRATIONS } from '../../migrations/index.ts';
import { dumpSchema } from '../support/dump-schema.ts';
import { silentLog } from '../support/silent-log.ts';
import { useOwnDatabases } from '../support/test-database.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const openDatabase = useOwnDatabases();
const shared = await openDatabase({ isEmpty: true });
/** Emptying one takes a tenth of the time of making another. */
async function emptyDatabase(): Promise<typeof shared> {
  await sql`
    drop schema if exists shop cascade; drop schema public cascade;
    create schema public; grant usage on schema public to public`.execute(shared.db);
  return shared;
}
const migrated = await openDatabase();

const options = { waitMs: 0, clock: createVirtualClock(0), log: silentLog };
const ALL = Object.keys(MIGRATIONS);
const { '0001_tables': FIRST = { up: async () => {} } } = MIGRATIONS;
/** How migrations are run doesn't depend on what they do. */
const ONE: Record<string, Migration> = { '0001_tables': { up: (db) => db.schema.createTable('coins').execute() } };
const NEWER = { ...ONE, '9999_newer': { up: async () => {} } };
const DONE = { applied: ['0001_tables'], isNewer: false };
const NOTHING = { applied: [], isNewer: false };

test('the schema is the one that was agreed on', async () => {
  const file = join(import.meta.dirname, '../support/schema.txt');
  const isAsAgreed = (await dumpSchema(migrated)) === (await readFile(file, 'utf8'));
  // A message that says what to do, instead of hundreds of lines of difference.
  expect(isAsAgreed || 'The schema changed. Look at it with "node test/support/dump-schema.ts && git diff".').toBe(
    true,
  );
});

test('of two programs that migrate an empty database at once one does it; a third has nothing to do', async () => {
  const database = await emptyDatabase();
  const both = await Promise.all([migrateToLatest(database, options), migrateToLatest(database, options)]);
  expect(both.flatMap(({ applied }) => applied)).toEqual(ALL);
  expect(await migrateToLatest(database, options)).toEqual(NOTHING);
});

test('a table of the user’s that has a name of ours is met with two steps, which help', async () => {
  const database = await emptyDatabase();
  await sql`create table coins (of_mine text)`.execute(database.db);
  await expect(migrateToLatest(database, options)).rejects.toThrow(
    /relation "coins" already exists\. .*create schema crypto_prices.*\?options=-c%20search_path%3Dcrypto_prices/,
  );
  await sql`create schema crypto_prices`.execute(database.db);
  const url = `${shared.url}?options=-c%20search_path%3Dcrypto_prices`;
  const own = createDatabase({ url });
  expect((await migrateToLatest(own, options)).applied).toEqual(ALL);
  expect((await sql<{ table: string }>`select to_regclass('coins')::text as table`.execute(own.db)).rows).toEqual([
    { table: 'coins' },
  ]);
  await own.close();
  expect((await sql`select * from public.coins`.execute(database.db)).rows).toEqual([]);
  await sql`drop schema crypto_prices cascade`.execute(database.db);
});

test('an older program that meets a newer schema does nothing, and says so', async () => {
  const database = await emptyDatabase();
  expect(await migrateToLatest(database, { ...options, migrations: NEWER })).toMatchObject({ isNewer: false });
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
  const older = { ...options, migrations: ONE, log };
  expect(await migrateToLatest(database, older)).toEqual({ applied: [], isNewer: true });
  expect(warnings).toEqual(['The database schema is newer than this program; nothing was done']);
});

test('a schema that lacks one of our migrations and has a stranger instead is refused', async () => {
  const database = await emptyDatabase();
  await migrateToLatest(database, { ...options, migrations: { '0000_other': { up: async () => {} } } });
  await expect(migrateToLatest(database, { ...options, migrations: ONE })).rejects.toThrow(/corrupted migrations/);
});

const names = async (table: string, { db }: Database) =>
  (await sql<{ name: string }>`select name from ${sql.table(table)} order by name`.execute(db)).rows.map(
    ({ name }) => name,
  );

/** As the first version left it: its migrations in Kysely's default tables. */
async function databaseOfFirstVersion() {
  const database = await emptyDatabase();
  await migrateByDefault(database, { '0001_tables': FIRST });
  return database;
}

/** What any application on Kysely's defaults does. @param schema of its tables. */
async function migrateByDefault(
  { db }: Database,
  migrations: Record<string, Migration>,
  schema?: string,
): Promise<readonly string[]> {
  const provider = { getMigrations: async () => migrations };
  const own = schema === undefined ? {} : { migrationTableSchema: schema };
  const { error, results = [] } = await new Migrator({ db, provider, ...own }).migrateToLatest();
  if (error) throw error;
  return results.map(({ migrationName }) => migrationName);
}
const STRANGER: Record<string, Migration> = { '2020_shop': { up: (db) => db.schema.createTable('shop').execute() } };

test('a database of the first version is taken over once; that version still finds its own list as it was', async () => {
  const database = await databaseOfFirstVersion();
  const both = await Promise.all([migrateToLatest(database, options), migrateToLatest(database, options)]);
  expect(both.flatMap(({ applied }) => applied)).toEqual(ALL.filter((name) => name !== '0001_tables'));
  expect(await migrateToLatest(database, options)).toEqual(NOTHING);
  expect(await names('crypto_prices_migration', database)).toEqual(ALL);
  expect(await migrateByDefault(database, { '0001_tables': FIRST })).toEqual([]);
  expect(await names('kysely_migration', database)).toEqual(['0001_tables']);
});

test.each([
  ['in the same schema', STRANGER, undefined],
  ['in another schema', STRANGER, 'shop'],
  ['whose migrations have our names', { '0001_tables': { up: async () => {} } }, undefined],
])(
  'another application on the defaults of Kysely %s, before us or after us, is left alone',
  async (_, others, schema) => {
    const theirs = Object.keys(others);
    const database = await emptyDatabase();
    const migrateOurs = () => migrateToLatest(database, { ...options, migrations: ONE });
    const migrateTheirs = () => migrateByDefault(database, others, schema);
    for (const isBefore of [true, false]) {
      await emptyDatabase();
      if (isBefore) expect(await migrateTheirs()).toEqual(theirs);
      expect(await migrateOurs()).toEqual(DONE);
      if (!isBefore) expect(await migrateTheirs()).toEqual(theirs);
      expect(await migrateOurs()).toEqual(NOTHING);
      expect(await migrateTheirs()).toEqual([]);
      expect(await names(`${schema ?? 'public'}.kysely_migration`, database)).toEqual(theirs);
    }
  },
);

test("a list of Kysely's that we may not read is left alone, unless it must be the first version's", async () => {
  const role = `reader_${process.pid}`;
  const [strangers, ours] = [await openDatabase({ isEmpty: true }), await databaseOfFirstVersion()];
  await migrateByDefault(strangers, STRANGER);
  const asRole = ({ url }: { url: string }) => {
    const own = createDatabase({ url: Object.assign(new URL(url), { username: role, password: 'secret' }).href });
    return migrateToLatest(own, { ...options, migrations: { '0001_tables': FIRST } }).finally(own.close);
  };
  await sql.raw(`create role ${role} login password 'secret'`).execute(strangers.db);
  try {
    for (const { db } of [strangers, ours]) await sql.raw(`grant create on schema public to ${role}`).execute(db);
    expect(await asRole(strangers)).toEqual(DONE);
    await expect(asRole(ours)).rejects.toThrow(
      `"${role}" may not read. Let its owner run: grant select on kysely_migration to "${role}"`,
    );
  } finally {
    for (const { db } of [strangers, ours]) await sql.raw(`drop owned by ${role} cascade`).execute(db);
    await sql.raw(`drop role ${role}`).execute(strangers.db);
  }
});

test('a migration that fails is named, and leaves nothing behind', async () => {
  const database = await emptyDatabase();
  const failing: Migration = {
    async up(db) {
      await sql`create table half_done (id integer)`.execute(db);
      await sql`create table half_done (id integer)`.execute(db);
    },
  };
  const migrations = { ...ONE, '9998_failing': failing };
  await expect(migrateToLatest(database, { ...options, migrations })).rejects.toThrow(
    'The migration 9998_failing failed, and was undone: relation "half_done" already exists',
  );
  expect(await migrateToLatest(database, { ...options, migrations: ONE })).toEqual(DONE);
  expect((await sql`select to_regclass('half_done') as found`.execute(database.db)).rows).toEqual([{ found: null }]);
});

test('a server that only reads is named as the cause', async () => {
  const database = await openDatabase({ isEmpty: true });
  await sql`do $$ begin
    execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$`.execute(
    database.db,
  );
  await expect(migrateToLatest(database, options)).rejects.toThrow(
    /^The migration of the database failed, and was undone: .*cannot execute .* in a read-only transaction\./,
  );
});

test('a migration may take longer than a statement of a run; later statements are limited again', async () => {
  const database = await emptyDatabase();
  const timeouts: unknown[] = [];
  const readTimeout = async (db: Parameters<Migration['up']>[0]) => {
    timeouts.push(...(await sql`select current_setting('statement_timeout') as timeout`.execute(db)).rows);
  };
  await migrateToLatest(database, { ...options, migrations: { '0001_slow': { up: readTimeout } } });
  await readTimeout(database.db);
  expect(timeouts).toEqual([{ timeout: '0' }, { timeout: '30s' }]);
});

test('a database that is not there yet is waited for, and that is said once', async () => {
  const real = await emptyDatabase();
  const away = createDatabase({ url: 'postgres://somebody@127.0.0.1:1/prices' });
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
  let now = 0;
  const clock = {
    now: () => now,
    monotonicMs: () => now,
    async sleep(durationMs: number) {
      now += durationMs;
    },
  };
  const appearing: Database = { ...real, connect: () => (now < 15_000 ? away.connect() : real.connect()) };

  const waiting = { clock, log, migrations: ONE };
  expect(await migrateToLatest(appearing, { ...waiting, waitMs: 20_000 })).toEqual(DONE);
  expect(warnings).toEqual(['Waiting for the database']);
  now = 0;
  await expect(migrateToLatest(appearing, { ...waiting, waitMs: 12_000 })).rejects.toThrow(/can't be reached/);
  expect(now).toBe(12_000);
  await away.close();
});

test('an older server is refused with its version', async () => {
  const database = await emptyDatabase();
  const connect = async () => {
    const client = await database.connect();
    return Object.assign(client, { query: async () => ({ rows: [{ number: 140_018, version: '14.18' }] }) });
  };
  await expect(migrateToLatest({ ...database, connect }, options)).rejects.toThrow(
    'The database server is PostgreSQL 14.18; 15 or newer is needed.',
  );
});

test('price_reader may read prices, runs and findings, and neither write nor read anything else', async () => {
  const { rows } = await sql<{ name: string; may_select: boolean; may_write: boolean }>`
    select relname as name, has_table_privilege('price_reader', oid, 'select') as may_select,
      has_table_privilege('price_reader', oid, 'insert, update, delete, truncate') as may_write
    from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1`.execute(migrated.db);
  expect(rows.filter(({ may_select }) => may_select).map(({ name }) => name)).toEqual([
    ...['answers', 'coins', 'currencies', 'daily_price_revisions', 'daily_prices', 'imported_daily_prices'],
    ...['ingestion_runs', 'ingestion_series', 'latest_prices', 'quality_findings', 'rejected_samples'],
    ...['requested_ranges', 'series', 'unavailable_days'],
  ]);
  expect(rows.some(({ may_write }) => may_write)).toBe(false);
});

test('a user who may make no roles can migrate where the role is there', async () => {
  const database = await emptyDatabase();
  const user = `plain_${process.pid}`;
  await sql`create role ${sql.id(user)}`.execute(database.db);
  await sql`grant create on schema public to ${sql.id(user)}`.execute(database.db);
  try {
    await database.db.connection().execute(async (db) => {
      await sql`set role ${sql.id(user)}`.execute(db);
      await MIGRATIONS['0001_tables']?.up(db);
      await sql`reset role`.execute(db);
    });
    const { rows } = await sql`select relowner::regrole::text as owner from pg_class where relname = 'coins'`.execute(
      database.db,
    );
    expect(rows).toEqual([{ owner: user }]);
  } finally {
    await sql`reset role`.execute(database.db);
    await sql`drop owned by ${sql.id(user)} cascade`.execute(database.db);
    await sql`drop role ${sql.id(user)}`.execute(database.db);
  }
});
