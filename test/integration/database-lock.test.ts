import { afterAll, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { createDatabase } from '../../ingestion/database/connection.ts';
import { createRepositories } from '../../ingestion/database/repositories.ts';
import { LockLostError, LockTakenError } from '../../ingestion/domain/failure.ts';
import type { Clock } from '../../ingestion/ports.ts';
import { useTestDatabase } from '../support/test-database.ts';

const database = createDatabase({ url: (await useTestDatabase()).url });
afterAll(database.close);

/** Sleeping moves it on; what happens meanwhile is up to the test. */
function clockThat(onSleep: (now: number) => Promise<void>): Clock {
  let now = 0;
  return {
    now: () => now,
    monotonicMs: () => now,
    async sleep(durationMs) {
      now += durationMs;
      await onSleep(now);
    },
  };
}
const lockOf = (onSleep: (now: number) => Promise<void> = async () => {}) =>
  createRepositories(database, { clock: clockThat(onSleep) }).lock;
const lock = lockOf();

test('a lock that stays taken is waited for as long as asked, no longer', async () => {
  const held = await lock.acquire(0);
  const sleeps: number[] = [];
  const patient = lockOf(async (now) => void sleeps.push(now));
  const taken = patient.acquire(2_500);
  await expect(taken).rejects.toThrow(LockTakenError);
  await expect(taken).rejects.toThrow('Another ingestion is at work on this database, still so after 2.5 s of waiting');
  expect(sleeps).toEqual([1_000, 2_000, 2_500]);
  await held.release();
});

test('a lock that comes free while it is waited for is taken', async () => {
  const held = await lock.acquire(0);
  const patient = lockOf(async (now) => void (now === 3_000 && (await held.release())));
  await (await patient.acquire(60_000)).release();
  // A release is no loss.
  expect(held.lost.aborted).toBe(false);
});

test('a holder whose connection breaks is told, and the lock comes free', async () => {
  const held = await lock.acquire(0);
  expect(held.lost.aborted).toBe(false);
  const aborted = new Promise((resolve) => held.lost.addEventListener('abort', resolve));
  await sql`
    select pg_terminate_backend(pid) from pg_locks
    where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
  `.execute(database.db);
  await aborted;
  expect(held.lost.reason).toBeInstanceOf(LockLostError);
  await (await lockOf().acquire(0)).release();
  await held.release();
});
