// docs/costs.md, "How far it scales": what follows from the code and from the sizes in its own table of measurements.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { createRateLimiter } from '../../ingestion/coingecko/rate-limiter.ts';
import { KEPT_DAYS, MAX_HOPS, WORKER_TIMEOUT_MINUTES } from '../../ingestion/contract/limits.ts';
import { PLANS, type PlanName } from '../../ingestion/contract/settings.ts';
import type { Universe } from '../../ingestion/contract/universe-schema.ts';
import { requestsOfFullRun } from '../../ingestion/domain/credits.ts';
import { planLatestRequests } from '../../ingestion/domain/latest-price.ts';
import { crossRateBase } from '../../ingestion/domain/series.ts';
import { madeUpCoins } from '../support/universe.ts';

const text = readFileSync('docs/costs.md', 'utf8');
const section = text.split('\n## How far it scales\n')[1]?.split('\n## ')[0] ?? '';
/** Lines joined, as they are read. */
const told = section.replace(/\s+/g, ' ');
const rows = section
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) =>
    line
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1),
  );

const DAYS_A_MONTH = 31;
/** The first run fetches so many days. */
const FIRST_DAYS = 30;
const SIZES = [44, 500, 2_500, 10_000];
const WAYS = { direct: false, 'cross rates': true } as const;

/** Bytes a row, as measured. */
const bytesOf = (table: string, way: keyof typeof WAYS): number => {
  const row = rows.find(([name]) => name === `\`${table}\``);
  const bytes = Number(row?.[way === 'direct' ? 1 : 2]);
  if (!(bytes > 0)) throw new Error(`docs/costs.md has no bytes of ${table}, ${way}.`);
  return bytes;
};

/** In four currencies. */
const universeOf = (series: number): Universe => ({
  coins: madeUpCoins(series / 4),
  currencies: ['usd', 'eur', 'gbp', 'try'].map((code) => ({ code, name: code })),
});
const requests = (series: number, crossRates: boolean) =>
  requestsOfFullRun(universeOf(series), { crossRates, latestPrices: true });
/** Without those for the latest prices, which a run with cross rates makes in any case. */
const requestsForSeries = (series: number, crossRates: boolean) => {
  const universe = universeOf(series);
  const coins = universe.coins.map(({ id }) => id);
  return requests(series, crossRates) - planLatestRequests(coins, crossRateBase(universe, { crossRates })).length;
};

/** Until the last request may be sent. */
const minutesAt = (requestsPerMinute: number, count: number): number => {
  const clock = { monotonicMs: () => 0, sleep: () => Promise.resolve() };
  return createRateLimiter({ requestsPerMinute, clock, recentAgesMs: [] }).waitMs(count) / 60_000;
};

function timeOn(plan: PlanName, count: number): string {
  const { monthlyCredits, requestsPerMinute } = PLANS[plan];
  const taken = Math.round(minutesAt(requestsPerMinute, count));
  if (monthlyCredits !== null && count * DAYS_A_MONTH > monthlyCredits) return '–';
  if (taken > MAX_HOPS * WORKER_TIMEOUT_MINUTES) return '–';
  if (taken < 1) return 'seconds';
  return taken < 60 ? `${taken} min` : `${Math.floor(taken / 60)} h ${taken % 60} min`;
}

function megabytesAfterAYear(series: number, way: keyof typeof WAYS): number {
  const asked = requestsForSeries(series, WAYS[way]);
  const bytes =
    series * (FIRST_DAYS + 365) * bytesOf('daily_prices', way) +
    series * 365 * bytesOf('ingestion_series', way) +
    asked * KEPT_DAYS * bytesOf('answers', way) +
    requests(series, WAYS[way]) * KEPT_DAYS * bytesOf('requests', way);
  return Math.round(bytes / 1e6);
}

test.each(SIZES.flatMap((series) => (Object.keys(WAYS) as (keyof typeof WAYS)[]).map((way) => ({ series, way }))))(
  'the row of $series series, $way',
  ({ series, way }) => {
    const count = requests(series, WAYS[way]);
    expect(rows.find(([first, second]) => first === series.toLocaleString('en') && second === way)).toEqual([
      ...[series.toLocaleString('en'), way, count.toLocaleString('en')],
      (count * DAYS_A_MONTH).toLocaleString('en'),
      ...(['public', 'demo', 'paid'] as const).map((plan) => timeOn(plan, count)),
      megabytesAfterAYear(series, way).toLocaleString('en'),
    ]);
  },
);

test('the usage of 44 series is told as it is', () => {
  expect(text).toContain(
    `A daily run makes ${requests(44, false)} requests, or ${requests(44, true)} with cross rates`,
  );
});

test('what a larger plan, a further year and the memory come to', () => {
  const minutes = Math.round(minutesAt(500, requests(10_000, false)));
  expect(told).toContain(`500 requests a minute a run takes ${minutes} minutes`);
  const yearly = 365 * (bytesOf('daily_prices', 'direct') + bytesOf('ingestion_series', 'direct'));
  expect(told).toContain(
    `A further year adds ${Math.round(yearly / 1e3)} kB a series: ${((yearly * 10_000) / 1e9).toFixed(1)} GB for 10,000`,
  );
  const gigabytes = (series: number) => ((series * 365 * bytesOf('daily_prices', 'direct')) / 1e9).toFixed(1);
  expect(told).toContain(`${gigabytes(2_500)} GB for 2,500 series and ${gigabytes(10_000)} GB for 10,000`);
});

test('what AWS asks for the longest run', () => {
  const gigabyteSeconds = 0.5 * 3_600 * DAYS_A_MONTH;
  // The published price of a GB-second on arm64, and what is free each month.
  const dollars = (gigabyteSeconds * 0.0000133334).toFixed(2);
  expect(told).toContain(`${gigabyteSeconds.toLocaleString('en')} GB-seconds a month: ${dollars} dollars`);
  expect(told).toContain(`the first ${(400_000 / gigabyteSeconds).toFixed(1)} hours a day are free`);
  const gigabytesOf = (bytes: number) => (requests(10_000, false) * DAYS_A_MONTH * bytes) / 1e9;
  expect(told).toContain(
    `${gigabytesOf(400).toFixed(2)} GB of logs a month (${(gigabytesOf(400) * 50).toFixed(0)} cents)`,
  );
  expect(told).toContain(
    `${gigabytesOf(3_500).toFixed(1)} GB of data (${(gigabytesOf(3_500) * 4.5).toFixed(0)} cents)`,
  );
});
