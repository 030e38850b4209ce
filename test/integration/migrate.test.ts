// What the schema becomes is tested in database-migrate.test.ts; that the handler does it, in e2e/bundles.test.ts.
import { expect, test } from '@jest/globals';
import { migrate } from '../../functions/migrate/handler.ts';
import { createDatabase, type Database, DatabaseUnreachableError } from '../../ingestion/database/connection.ts';
import { MIGRATIONS } from '../../migrations/index.ts';
import { createRecordedLog } from '../support/recorded-log.ts';
import { createTestDatabase } from '../support/test-database.ts';

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

test('a database that is not there yet is waited for, and the log says so', async () => {
  const { url, drop } = await createTestDatabase({ isEmpty: true });
  const { log, migrated } = startWaiting(420_000, async () => createDatabase({ url }));
  expect(await migrated.finally(drop)).toEqual({ applied: Object.keys(MIGRATIONS), isNewer: false });
  const warnings = log.lines.filter(({ level }) => level === 'warn');
  expect(warnings).toHaveLength(84);
  expect(warnings[0]).toMatchObject({
    message: 'Waiting for the credentials of the database, which come by the way out',
    error: 'Not there yet.',
  });
});

test('it is given up after 8 minutes, of which its credentials took a part', async () => {
  const nowhere = async () => createDatabase({ url: 'postgres://nobody@127.0.0.1:1/nowhere' });
  const { log, migrated } = startWaiting(240_000, nowhere);
  await expect(migrated).rejects.toThrow(`The database "nowhere" on 127.0.0.1:1 can't be reached`);
  // Every 5 s of 4 minutes for the credentials, and once for the server.
  expect(log.lines).toHaveLength(49);
});
