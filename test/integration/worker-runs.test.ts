import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { openDatabase } from '../../functions/common/connect.ts';
import { MAX_HOPS } from '../../ingestion/contract/limits.ts';
import { METRICS } from '../../ingestion/contract/names.ts';
import type { RunMessage } from '../../ingestion/contract/run-request.ts';
import { createDatabase, type Database } from '../../ingestion/database/connection.ts';
import { createRepositories } from '../../ingestion/database/repositories.ts';
import { runIdOf } from '../../ingestion/message/run-message.ts';
import { readTriagedStatus } from '../../ingestion/triage.ts';
import { type Simulator, startSimulator } from '../../simulator/server.ts';
import { startCloud } from '../support/cloud.ts';
import { startGate } from '../support/gate.ts';
import { silentLog } from '../support/silent-log.ts';
import { emptyTables, useTestDatabase } from '../support/test-database.ts';
import { startTestQueue, type TestQueue } from '../support/test-queue.ts';
import { createTestWorker, type TestWorker } from '../support/test-worker.ts';
import { TWO_COINS } from '../support/two-coins.ts';
import { madeUpCoins } from '../support/universe.ts';
import { createVirtualClock, type VirtualClock } from '../support/virtual-clock.ts';

const NOW = Date.parse('2026-11-23T02:00:00Z');
const runId = runIdOf('schedule:2026-11-23T02:00:00Z');
const message: RunMessage = {
  version: 1,
  runId,
  triggerKey: 'schedule:2026-11-23T02:00:00Z',
  trigger: 'schedule',
  dueAt: '2026-11-23T02:00:00Z',
  request: {},
  hop: 0,
};

let queue: TestQueue;
const testDatabase = await useTestDatabase();
/** For looking into it. */
let database: Database;
let clock: VirtualClock;
let simulator: Simulator;
beforeAll(async () => {
  queue = await startTestQueue();
});
afterAll(() => queue.close());
beforeEach(async () => {
  database = createDatabase({ url: testDatabase.url });
  clock = createVirtualClock(NOW);
  simulator = await startSimulator({ universe: TWO_COINS, now: clock.now, clock: clock.now, disturbedShare: 0 });
});
afterEach(async () => {
  queue.reset();
  await simulator.close();
  await database.close();
  await emptyTables(testDatabase);
});

const startWorker = (options: Partial<Parameters<typeof createTestWorker>[0]> = {}): TestWorker =>
  createTestWorker({
    ...{ queue: queue.queue, universe: TWO_COINS, clock, baseUrl: simulator.baseUrl, database: testDatabase.url },
    ...options,
  });
const send = (changes: Partial<RunMessage> = {}): void => queue.send(JSON.stringify({ ...message, ...changes }));
const run = () =>
  database.db.selectFrom('ingestion_runs').selectAll().where('id', '=', runId).executeTakeFirstOrThrow();
const finalRows = async () => {
  const rows = await database.db.selectFrom('daily_prices').select('day').where('is_final', '=', true).execute();
  return rows.length;
};

/** Does something before the nth request is answered. */
async function duringRequest(nth: number, what: () => Promise<unknown>): Promise<string> {
  const gate = await startGate(simulator.baseUrl, async (count) => count === nth && (await what()));
  gates.push(gate);
  return gate.baseUrl;
}
const gates: Awaited<ReturnType<typeof startGate>>[] = [];
afterEach(async () => {
  for (const gate of gates.splice(0)) await gate.close();
});

/** Moves the clock on until the promise is settled: whoever sleeps on it wakes up. */
async function passTimeUntil<Value>(promise: Promise<Value>): Promise<Value> {
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  promise.then(settle, settle);
  while (!isSettled) await clock.advance(1_000);
  return await promise;
}

/** Ends every session of the test's database but ours, as a restart does; those with a lock too, unless they are spared. */
async function endSessions(spareLock = false): Promise<void> {
  const others = sql`datname = current_database() and pid <> pg_backend_pid()
    and not (${spareLock} and pid in (select pid from pg_locks where locktype = 'advisory'))`;
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where ${others}`.execute(database.db);
  // Each look also lets this process hear of the connections that have broken.
  for (let left = 1; left > 0; ) {
    const { rows } = await sql<{ left: number }>`
      select count(*)::integer as left from pg_stat_activity where ${others}`.execute(database.db);
    left = rows[0]?.left ?? 0;
  }
}

describe('a run through the worker', () => {
  test('complete: rows, verdict, metrics, and lines that name run, hop and series', async () => {
    const worker = startWorker({ source: { monthlyCredits: 10_000 } });
    send();
    expect(await queue.deliver(worker.work)).toBe(true);
    expect(await run()).toMatchObject({ status: 'complete', expected_days: 120, missing_days: 0, hops: 1 });
    expect(await finalRows()).toBe(120);
    expect(worker.emitted).toEqual([
      {
        [METRICS.runDuration]: expect.any(Number),
        ...{ [METRICS.daysExpected]: 120, [METRICS.daysStored]: 120, [METRICS.daysMissing]: 0 },
        ...{ [METRICS.rowsWritten]: 124, [METRICS.requests]: 4, [METRICS.retries]: 0, [METRICS.rateLimited]: 0 },
        [METRICS.errorFindings]: 0,
      },
      { [METRICS.fullRunsComplete]: 1 },
      { [METRICS.hoursSinceComplete]: 0 },
      { [METRICS.priceAgeHours]: 2 },
      // Seven days of November are left, with four requests each.
      { [METRICS.creditsLeft]: 9_996, [METRICS.creditsSpare]: 9_996 - 7 * 4 },
      { [METRICS.runsComplete]: 1 },
    ]);
    const stored = worker.lines.filter((line) => line['message'] === 'Series stored');
    expect(new Set(stored.map((line) => line['series']))).toEqual(
      new Set(['bitcoin/usd', 'bitcoin/eur', 'dogecoin/usd', 'dogecoin/eur']),
    );
    for (const line of worker.lines) expect(line).toMatchObject({ runId, hop: 0, receiveCount: 1 });
  });

  test('in hops of some minutes: each series is asked once, and the last hop is complete', async () => {
    const worker = await startSlowWorker();
    // Three days a series: what is tested is the number of series.
    send({ request: { from: '2026-11-20', to: '2026-11-22' } });
    const statuses: string[] = [];
    while ((await queue.deliver(worker.work)) !== null) {
      statuses.push((await run()).status);
      // The limiter counts the requests of the last minute.
      await clock.advance(61_000);
    }
    const hops = statuses.length;
    expect(hops).toBeGreaterThan(2);
    expect(statuses).toEqual([...Array(hops - 1).fill('waiting'), 'complete']);
    expect(simulator.requests).toHaveLength(30);
    expect(await run()).toMatchObject({ hops, expected_days: 90, missing_days: 0, requests: 30 });
    expect(await finalRows()).toBe(90);
    expect([METRICS.requests, METRICS.runsWaiting, METRICS.runsComplete].map(worker.total)).toEqual([30, hops - 1, 1]);
    expect(queue.dead()).toEqual([]);
  });

  test('out of time in its last hop: a dead letter, and no status that says to wait for it', async () => {
    const worker = await startSlowWorker();
    send({ hop: MAX_HOPS });
    expect(await queue.deliver(worker.work)).toBe(true);
    expect(queue.dead()).toMatchObject([{ reason: 'too_many_hops' }]);
    expect(await run()).toMatchObject({ status: 'partial', finished_at: expect.any(Date) });
    expect(worker.total(METRICS.runsPartial)).toBe(1);
    const { triage } = await readTriagedStatus(database, { now: clock.now(), universe: MANY_COINS, scheduledAt: NOW });
    expect(triage.next).toBe('Next: npm run fetch-data (on AWS the output FireRun) asks for it.');
    expect(triage.missing).toContain('Out of time: ');
  });
});

const MANY_COINS = { coins: madeUpCoins(15), currencies: TWO_COINS.currencies };

/** Each request takes ten seconds of a hop's 160, of which one minute is kept for the end. */
async function startSlowWorker(): Promise<TestWorker> {
  await simulator.close();
  simulator = await startSimulator({ universe: MANY_COINS, now: clock.now, clock: clock.now, disturbedShare: 0 });
  const gate = await startGate(simulator.baseUrl, () => clock.advance(10_000));
  gates.push(gate);
  const source = { requestsPerMinute: 10 };
  return startWorker({ universe: MANY_COINS, source, baseUrl: gate.baseUrl, timeoutMs: 160_000 });
}

describe('two deliveries at once', () => {
  test('the second waits for the first, and finds nothing left to do', async () => {
    const delivery = (messageId: string) => ({
      ...{ messageId, receiptHandle: messageId, receiveCount: 1 },
      body: JSON.stringify(message),
    });
    const workers = [startWorker(), startWorker()];
    const both = workers.map((worker, index) => worker.work(delivery(`delivery-${index}`)));
    await Promise.race(both);
    expect(await passTimeUntil(Promise.all(both))).toEqual([true, true]);
    expect(simulator.requests).toHaveLength(4);
    for (const [metric, total] of [
      [METRICS.requests, 4],
      [METRICS.rowsWritten, 124],
    ] as const)
      expect(workers.map((worker) => worker.total(metric)).sort()).toEqual([0, total]);
    expect(await database.db.selectFrom('ingestion_runs').select('id').execute()).toEqual([{ id: runId }]);
  });

  test('a lock that is held for longer than a minute: the message comes back in two', async () => {
    const held = await createRepositories(database, { clock }).lock.acquire(0);
    send();
    expect(await passTimeUntil(queue.deliver(startWorker().work))).toBe(false);
    expect(queue.hiddenFor()).toBe(120);
    await held.release();
    await queue.hurry();
    expect(await queue.deliver(startWorker().work)).toBe(true);
    expect(await run()).toMatchObject({ status: 'complete' });
  });
});

describe('a database in trouble', () => {
  test('away: the message comes back in a minute, and the run is complete then', async () => {
    send();
    const away = startWorker({ database: 'postgres://nobody:nothing@127.0.0.1:1/nowhere' });
    expect(await queue.deliver(away.work)).toBe(false);
    expect(queue.hiddenFor()).toBe(60);
    expect(away.emitted).toEqual([{ [METRICS.runsWaiting]: 1 }]);
    await queue.hurry();
    expect(await queue.deliver(startWorker().work)).toBe(true);
    expect(await run()).toMatchObject({ status: 'complete' });
  });

  test('restarted in the middle: the message comes back, and only what is missing is fetched', async () => {
    const baseUrl = await duringRequest(3, async () => {
      // Wait for the first two answers: they must survive.
      while ((await finalRows()) < 60) await new Promise((resolve) => setImmediate(resolve));
      await endSessions();
    });
    send();
    expect(await queue.deliver(startWorker({ baseUrl }).work)).toBe(false);
    expect(queue.hiddenFor()).toBe(60);
    const stored = await finalRows();
    expect(stored).toBeGreaterThanOrEqual(60);
    await queue.hurry();
    const again = startWorker();
    expect(await queue.deliver(again.work)).toBe(true);
    expect(again.total(METRICS.requests)).toBe((120 - stored) / 30);
    expect(await run()).toMatchObject({ status: 'complete', missing_days: 0 });
  });

  test('its password rotated in the middle: the run goes on with new connections', async () => {
    const role = `rotated_${randomUUID().slice(0, 8)}`;
    const cloud = await startCloud();
    const url = new URL(testDatabase.url);
    url.username = role;
    const passwordBecomes = (password: string) => {
      url.password = password;
      return cloud.environment(url.href);
    };
    await sql.raw(`create role ${role} login password 'first'`).execute(database.db);
    await sql.raw(`grant all on all tables in schema public to ${role}`).execute(database.db);
    Object.assign(process.env, passwordBecomes('first'), {
      ...{ AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
    });
    let hasRotated = false;
    const baseUrl = await duringRequest(1, async () => {
      await sql.raw(`alter role ${role} password 'second'`).execute(database.db);
      passwordBecomes('second');
      await endSessions(true);
      hasRotated = true;
    });
    // One series, so that no other request is in the middle of a statement.
    const universe = { coins: TWO_COINS.coins.slice(0, 1), currencies: TWO_COINS.currencies.slice(0, 1) };
    const worker = startWorker({ universe, baseUrl, database: () => openDatabase(silentLog) });
    send();
    const isDone = await queue.deliver(worker.work);
    await cloud.close();
    await sql.raw(`drop owned by ${role}`).execute(database.db);
    await sql.raw(`drop role ${role}`).execute(database.db);
    expect({ isDone, hasRotated }).toEqual({ isDone: true, hasRotated: true });
    expect(await finalRows()).toBe(30);
    expect(JSON.stringify(worker.lines)).not.toMatch(/first|second/);
  });
});
