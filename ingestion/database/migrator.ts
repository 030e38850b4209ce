import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import pg from 'pg';
import { MIGRATIONS } from '../../migrations/index.ts';
import { IngestionError } from '../domain/failure.ts';
import type { Clock, Log } from '../ports.ts';
import { retryUntil } from '../retry-until.ts';
import { type Database, DatabaseUnreachableError } from './connection.ts';
import type { Tables } from './tables.ts';

/** @property isNewer the database has migrations that this program doesn't know, beside all of its own. */
export type Migrated = { readonly applied: readonly string[]; readonly isNewer: boolean };

/** Names of our own: other applications on Kysely's defaults live in the same database, and in the same schema. */
const MIGRATION_TABLES = {
  migrationTableName: 'crypto_prices_migration',
  migrationLockTableName: 'crypto_prices_migration_lock',
};
const MIGRATION_TABLE = sql.id(MIGRATION_TABLES.migrationTableName);

/** The lock that Kysely takes to migrate, whatever its tables are called. */
const KYSELY_LOCK = sql.lit('3853314791062309107');

const DUPLICATE_TABLE = '42P07';
const OWN_SCHEMA =
  'The name is taken in this schema. Give this program one of its own: run "create schema crypto_prices", and append ' +
  '?options=-c%20search_path%3Dcrypto_prices to DATABASE_URL (with & where it has a ? already).';

const RETRY_MS = 1_000;
const OLDEST_SERVER = 15;

/**
 * Brings the schema up to date, one program at a time. An older program that meets a newer schema does nothing:
 * migrations only add, so that it can go on working.
 *
 * @param options.waitMs how long to wait for a database that can't be reached yet.
 * @throws DatabaseUnreachableError, or IngestionError naming the migration that failed; nothing of it has stayed.
 */
export async function migrateToLatest(
  database: Database,
  options: { waitMs: number; clock: Clock; log: Log; migrations?: Readonly<Record<string, Migration>> },
): Promise<Migrated> {
  const { log, migrations = MIGRATIONS } = options;
  const applied = await waitForDatabase(database, options);
  // What most programs find. Kysely would take three times as long to say so.
  if (applied.toSorted().join() === Object.keys(migrations).sort().join()) return { applied: [], isNewer: false };
  // A migration takes as long as it takes, and a second program waits here until the first one is done.
  const patient = database.withLimits({ statementMs: 0 });
  try {
    return await migrate(patient.db, migrations, log);
  } finally {
    await patient.close();
  }
}

async function migrate(
  db: Kysely<Tables>,
  migrations: Readonly<Record<string, Migration>>,
  log: Log,
): Promise<Migrated> {
  const known = Object.keys(migrations);
  await takeOverFormerTable(db, known);
  // Without its name, Kysely takes the tables of any schema for ours.
  const { rows } = await sql<{ schema: string }>`select current_schema() as schema`.execute(db);
  const provider = { getMigrations: async () => migrations };
  const tables = { ...MIGRATION_TABLES, ...(rows[0]?.schema && { migrationTableSchema: rows[0].schema }) };
  const migrator = new Migrator({ db, provider, ...tables });
  const { error, results = [] } = await migrator.migrateToLatest();
  const applied = results.filter(({ status }) => status === 'Success').map(({ migrationName }) => migrationName);
  if (!error) {
    log.info('The database schema is up to date', { applied });
    return { applied, isNewer: false };
  }
  // Kysely calls a schema "corrupted" that has a migration which the program doesn't know.
  // Where the list can't be read (rights, a read-only server) that error would hide the first one, which says why.
  const unknown = await unknownMigrations(db, known).catch(() => []);
  if (unknown.length > 0) {
    log.warn('The database schema is newer than this program; nothing was done', { unknown });
    return { applied: [], isNewer: true };
  }
  const failed = results.find(({ status }) => status === 'Error')?.migrationName;
  const reason = (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
  const isTaken = error instanceof pg.DatabaseError && error.code === DUPLICATE_TABLE;
  throw new IngestionError(
    `The migration ${failed ?? 'of the database'} failed, and was undone: ${reason}. ` +
      (isTaken ? OWN_SCHEMA : 'Correct the cause and run the migration again.'),
    { cause: error },
  );
}

/**
 * The first versions kept their migrations in Kysely's default table. Where that holds just our names, they are copied, once.
 * The table itself stays for one more release, so that a program that is rolled back still finds it.
 */
async function takeOverFormerTable(db: Kysely<Tables>, known: readonly string[]): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(${KYSELY_LOCK})`.execute(transaction);
    // Without our own tables it is another application's, which is none of our business.
    const { rows: found } = await sql<{ isReadable: boolean; role: string }>`
      select has_table_privilege(to_regclass('kysely_migration'), 'select') as "isReadable", current_user as role
      where to_regclass(${MIGRATION_TABLES.migrationTableName}) is null
        and to_regclass('daily_prices') is not null and to_regclass('kysely_migration') is not null
    `.execute(transaction);
    const [former] = found;
    if (!former) return;
    if (!former.isReadable) {
      throw new IngestionError(
        'This database has tables of the first version, and which ones stands in kysely_migration, which the role ' +
          `"${former.role}" may not read. Let its owner run: grant select on kysely_migration to "${former.role}"`,
      );
    }
    const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(transaction);
    if (rows.length === 0 || rows.some(({ name }) => !known.includes(name))) return;
    await sql`create table ${MIGRATION_TABLE} (like kysely_migration including all)`.execute(transaction);
    await sql`insert into ${MIGRATION_TABLE} select * from kysely_migration`.execute(transaction);
  });
}

/** @returns the migrations that were applied; none where they can't be read. */
async function waitForDatabase(
  database: Database,
  { waitMs, clock, log }: { waitMs: number; clock: Clock; log: Log },
): Promise<readonly string[]> {
  async function connect(): Promise<readonly string[]> {
    const client = await database.connect();
    try {
      await refuseOldServer(client);
      const statement = `select name from ${MIGRATION_TABLES.migrationTableName}`;
      const { rows } = await client.query<{ name: string }>(statement).catch(() => ({ rows: [] }));
      return rows.map(({ name }) => name);
    } finally {
      await client.end();
    }
  }
  let told = '';
  return await retryUntil(clock.monotonicMs() + waitMs, connect, {
    everyMs: RETRY_MS,
    clock,
    isWaitedFor: (failure) => failure instanceof DatabaseUnreachableError && failure.isTransient,
    onWait({ message }) {
      if (message !== told) log.warn('Waiting for the database', { error: message });
      told = message;
    },
  });
}

/** Before 15 no unique constraint can take two nulls for the same, as the one that keeps findings single does. */
async function refuseOldServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ number: number; version: string }>(
    `select current_setting('server_version_num')::integer as number, current_setting('server_version') as version`,
  );
  const [server] = rows;
  if (server && server.number < OLDEST_SERVER * 10_000) {
    throw new IngestionError(
      `The database server is PostgreSQL ${server.version}; ${OLDEST_SERVER} or newer is needed. Name another server.`,
    );
  }
}

/** @returns the migrations of a newer program; none where the two have diverged, and one of ours is not applied. */
async function unknownMigrations(db: Kysely<Tables>, known: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`select name from ${MIGRATION_TABLE} order by name`.execute(db);
  const executed = rows.map(({ name }) => name);
  return known.every((name) => executed.includes(name)) ? executed.filter((name) => !known.includes(name)) : [];
}
