import { randomUUID } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { createDatabase } from '../../ingestion/database/connection.ts';
import { createRepositories } from '../../ingestion/database/repositories.ts';
import { DAY_MS } from '../../ingestion/domain/day.ts';
import { RefusedError } from '../../ingestion/domain/failure.ts';
import type { Finding } from '../../ingestion/domain/quality.ts';
import type { FinishedRun } from '../../ingestion/ports.ts';
import { answerWith, BITCOIN, counted, dailyPrice, openRun, runOrder } from '../support/database-fixtures.ts';
import { emptyTables, useTestDatabase } from '../support/test-database.ts';
import { TWO_COINS } from '../support/two-coins.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const NOW = Date.parse('2026-03-10T02:00Z');
const DOGECOIN = { coin: 'dogecoin', currency: 'eur' };
const COUNTS = {
  expectedDays: 30,
  storedDays: 28,
  missingDays: 2,
  thinDays: 1,
  unconfirmedDays: 0,
  unavailableDays: 1,
};
const PARTIAL: FinishedRun = { ...COUNTS, status: 'partial', error: '2 of 30 expected days are missing' };

const testDatabase = await useTestDatabase();
const database = createDatabase({ url: testDatabase.url });
const { db } = database;
const { lock, runs, prices, findings, requests, housekeeping } = createRepositories(database, {
  clock: createVirtualClock(NOW),
});
const held = await lock.acquire(0);
afterAll(async () => {
  await held.release();
  await database.close();
});
beforeEach(() => emptyTables(testDatabase));

const readRun = (id: string) => db.selectFrom('ingestion_runs').selectAll().where('id', '=', id).executeTakeFirst();
const outcomes = async (runId: string) =>
  (await runs.seriesOutcomes(runId)).toSorted((a, b) => (a.coin < b.coin ? -1 : 1));

describe('opening a run', () => {
  test('creates it, fills the universe and opens its series', async () => {
    const order = runOrder({ request: { from: '2026-03-01', to: '2026-03-02', coins: ['bitcoin'] } });
    const opening = { universe: TWO_COINS, series: [DOGECOIN, BITCOIN], historyDays: 365, startedAt: NOW };
    const { series } = await runs.open(order, opening);
    expect(series).toEqual(Array(2).fill({ trackedSince: null, requested: [] }));
    expect(await readRun(order.runId)).toMatchObject({
      ...{ trigger_key: order.triggerKey, trigger: 'cli', request: order.request, status: 'running', hops: 1 },
      ...{ due_at: new Date(order.dueAt), started_at: new Date(NOW), finished_at: null },
      ...{ expected_days: null, requests: 0 },
    });
    expect(await db.selectFrom('coins').selectAll().orderBy('id').execute()).toEqual(TWO_COINS.coins);
    expect(await db.selectFrom('currencies').select('code').orderBy('code').execute()).toEqual([
      ...[{ code: 'eur' }, { code: 'usd' }],
    ]);
  });

  test('leaves series as they were opened, and takes over a coin that was renamed', async () => {
    await openRun(runs);
    const universe = { ...TWO_COINS, coins: [{ id: 'bitcoin', symbol: 'xbt', name: 'Bitcoin' }] };
    const { series } = await runs.open(runOrder(), { universe, series: [BITCOIN], historyDays: 365, startedAt: NOW });
    expect(series).toEqual([{ trackedSince: null, requested: [] }]);
    const symbols = await db.selectFrom('coins').select('symbol').orderBy('id').execute();
    expect(symbols).toEqual([{ symbol: 'xbt' }, { symbol: 'doge' }]);
  });

  test('continues it on the next hop and on a redelivery, from its first start', async () => {
    const order = runOrder();
    await openRun(runs, order);
    await runs.finish(order.runId, { ...PARTIAL, status: 'waiting' }, counted(1), null);
    await openRun(runs, { ...order, hop: 1 });
    await openRun(runs, order);
    expect(await readRun(order.runId)).toMatchObject({ status: 'running', hops: 2, error: null });
    expect(await db.selectFrom('ingestion_runs').select('id').execute()).toHaveLength(1);
  });

  test('takes up a run that was finished, whatever the order of the fields of its request', async () => {
    const order = runOrder({ request: { from: '2026-03-01', to: '2026-03-02' } });
    await openRun(runs, order);
    await runs.finish(order.runId, PARTIAL, counted(0), NOW);
    await openRun(runs, { ...order, request: { to: '2026-03-02', from: '2026-03-01' } });
    expect(await readRun(order.runId)).toMatchObject({ status: 'running', finished_at: null });
  });

  test('refuses a trigger key that was used for another request, and changes nothing', async () => {
    const order = runOrder();
    await openRun(runs, order);
    await runs.finish(order.runId, PARTIAL, counted(0), NOW);
    const other = openRun(runs, { ...order, request: { coins: ['bitcoin'] } });
    await expect(other).rejects.toThrow(RefusedError);
    await expect(other).rejects.toThrow(`"${order.triggerKey}" belongs to a run with another request`);
    expect(await readRun(order.runId)).toMatchObject({ status: 'partial', request: {} });
  });

  test('marks runs that were left running as interrupted, and those that wait as they are', async () => {
    const left = await openRun(runs);
    const waiting = await openRun(runs);
    expect(await readRun(left)).toMatchObject({
      status: 'interrupted',
      finished_at: expect.any(Date),
      error: expect.stringContaining('without a verdict'),
    });
    await runs.finish(waiting, { ...PARTIAL, status: 'waiting' }, counted(0), null);
    await openRun(runs);
    expect(await readRun(waiting)).toMatchObject({ status: 'waiting', finished_at: null });
  });
});

describe('the outcomes of series', () => {
  const planned = { ...BITCOIN, from: NOW - 3 * DAY_MS, to: NOW };
  const pending = { status: 'pending', daysWritten: 0, error: null, errorKind: null };

  test('are pending where planned and current where nothing is missing', async () => {
    const runId = await openRun(runs);
    await runs.plan(runId, [planned], [DOGECOIN]);
    expect(await outcomes(runId)).toEqual([
      { ...BITCOIN, ...pending },
      { ...DOGECOIN, ...pending, status: 'current' },
    ]);
  });

  test('of a failed series name the cause, and add up the attempts', async () => {
    const runId = await openRun(runs);
    await runs.plan(runId, [planned], []);
    const timeout = { kind: 'timeout', message: 'no answer in 30 s\0', attempts: 5 } as const;
    await runs.failSeries(runId, [
      { ...BITCOIN, ...timeout },
      { ...DOGECOIN, ...timeout },
    ]);
    await runs.plan(runId, [planned], []);
    const timedOut = { status: 'failed', daysWritten: 0, error: 'no answer in 30 s\ufffd', errorKind: 'timeout' };
    expect(await outcomes(runId)).toEqual([
      { ...BITCOIN, ...pending },
      { ...DOGECOIN, ...timedOut },
    ]);
    await runs.failSeries(runId, [{ ...BITCOIN, kind: 'not_found', message: 'coin not found', attempts: 1 }]);
    expect(await outcomes(runId)).toEqual([
      { ...BITCOIN, status: 'failed', daysWritten: 0, error: 'coin not found', errorKind: 'not_found' },
      { ...DOGECOIN, ...timedOut },
    ]);
    const attempts = await db.selectFrom('ingestion_series').select('attempts').orderBy('coin_id').execute();
    expect(attempts).toEqual([{ attempts: 6 }, { attempts: 5 }]);
  });

  test('stay stored when a later hop finds nothing missing', async () => {
    const runId = await openRun(runs);
    await prices.storeAnswer(answerWith(runId, [dailyPrice('2026-03-01')]));
    await runs.plan(runId, [], [BITCOIN]);
    expect(await outcomes(runId)).toMatchObject([{ status: 'stored', daysWritten: 1 }]);
  });
});

describe('the ledger', () => {
  const send = async (runId: string, sentAt: number) => requests.begin({ runId, series: BITCOIN, sentAt });

  test("counts a run's requests, credits and rate-limited answers for its totals and its row", async () => {
    const runId = await openRun(runs);
    const others = await openRun(runs);
    for (const status of [200, 200, 429, null]) {
      const id = await send(runId, NOW);
      await requests.end({ id, endedAt: NOW + 900, status, isCredited: status === 200 });
    }
    // Its process was killed: it may have been answered, and counts as a credit.
    await send(runId, NOW);
    await send(others, NOW);
    await runs.finish(runId, PARTIAL, { retries: 2, crossRateDays: 3, latestPrices: 44 }, NOW);
    await runs.finish(runId, PARTIAL, { retries: 3, crossRateDays: 4, latestPrices: null }, NOW);
    expect(await runs.totals(runId)).toEqual({
      ...{ requests: 5, credits: 3, retries: 5, rateLimited: 1 },
      ...{ crossRateDays: 7, latestPrices: 44 },
    });
    expect(await readRun(runId)).toMatchObject({
      ...{ status: 'partial', error: PARTIAL.error, finished_at: new Date(NOW) },
      ...{ expected_days: 30, stored_days: 28, missing_days: 2, thin_days: 1, unavailable_days: 1 },
      ...{ requests: 5, credits: 3, retries: 5, rate_limited: 1 },
    });
  });

  test('gives a restart the ends of the requests that still count, and null for those that never ended', async () => {
    const runId = await openRun(runs);
    const end = async (sentAt: number, endedAt: number) =>
      requests.end({ id: await send(runId, sentAt), endedAt, status: 200, isCredited: true });
    await end(NOW - 95_000, NOW - 91_001);
    await end(NOW - 95_000, NOW - 91_000);
    await send(runId, NOW - 91_001);
    await send(runId, NOW - 30_000);
    const counting = await requests.endedSince(NOW - 91_000);
    expect(counting.toSorted()).toEqual([NOW - 91_000, null]);
  });

  test('counts credits from a moment on', async () => {
    const runId = await openRun(runs);
    for (const sentAt of [NOW - 1, NOW, NOW + 1]) {
      const id = await send(runId, sentAt);
      await requests.end({ id, endedAt: sentAt + 10, status: 200, isCredited: sentAt !== NOW + 1 });
    }
    expect(await requests.creditsSince(NOW)).toBe(1);
    expect(await requests.creditsSince(0)).toBe(2);
  });
});

test('pruning deletes answers and requests that are older, and nothing else', async () => {
  const runId = await openRun(runs);
  const old = NOW - 90 * DAY_MS;
  for (const receivedAt of [old - 1, old]) {
    await prices.storeAnswer(answerWith(runId, [dailyPrice('2025-12-01')], { receivedAt }));
    await requests.begin({ runId, series: BITCOIN, sentAt: receivedAt });
  }
  await sql`
    insert into requests (run_id, coin_id, currency, sent_at)
    select ${runId}, 'bitcoin', 'usd', '2020-01-01' from generate_series(1, 1200)`.execute(db);
  await housekeeping.prune(old);
  expect(await db.selectFrom('answers').select('received_at').execute()).toEqual([{ received_at: new Date(old) }]);
  expect(await db.selectFrom('requests').select('sent_at').execute()).toEqual([{ sent_at: new Date(old) }]);
  expect(await db.selectFrom('daily_prices').select('day').execute()).toHaveLength(1);
});

test('findings are added once, also those that name no series, and are read in a steady order', async () => {
  const runId = await openRun(runs);
  const found: Finding[] = [
    { rule: 'currency', severity: 'error', ...DOGECOIN, day: null, detail: 'the same as in usd' },
    { rule: 'currency', severity: 'warning', coin: null, currency: 'eur', day: '2026-03-01', detail: 'moved by 20 %' },
    { rule: 'frozen', severity: 'warning', ...BITCOIN, day: null, detail: 'no change in 24 hours' },
  ];
  await findings.add(runId, found.toReversed());
  await findings.add(runId, [...found, ...found]);
  await findings.add(runId, []);
  expect(await findings.ofRun(runId)).toEqual(found);
  expect(await findings.ofRun(randomUUID())).toEqual([]);
});
