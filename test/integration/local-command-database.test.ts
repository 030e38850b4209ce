// What happens to the database while a command is at work: a sentence, exit 1, and the next run goes on.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { createDatabase, type Database } from '../../ingestion/database/connection.ts';
import { type Simulator, startSimulator } from '../../simulator/server.ts';
import { startGate } from '../support/gate.ts';
import { callCommand } from '../support/local-command.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { TWO_COINS } from '../support/two-coins.ts';
import { writeUniverse } from '../support/universe.ts';

const NOW = '2026-11-23T02:00:00Z';
const UNIVERSE = writeUniverse(TWO_COINS);
/** Roles belong to the server, which other test runs may use too. */
const ROLE = `role_${process.pid}_${process.env['JEST_WORKER_ID']}_few`;

let simulator: Simulator;
let testDatabase: TestDatabase;
/** For what befalls it. */
let database: Database;
beforeAll(async () => {
  simulator = await startSimulator({ universe: TWO_COINS, now: () => Date.parse(NOW) });
});
afterAll(() => simulator.close());
beforeEach(async () => {
  testDatabase = await createTestDatabase();
  database = createDatabase({ url: testDatabase.url });
});
afterEach(async () => {
  await database.close();
  await testDatabase.drop();
});

const fetchData = (url = testDatabase.url, baseUrl = simulator.baseUrl) =>
  callCommand(['fetch-data', '--now', NOW], {
    ...{ DATABASE_URL: url, UNIVERSE, COINGECKO_BASE_URL: baseUrl, COINGECKO_REQUESTS_PER_MINUTE: '1000' },
    LOG_LEVEL: 'error',
  });

/** What a person reads at the end. Errors of single requests are logged before it, as JSON. */
const lastLine = (text: string) => text.trimEnd().split('\n').at(-1);

async function nextRunGoesOn(url = testDatabase.url): Promise<void> {
  expect(await fetchData(url)).toMatchObject({ code: 0, stdout: expect.stringContaining('120 of 120') });
}

test('full', async () => {
  const { db } = database;
  await sql`create function fill_disk() returns trigger language plpgsql as
    $$ begin raise exception 'could not extend file' using errcode = '53100'; end $$`.execute(db);
  await sql`create trigger full_disk before insert on daily_prices execute function fill_disk()`.execute(db);
  const { code, stderr } = await fetchData();
  expect(lastLine(stderr)).toMatch(/^The database .* failed: could not extend file\. Make room on the server's disk\./);
  expect(code).toBe(1);
  await sql`drop trigger full_disk on daily_prices`.execute(db);
  await nextRunGoesOn();
});

test('read-only', async () => {
  const { db } = database;
  const name = sql.id(new URL(testDatabase.url).pathname.slice(1));
  await sql`alter database ${name} set default_transaction_read_only = on`.execute(db);
  const { code, stderr } = await fetchData();
  expect(lastLine(stderr)).toMatch(
    /in a read-only transaction\. default_transaction_read_only is on: reset it for the role/,
  );
  expect(code).toBe(1);
  await db.transaction().execute(async (transaction) => {
    await sql`set transaction read write`.execute(transaction);
    await sql`alter database ${name} reset default_transaction_read_only`.execute(transaction);
  });
  await nextRunGoesOn();
});

test('out of connections', async () => {
  const { db } = database;
  await sql`create role ${sql.id(ROLE)} login connection limit 1 password 'few'`.execute(db);
  await sql`grant select, insert, update, delete on all tables in schema public to ${sql.id(ROLE)}`.execute(db);
  const url = Object.assign(new URL(testDatabase.url), { username: ROLE, password: 'few' }).href;
  try {
    const { code, stderr } = await fetchData(url);
    expect(lastLine(stderr)).toMatch(
      /^The database .* Close some connections, or raise the limit: the program needs two\.$/,
    );
    expect(code).toBe(1);
    await sql`alter role ${sql.id(ROLE)} connection limit 2`.execute(db);
    await nextRunGoesOn(url);
  } finally {
    await sql.raw(`drop owned by ${ROLE}; drop role ${ROLE}`).execute(db);
  }
});

/** Befalls the database before the third request is answered. */
async function fetchDataWhile(befall: () => Promise<unknown>) {
  const gate = await startGate(simulator.baseUrl, async (count) => count === 3 && (await befall()));
  const result = await fetchData(testDatabase.url, gate.baseUrl);
  await gate.close();
  return result;
}

test('restarted or upgraded under way', async () => {
  const others = sql`datname = current_database() and pid <> pg_backend_pid()`;
  const { code, stderr } = await fetchDataWhile(() =>
    sql`select pg_terminate_backend(pid) from pg_stat_activity where ${others}`.execute(database.db),
  );
  expect(lastLine(stderr)).toMatch(/^The .*\. The next run goes on from what is stored\.$/);
  expect(code).toBe(1);
  await nextRunGoesOn();
});

test('dropped under way; another run says so too, until it is there again', async () => {
  const { code, stderr } = await fetchDataWhile(() => testDatabase.drop());
  expect(lastLine(stderr)).toMatch(/^The .*\.$/);
  expect(code).toBe(1);
  const again = await fetchData();
  expect(lastLine(again.stderr)).toMatch(/does not exist\. Create the database, or name another one\.$/);
  expect(again.code).toBe(2);
  await database.close();
  testDatabase = await createTestDatabase({ isEmpty: true });
  database = createDatabase({ url: testDatabase.url });
  await nextRunGoesOn();
});
