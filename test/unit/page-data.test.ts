import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readPageData } from '../../local/page/read-page-data.ts';
import { renderPage } from '../../local/page/render-page.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { startTestIngestion, type TestIngestion } from '../support/test-ingestion.ts';
import { TWO_COINS } from '../support/two-coins.ts';

// One history, which each test goes on with.

const NOW = '2026-11-23T02:00:00Z';
const BITCOIN = { coin_id: 'bitcoin', currency: 'usd' } as const;

let testDatabase: TestDatabase;
let ingestion: TestIngestion;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  ingestion = await startTestIngestion({ databaseUrl: testDatabase.url, now: NOW });
});
afterAll(async () => {
  await ingestion.close();
  await testDatabase.drop();
});

const read = () =>
  readPageData(ingestion.database, { now: Date.parse(NOW), universe: TWO_COINS, monthlyCredits: 10_000 });

test('an empty database gives a page that says what to do', async () => {
  const data = await read();
  expect(data).toMatchObject({
    status: { runs: [], newestFinalDay: null, lastCompleteRunAt: null },
    findings: { errors: 0, warnings: 0 },
  });
  expect([data.days[0], data.days.at(-1)]).toEqual(['2026-10-24', '2026-11-23']);
  expect(renderPage(data)).toContain('npm run fetch-data');
});

test('a run shows its prices at their days, up to today', async () => {
  const { verdict } = await ingestion.run();
  const data = await read();
  expect(data).toMatchObject({
    status: {
      now: '2026-11-23T02:00:00.000Z',
      newestFinalDay: '2026-11-22',
      creditsThisMonth: verdict.credits,
      runs: [{ runId: verdict.runId, status: 'complete', expectedDays: 120, missingDays: 0 }],
    },
    monthlyCredits: 10_000,
  });
  expect([data.days[0], data.days.at(-1)]).toEqual(['2026-10-24', '2026-11-23']);
  const names = data.series.map(({ coin, currency }) => `${coin}/${currency}`);
  expect(names).toEqual(['bitcoin/usd', 'bitcoin/eur', 'dogecoin/usd', 'dogecoin/eur']);
  const stored = await ingestion.database.db
    .selectFrom('daily_prices')
    .select('average')
    .where('coin_id', '=', 'dogecoin')
    .where('currency', '=', 'eur')
    .where('day', '=', '2026-11-01')
    .executeTakeFirstOrThrow();
  expect(data.series[3]?.prices[data.days.indexOf('2026-11-01')]?.average).toBe(stored.average);
});

test('days that are not final are told apart', async () => {
  const { runId } = (await ingestion.run()).verdict;
  const later = (await ingestion.run()).verdict;
  const { db } = ingestion.database;
  await db
    .deleteFrom('daily_prices')
    .where('coin_id', '=', 'bitcoin')
    .where('currency', '=', 'usd')
    .where('day', 'in', ['2026-11-01', '2026-11-05'])
    .execute();
  const reason = 'two answers without it';
  await db
    .insertInto('unavailable_days')
    .values({
      ...BITCOIN,
      day: '2026-11-01',
      reason,
      first_run_id: runId,
      confirmed_run_id: later.runId,
      recorded_at: NOW,
    })
    .execute();
  const data = await read();
  const statusOf = (day: string) => data.series[0]?.statuses[data.days.indexOf(day)];
  expect(['2026-11-01', '2026-11-05', '2026-11-06', '2026-11-23'].map(statusOf)).toEqual([
    'unavailable',
    'missing',
    'final',
    'provisional',
  ]);
  expect(data.series[0]?.prices[data.days.indexOf('2026-11-05')]).toBeNull();
  expect(data.unavailableDays).toEqual([{ coin: 'bitcoin', currency: 'usd', day: '2026-11-01', reason }]);
});

test('findings of all runs are counted; errors are listed first, then the newest', async () => {
  const runIds: string[] = [];
  for (let count = 0; count < 12; count += 1) {
    await ingestion.clock.advance(60_000);
    runIds.push((await ingestion.run()).verdict.runId);
  }
  const finding = { rule: 'frozen', ...BITCOIN, day: '2026-11-03' } as const;
  await ingestion.database.db
    .insertInto('quality_findings')
    .values([
      ...runIds.map((run_id, index) => ({ ...finding, run_id, severity: 'warning' as const, detail: `${index}` })),
      { ...finding, run_id: runIds[0] ?? '', severity: 'error' as const, day: null, detail: 'grave' },
    ])
    .execute();
  const { findings } = await read();
  expect(findings).toMatchObject({ errors: 1, warnings: 12 });
  expect(findings.listed.slice(0, 3).map(({ detail }) => detail)).toEqual(['grave', '11', '10']);
  const listed = { rule: 'frozen', severity: 'warning', coin: 'bitcoin', currency: 'usd', day: '2026-11-03' };
  expect(findings.listed).toContainEqual({ ...listed, detail: '3' });
});

test('days begin with the oldest that is stored', async () => {
  await ingestion.run({ trigger: 'cli', request: { from: '2026-05-01', to: '2026-05-03' } });
  expect((await read()).days[0]).toBe('2026-05-01');
});
