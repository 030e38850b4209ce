import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { createDatabase } from '../../ingestion/database/connection.ts';
import { DatabaseFailedError } from '../../ingestion/database/failures.ts';
import { migrateToLatest } from '../../ingestion/database/migrator.ts';
import { TIME_LIMITS } from '../../ingestion/database/time-limits.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { silentLog } from '../support/silent-log.ts';
import { createTestDatabase, useOwnDatabases } from '../support/test-database.ts';
import { startTestIngestion } from '../support/test-ingestion.ts';

const NOW = '2026-03-10T02:00Z';
const cleanUps: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});

const openDatabase = useOwnDatabases();
const shared = await openDatabase();

/** Roles belong to the server, which other test runs may use too. */
const ROLE = `role_${process.pid}_${process.env['JEST_WORKER_ID']}`;
const asRole = (url: string, role: string, password: string) =>
  Object.assign(new URL(url), { username: role, password }).href;

async function runOn(url: string) {
  const ingestion = await startTestIngestion({ databaseUrl: url, now: NOW });
  try {
    return (await ingestion.run()).verdict.status;
  } finally {
    await ingestion.close();
  }
}

describe('rights', () => {
  const owner = `${ROLE}_owner`;
  const runner = `${ROLE}_runner`;
  async function blocksOfDocument(): Promise<string[]> {
    const text = await readFile(join(import.meta.dirname, '../../docs/database.md'), 'utf8');
    const blocks = [...text.matchAll(/```sql\n(.*?)```/gs)].map(([, block = '']) => block);
    return blocks.map((block) =>
      block
        .replaceAll('crypto_prices_owner', owner)
        .replaceAll(/\bcrypto_prices login|(role|to) crypto_prices\b/g, (found) =>
          found.replace('crypto_prices', runner),
        ),
    );
  }

  test('the roles of docs/database.md do for migrations and for runs, and one right less is named', async () => {
    const { db, url, connect } = await openDatabase({ isEmpty: true });
    const admin = await connect();
    cleanUps.push(async () => {
      await admin.query(
        `drop owned by ${runner} cascade; drop owned by ${owner} cascade; drop role ${owner}, ${runner}`,
      );
      await admin.end();
    });
    const [forOwner = '', forRunner = ''] = await blocksOfDocument();

    await admin.query(forOwner);
    const owned = await openDatabase({ url: asRole(url, owner, 'change me') });
    await migrateToLatest(owned, { waitMs: 0, clock: systemClock, log: silentLog });

    await admin.query(forRunner);
    const runnerUrl = asRole(url, runner, 'change me');
    const mine = await openDatabase({ url: runnerUrl });
    await migrateToLatest(mine, { waitMs: 0, clock: systemClock, log: silentLog });
    await expect(sql`create table extra ()`.execute(mine.db)).rejects.toThrow(
      new RegExp(
        `permission denied for schema crypto_prices\\. The role "${runner}" lacks a right for it; the statement takes create\\.`,
      ),
    );
    expect(await runOn(runnerUrl)).toBe('complete');

    await sql`revoke insert on crypto_prices.daily_prices from ${sql.id(runner)}`.execute(db);
    await sql`delete from crypto_prices.daily_prices`.execute(db);
    await expect(runOn(runnerUrl)).rejects.toMatchObject({
      name: 'DatabaseFailedError',
      message: expect.stringMatching(
        /permission denied for table daily_prices\. .* lacks a right for it; the statement takes .*insert.*\. Grant it/,
      ),
    });
  });
});

test.each([
  ['53100', 'could not extend file', "could not extend file. Make room on the server's disk. The next run goes on"],
  ['53200', 'out of memory', 'out of memory. The server has no memory left.'],
  ['40001', 'could not serialize', 'could not serialize. Other transactions were in the way each time.'],
  ['57014', 'statement timeout', 'statement timeout. Look in pg_stat_activity for a session that holds a lock'],
])('SQLSTATE %s is a sentence with what to do', async (code, found, sentence) => {
  const attempt = sql
    .raw(`do $$ begin raise exception '${found}' using errcode = '${code}'; end $$`)
    .execute(shared.db);
  const error = await attempt.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(DatabaseFailedError);
  expect(error).toMatchObject({ code, message: expect.stringContaining(sentence) });
});

test('a database that is dropped under way is said to be', async () => {
  const { url, drop } = await createTestDatabase();
  const { db } = await openDatabase({ url });
  const select1 = () => sql`select 1`.execute(db);
  await select1();
  await drop();
  // What is idle may be handed out before its end was noticed.
  const errors = [await select1().catch((error) => error), await select1().catch((error) => error)];
  expect(errors[1]).toMatchObject({
    name: 'DatabaseFailedError',
    message: expect.stringMatching(/was dropped or renamed under way\. Create it again/),
  });
});

describe('room for few connections', () => {
  async function limited(connections: number) {
    const { db, url } = shared;
    const role = `${ROLE}_limit_${connections}`;
    await sql`create role ${sql.id(role)} login connection limit ${sql.lit(connections)} password 'few'`.execute(db);
    await sql`grant select, insert, update, delete on all tables in schema public to ${sql.id(role)}`.execute(db);
    cleanUps.push(() => sql.raw(`drop owned by ${role}; drop role ${role}`).execute(db));
    return asRole(url, role, 'few');
  }

  test('two do for a whole run', async () => {
    expect(await runOn(await limited(2))).toBe('complete');
  });

  test('one is not enough, and that is said', async () => {
    await expect(runOn(await limited(1))).rejects.toMatchObject({
      name: 'DatabaseUnreachableError',
      isTransient: true,
      message: expect.stringContaining('Close some connections, or raise the limit: the program needs two.'),
    });
  });
});

describe('waiting is no failure', () => {
  test('for a connection of the pool: longer than making one may take', async () => {
    const { db, close } = createDatabase({ url: shared.url }, { limits: { ...TIME_LIMITS, connectMs: 500 } });
    cleanUps.push(close);
    const slow = Array.from({ length: 4 }, () => sql`select pg_sleep(0.6)`.execute(db));
    expect((await sql`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }]);
    await Promise.all(slow);
  });

  test("for somebody's lock, and whose it is is told", async () => {
    const { url, connect } = shared;
    const holder = await connect();
    await holder.query("set application_name = 'a report'");
    await holder.query('begin');
    await holder.query('lock table daily_prices');
    const told: unknown[] = [];
    let released: Promise<unknown> | null = null;
    const log = {
      warn(message: string, fields?: object) {
        told.push({ message, ...fields });
        released ??= holder.query('commit');
      },
    };
    const { db, close } = createDatabase({ url }, { log, lockWatchMs: 10 });
    cleanUps.push(close);
    expect(await db.selectFrom('daily_prices').select('day').limit(0).execute()).toEqual([]);
    expect(told).toEqual([
      {
        message: "The database waits for another session's lock",
        blockedBy: [{ pid: expect.any(Number), role: 'postgres', application: 'a report' }],
      },
    ]);
    // The server lets go of the lock before its answer is here.
    await released;
    await holder.end();
  });
});
