import type { StoredDailyPrice } from '../../ingestion/database/prices.ts';
import type { RunSummary, Status } from '../../ingestion/database/read-status.ts';
import { addDays, type Day, daysFrom } from '../../ingestion/domain/day.ts';
import type { PageData, PageSeries } from '../../local/page/read-page-data.ts';
import { dailyPrice } from './database-fixtures.ts';

// What the page shows, without a database.

export const TODAY: Day = '2026-11-23';
export const DAYS = daysFrom(addDays(TODAY, -9), TODAY);

export const price = (average: number, isFinal = true): StoredDailyPrice => ({
  ...dailyPrice(TODAY, { open: average, high: average * 1.02, low: average * 0.97, close: average, average, isFinal }),
  coin: 'bitcoin',
  currency: 'usd',
  revision: 0,
});

export const finalSeries = (coin: string, currency: string, averages: readonly number[]): PageSeries => ({
  ...{ coin, currency },
  prices: averages.map((average) => price(average)),
  statuses: averages.map(() => 'final'),
});

export const RUN: RunSummary = {
  ...{ runId: '8f14e45f-ceea-5a7a-9c1d-0e3b6f5a2c11', trigger: 'schedule', status: 'complete', isFullRun: true },
  ...{ triggerKey: 'schedule:2026-11-23T02:00:00.000Z', request: {}, dueAt: '2026-11-23T02:00:00.000Z' },
  ...{ startedAt: '2026-11-23T02:00:04.000Z', lastWriteAt: '2026-11-23T02:01:38.000Z' },
  finishedAt: '2026-11-23T02:01:39.000Z',
  ...{ expectedDays: 20, storedDays: 20, missingDays: 0, thinDays: 0, unconfirmedDays: 0, unavailableDays: 0 },
  ...{
    hops: 1,
    requests: 2,
    credits: 2,
    retries: 0,
    rateLimited: 0,
    crossRateDays: 0,
    latestPrices: null,
    error: null,
  },
};

const NO_RUN: Status = {
  ...{ now: '2026-11-23T06:00:00.000Z', lastCompleteRunAt: null, hoursSinceComplete: null, newestFinalDay: null },
  ...{ priceAgeHours: null, creditsThisMonth: 0, data: { bytes: 0, bytesPerMonth: null } },
  ...{ latestPrices: [], series: [], runs: [] },
};

export const EMPTY: PageData = {
  ...{ isMadeUp: false, status: NO_RUN, monthlyCredits: null },
  universe: {
    coins: [
      { id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' },
      { id: 'dogecoin', symbol: 'doge', name: 'Dogecoin' },
    ],
    currencies: [
      { code: 'usd', name: 'US dollar' },
      { code: 'try', name: 'Turkish lira' },
    ],
  },
  ...{ days: DAYS, series: [], findings: { errors: 0, warnings: 0, listed: [] }, unavailableDays: [] },
};

export const rising = DAYS.map((_, index) => index + 1);
export const FULL: PageData = {
  ...EMPTY,
  series: [
    finalSeries('bitcoin', 'usd', [...rising.slice(0, 8), 4_000_000, 4_012_345.67]),
    finalSeries('bitcoin', 'try', rising),
    finalSeries('dogecoin', 'usd', [...rising.slice(0, 8), 0.00000823, 0.00000823]),
    finalSeries('dogecoin', 'try', rising),
  ],
  status: {
    ...{ ...NO_RUN, lastCompleteRunAt: RUN.finishedAt, hoursSinceComplete: 3.97, newestFinalDay: '2026-11-22' },
    ...{ priceAgeHours: 6, creditsThisMonth: 1_012, runs: [RUN] },
  },
  monthlyCredits: 10_000,
};
