import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DatabaseUnreachableError } from '../../ingestion/database/connection.ts';
import { createRepositories } from '../../ingestion/database/repositories.ts';
import { isLockHeld } from '../../ingestion/database/sql/lock.ts';
import { TIME_LIMITS } from '../../ingestion/database/time-limits.ts';
import { LockLostError } from '../../ingestion/domain/failure.ts';
import type { Repositories } from '../../ingestion/ports.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { emptyTables, useTestDatabase } from '../support/test-database.ts';
import { startTestIngestion, type TestIngestion } from '../support/test-ingestion.ts';

/** A 200th of the real ones. */
const LIMITS = Object.fromEntries(
  Object.entries(TIME_LIMITS).map(([name, limitMs]) => [name, limitMs / 200]),
) as typeof TIME_LIMITS;

const testDatabase = await useTestDatabase();
let proxy: TcpProxy;
let ingestion: TestIngestion;
beforeEach(async () => {
  await emptyTables(testDatabase);
  const url = new URL(testDatabase.url);
  proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
  url.host = `127.0.0.1:${proxy.port}`;
  // Time enough to connect on a busy machine.
  const limits = { ...LIMITS, connectMs: 500 };
  ingestion = await startTestIngestion({ databaseUrl: url.href, now: '2026-11-23T02:00:00Z', limits });
});
afterEach(async () => {
  await ingestion.close();
  await proxy.close();
});

/** Cuts the cable just before the method is called for the first time. */
function cuttingBefore<Part extends keyof Repositories>(part: Part, method: keyof Repositories[Part]): Repositories {
  const repositories = createRepositories(ingestion.database, { clock: ingestion.clock });
  const whole = repositories[part];
  const cutting = new Proxy(whole, {
    get(target, name) {
      if (name === method) proxy.cut();
      return Reflect.get(target, name);
    },
  });
  return { ...repositories, [part]: cutting };
}

test.each<[string, () => Repositories]>([
  ['opens', () => cuttingBefore('runs', 'open')],
  ['fetches', () => cuttingBefore('requests', 'begin')],
  ['stores', () => cuttingBefore('prices', 'storeAnswer')],
  ['writes its verdict', () => cuttingBefore('runs', 'finish')],
])('a network that swallows every packet while a run %s ends it within a minute', async (_when, repositoriesCut) => {
  const repositories = repositoriesCut();
  const startedAt = performance.now();
  const failure = await ingestion.run({}, { repositories }).catch((error: unknown) => error);
  const tookMs = performance.now() - startedAt;
  expect([LockLostError, DatabaseUnreachableError]).toContain((failure as Error).constructor);
  // A 200th of a minute, and what the run itself takes.
  expect(tookMs).toBeLessThan(300 + 2_000);
});

test('a lock that is held while nothing else happens is lost when nothing comes through any more', async () => {
  const { lock } = createRepositories(ingestion.database, { clock: ingestion.clock });
  const held = await lock.acquire(10_000);
  const lost = new Promise((resolve) => held.lost.addEventListener('abort', resolve));
  proxy.cut();
  await lost;
  expect(held.lost.reason).toBeInstanceOf(LockLostError);
  await held.release();
});

test('connecting through it fails in time', async () => {
  proxy.cut();
  await expect(ingestion.database.connect()).rejects.toThrow(DatabaseUnreachableError);
});

test('a process that is stopped in the middle loses the lock to the next one, and learns of it when it wakes up', async () => {
  // It sends no heartbeat.
  const stopped = ingestion.database.withLimits({ heartbeatEveryMs: 3_600_000, lockIdleMs: 1_000 });
  const held = await createRepositories(stopped, { clock: ingestion.clock }).lock.acquire(0);
  expect(await isLockHeld(ingestion.database)).toBe(true);
  const lost = new Promise((resolve) => held.lost.addEventListener('abort', resolve));
  await lost;
  expect(held.lost.reason).toBeInstanceOf(LockLostError);
  expect(await isLockHeld(ingestion.database)).toBe(false);
  const next = await createRepositories(ingestion.database, { clock: ingestion.clock }).lock.acquire(0);
  await next.release();
  await held.release();
  await stopped.close();
});
