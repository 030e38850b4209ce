import { afterAll, describe, expect, test } from '@jest/globals';
import { createRepositories } from '../../ingestion/database/repositories.ts';
import { LockTakenError } from '../../ingestion/domain/failure.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { findPgBouncer, type Pooler, startPgBouncer } from '../support/start-pgbouncer.ts';
import { useOwnDatabases } from '../support/test-database.ts';
import { startTestIngestion } from '../support/test-ingestion.ts';

const program = findPgBouncer();
if (program === null) {
  process.stderr.write(
    'PgBouncer is not installed: the tests of poolers are skipped. Debian: apt-get install pgbouncer\n',
  );
}
const cleanUps: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});
const openDatabase = useOwnDatabases();
/** A pooler before a database of its own. */
async function start(options: Parameters<typeof startPgBouncer>[2]): Promise<Pooler> {
  const { url } = await openDatabase();
  const pooler = await startPgBouncer(program ?? '', url, options);
  cleanUps.push(pooler.stop);
  return pooler;
}

(program === null ? describe.skip : describe)('behind PgBouncer', () => {
  test.each(['transaction', 'statement'] as const)('%s pooling is refused with what to use instead', async (mode) => {
    const pooler = await start({ mode });
    const lock = createRepositories(await openDatabase(pooler), { clock: systemClock }).lock;
    await expect(lock.acquire(0)).rejects.toMatchObject({
      name: 'DatabaseUnreachableError',
      isTransient: false,
      message: expect.stringMatching(/transaction or statement mode.*Use the address of the server itself/),
    });
  });

  test('transaction pooling is recognised while others use the pooler too', async () => {
    const pooler = await start({ mode: 'transaction' });
    const others = await Promise.all(Array.from({ length: 3 }, () => openDatabase(pooler)));
    const busy = others.map(({ db }) =>
      db.transaction().execute((transaction) => transaction.selectFrom('coins').selectAll().execute()),
    );
    await expect((await openDatabase(pooler)).connect()).rejects.toThrow('transaction or statement mode');
    await Promise.all(busy);
  });

  test.each([
    ['refuses', ''],
    ['ignores', 'extra_float_digits,options'],
  ])('session pooling that %s parameters at the start does for a whole run, one at a time', async (_, ignored) => {
    const pooler = await start({ mode: 'session', ignored });
    const ingestion = await startTestIngestion({ databaseUrl: pooler.url, now: '2026-03-10T02:00Z' });
    cleanUps.push(ingestion.close);
    expect(await ingestion.run()).toMatchObject({ verdict: { status: 'complete' } });

    const held = await createRepositories(ingestion.database, { clock: systemClock }).lock.acquire(0);
    const { lock } = createRepositories(await openDatabase(pooler), { clock: systemClock });
    await expect(lock.acquire(0)).rejects.toThrow(LockTakenError);
    await held.release();
  });

  test('options that a pooler refuses are named', async () => {
    const pooler = await start({ mode: 'session' });
    const { connect } = await openDatabase({ url: `${pooler.url}?options=-c%20work_mem%3D8MB` });
    await expect(connect()).rejects.toThrow(/options.*leave out what the pooler refuses/);
  });
});
