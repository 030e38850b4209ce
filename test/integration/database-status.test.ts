import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { createDatabase } from '../../ingestion/database/connection.ts';
import { readUnavailableDays } from '../../ingestion/database/coverage.ts';
import { readStatus } from '../../ingestion/database/read-status.ts';
import { createRepositories } from '../../ingestion/database/repositories.ts';
import { daysFrom, HOUR_MS } from '../../ingestion/domain/day.ts';
import { type Series, selectSeries } from '../../ingestion/domain/series.ts';
import type { FinishedRun } from '../../ingestion/ports.ts';
import { answerWith, BITCOIN, counted, dailyPrice, runOrder } from '../support/database-fixtures.ts';
import { useTestDatabase } from '../support/test-database.ts';
import { TWO_COINS } from '../support/two-coins.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

/** 2026-03-09 is settled since 01:15. */
const NOW = Date.parse('2026-03-10T02:00Z');
const DOGECOIN = { coin: 'dogecoin', currency: 'usd' };
const universe = { ...TWO_COINS, currencies: TWO_COINS.currencies.slice(0, 1) };
const COUNTS = { expectedDays: 9, storedDays: 9, missingDays: 0, thinDays: 1, unconfirmedDays: 0, unavailableDays: 0 };
const VERDICT: FinishedRun = { ...COUNTS, status: 'complete', error: null };

const database = createDatabase({ url: (await useTestDatabase()).url });
const { lock, runs, prices, requests, findings } = createRepositories(database, { clock: createVirtualClock(NOW) });
const held = await lock.acquire(0);
afterAll(async () => {
  await held.release();
  await database.close();
});

test('an empty database has no runs and no age', async () => {
  expect(await readStatus(database, { now: NOW, universe })).toEqual({
    now: '2026-03-10T02:00:00.000Z',
    lastCompleteRunAt: null,
    hoursSinceComplete: null,
    newestFinalDay: null,
    priceAgeHours: null,
    latestPrices: [],
    creditsThisMonth: 0,
    data: { bytes: expect.any(Number), bytesPerMonth: null },
    series: selectSeries(universe, {}).map((series) => expect.objectContaining(series)),
    runs: [],
  });
});

describe('a database in use', () => {
  const open = async (startedAt: number): Promise<string> => {
    const order = runOrder({ dueAt: startedAt });
    await runs.open(order, { universe, series: selectSeries(universe, {}), historyDays: 365, startedAt });
    return order.runId;
  };
  let shown = '';

  beforeAll(async () => {
    const first = await open(NOW - 40 * HOUR_MS);
    const absent = { absentDays: ['2026-03-05', '2026-03-06'] };
    await prices.storeAnswer(answerWith(first, [], { ...absent, receivedAt: NOW - 40 * HOUR_MS }));
    await runs.finish(first, VERDICT, counted(0), NOW - 39 * HOUR_MS);

    const second = await open(NOW - 10 * HOUR_MS);
    const store = (series: Series, ...rows: ReturnType<typeof dailyPrice>[]) =>
      prices.storeAnswer(answerWith(second, rows, { series }));
    await store(BITCOIN, ...daysFrom('2026-02-27', '2026-03-04').map((day) => dailyPrice(day)));
    await store(DOGECOIN, dailyPrice('2026-03-03'), dailyPrice('2026-03-09'));
    const late = { absentDays: ['2026-03-05'], receivedAt: NOW - 20 * HOUR_MS };
    await prices.storeAnswer(answerWith(second, [], late));
    for (const sentAt of [Date.parse('2026-02-28T23:59:59Z'), Date.parse('2026-03-01T00:00Z'), NOW]) {
      const id = await requests.begin({ runId: second, series: BITCOIN, sentAt });
      await requests.end({ id, endedAt: sentAt, status: 200, isCredited: true });
    }
    const finding = { rule: 'frozen', severity: 'warning', ...BITCOIN, day: null, detail: 'no change' } as const;
    await findings.add(second, [finding]);
    const partial = { ...VERDICT, status: 'partial', missingDays: 1, storedDays: 8, error: 'one is missing' } as const;
    await runs.finish(second, partial, counted(1), NOW - 9 * HOUR_MS);
    shown = second;
  });

  test('shows its age, the last complete full run and the credits of the UTC month', async () => {
    expect(await readStatus(database, { now: NOW, universe })).toMatchObject({
      lastCompleteRunAt: '2026-03-08T11:00:00.000Z',
      hoursSinceComplete: 39,
      newestFinalDay: '2026-03-03',
      priceAgeHours: 6 * 24 + 2,
      creditsThisMonth: 2,
    });
  });

  test('shows how large the data are, and what a month of daily runs adds', async () => {
    await sql`analyze`.execute(database.db);
    const { rows } = await sql<{ bytes: number }>`
      select pg_total_relation_size('daily_prices') / (select count(*) from daily_prices)
        + pg_total_relation_size('ingestion_series') / (select count(*) from ingestion_series) as bytes`.execute(
      database.db,
    );
    const { data } = await readStatus(database, { now: NOW, universe });
    const { length } = selectSeries(universe, {});
    // The division above is one of whole numbers.
    expect(Math.abs((data.bytesPerMonth ?? 0) - (rows[0]?.bytes ?? 0) * length * 30)).toBeLessThan(2 * length * 30);
    expect(data.bytes).toBeGreaterThan(5_000_000);
  });

  test('shows the last ten runs, newest first', async () => {
    const others: string[] = [];
    for (let ago = 9; ago >= 1; ago -= 1) others.unshift(await open(NOW - ago * HOUR_MS));
    const status = await readStatus(database, { now: NOW, universe });
    expect(status.runs.map(({ runId }) => runId)).toEqual([...others, shown]);
    expect(status.runs[9]).toEqual({
      ...{ runId: shown, trigger: 'cli', triggerKey: `cli:${shown}`, request: {}, isFullRun: true, hops: 1 },
      ...{ status: 'partial', error: 'one is missing', ...COUNTS, storedDays: 8, missingDays: 1 },
      ...{ dueAt: '2026-03-09T16:00:00.000Z', startedAt: '2026-03-09T16:00:00.000Z' },
      ...{ lastWriteAt: '2026-03-10T02:00:00.000Z', finishedAt: '2026-03-09T17:00:00.000Z' },
      ...{ requests: 3, credits: 3, retries: 1, rateLimited: 0, crossRateDays: 0, latestPrices: null },
    });
  });

  test('shows one run with its series and findings, and none for an unknown id', async () => {
    const status = await readStatus(database, { now: NOW, universe, runId: shown });
    const series = [{ status: 'stored' }, { status: 'stored' }];
    expect(status.runs).toMatchObject([{ runId: shown, findings: [{ rule: 'frozen', coin: 'bitcoin' }], series }]);
    expect((await readStatus(database, { now: NOW, universe, runId: randomUUID() })).runs).toEqual([]);
  });

  test('lists the confirmed unavailable days', async () => {
    expect(await readUnavailableDays(database)).toEqual([
      { ...BITCOIN, day: '2026-03-05', reason: 'CoinGecko sent other days and nothing of this one.' },
    ]);
  });
});
