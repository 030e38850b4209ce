import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Plugin } from 'esbuild';
import { sql } from 'kysely';
import { migrate } from '../../functions/migrate/handler.ts';
import { createDatabase, type Database, DatabaseUnreachableError } from '../../ingestion/database/connection.ts';
import { MIGRATIONS } from '../../migrations/index.ts';
import { type Bundles, makeBundles } from '../support/bundle.ts';
import { type Cloud, startCloud } from '../support/cloud.ts';
import { invokeHandler } from '../support/invoke-handler.ts';
import { createRecordedLog } from '../support/recorded-log.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';

/** Puts one more migration into a bundle. @param change of the schema, by Kysely's schema builder. */
const withMigration = (change: string): Plugin => ({
  name: 'with-migration',
  setup(build) {
    build.onLoad({ filter: /migrations.index\.ts$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replace(
        /(MIGRATIONS\b[^=]*= \{)/,
        `$1 '9999_later': { up: (db) => db.schema.${change}.execute() },`,
      ),
      loader: 'ts',
    }));
  },
});

const ours = Object.keys(MIGRATIONS);
const NEWER = "createTable('later').addColumn('id', 'integer')";
const FAILING = "alterTable('nowhere').addColumn('id', 'integer')";

let bundles: Bundles;
let older: string;
let newer: string;
let failing: string;
let cloud: Cloud;
beforeAll(async () => {
  bundles = await makeBundles();
  cloud = await startCloud();
  older = await bundles.bundle('migrate');
  newer = await bundles.bundle('migrate', [withMigration(NEWER)]);
  failing = await bundles.bundle('migrate', [withMigration(FAILING)]);
});
afterAll(() => Promise.all([bundles.remove(), cloud.close()]));

let testDatabase: TestDatabase;
beforeEach(async () => {
  testDatabase = await createTestDatabase({ isEmpty: true });
  return testDatabase.drop;
});

const run = async (file: string) => {
  const [invocation] = await invokeHandler(file, [{}], cloud.environment(testDatabase.url));
  if (!invocation) throw new Error('There was no invocation.');
  return invocation;
};

async function applied(): Promise<string[]> {
  const { db, close } = createDatabase({ url: testDatabase.url });
  const { rows } = await sql<{ name: string }>`select name from crypto_prices_migration order by name`.execute(db);
  await close();
  return rows.map(({ name }) => name);
}

describe('the migrate function', () => {
  test('brings an empty database up to date, and does nothing the second time', async () => {
    expect((await run(older)).result).toEqual({ applied: ours, isNewer: false });
    expect((await run(older)).result).toEqual({ applied: [], isNewer: false });
  });

  test('twice at once: one does it, both succeed', async () => {
    const both = await Promise.all([run(older), run(older)]);
    expect(both.flatMap(({ result }) => (result as { applied: string[] }).applied)).toEqual(ours);
  });

  test('an older bundle after a newer one succeeds, does nothing and says so', async () => {
    expect((await run(newer)).result).toEqual({ applied: [...ours, '9999_later'], isNewer: false });
    const { result, lines } = await run(older);
    expect(result).toEqual({ applied: [], isNewer: true });
    expect(lines).toContainEqual(expect.objectContaining({ level: 'WARN', unknown: ['9999_later'] }));
    expect(await applied()).toEqual([...ours, '9999_later']);
  });

  test('a migration that fails fails the deploy, by its name, and leaves nothing', async () => {
    await run(older);
    const { error, lines } = await run(failing);
    expect(error).toMatch(/9999_later failed, and was undone.*nowhere/);
    expect(lines).toContainEqual(expect.objectContaining({ level: 'ERROR' }));
    expect(await applied()).toEqual(ours);
  });

  test('a wrong password fails the deploy at once, without showing it', async () => {
    const environment = cloud.environment(testDatabase.url.replace(/:[^:@]+@/, ':a-wrong-password@'));
    const [invocation] = await invokeHandler(older, [{}], environment);
    expect(invocation?.error).toMatch(/can't be reached.*Check user and password/);
    expect(JSON.stringify(invocation)).not.toContain('a-wrong-password');
  });
});

describe('a database that is not there yet', () => {
  /** Time passes only while it is slept. */
  function startWaiting(opensAt: number, open: () => Promise<Database>) {
    let now = 0;
    const clock = {
      now: () => now,
      monotonicMs: () => now,
      async sleep(durationMs: number) {
        now += durationMs;
      },
    };
    const log = createRecordedLog();
    const whenThere = async () => {
      if (now < opensAt) throw new DatabaseUnreachableError('Not there yet.', true, null);
      return await open();
    };
    return { log, migrated: migrate(whenThere, clock, log) };
  }
  const nowhere = async () => createDatabase({ url: 'postgres://nobody@127.0.0.1:1/nowhere' });

  test('is waited for, and the log says so', async () => {
    const { log, migrated } = startWaiting(420_000, async () => createDatabase({ url: testDatabase.url }));
    expect(await migrated).toEqual({ applied: ours, isNewer: false });
    const warnings = log.lines.filter(({ level }) => level === 'warn');
    expect(warnings).toHaveLength(84);
    expect(warnings[0]).toMatchObject({
      message: 'Waiting for the credentials of the database, which come by the way out',
      error: 'Not there yet.',
    });
  });

  test('is given up after 8 minutes, of which its credentials took a part', async () => {
    const { log, migrated } = startWaiting(240_000, nowhere);
    await expect(migrated).rejects.toThrow(`The database "nowhere" on 127.0.0.1:1 can't be reached`);
    // Every 5 s: 4 minutes for the credentials and 4 for the server.
    expect(log.lines).toHaveLength(96);
  });
});
