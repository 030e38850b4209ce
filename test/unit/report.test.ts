import { describe, expect, test } from '@jest/globals';
import type { RunSummary, Status } from '../../ingestion/database/status.ts';
import type { DailyPrice } from '../../ingestion/domain/daily-price.ts';
import { addDays, type Day, daysFrom } from '../../ingestion/domain/day.ts';
import { renderReport } from '../../report/render-report.ts';
import type { ReportData, ReportSeries } from '../../report/report-data.ts';
import { dailyPrice } from '../support/database-fixtures.ts';

const TODAY: Day = '2026-11-23';
const DAYS = daysFrom(addDays(TODAY, -9), TODAY);

const price = (average: number, isFinal = true): DailyPrice =>
  dailyPrice(TODAY, { open: average, high: average * 1.02, low: average * 0.97, close: average, average, isFinal });

const final = (coin: string, currency: string, averages: readonly number[]): ReportSeries => ({
  coin,
  currency,
  prices: averages.map((average) => price(average)),
  statuses: averages.map(() => 'final'),
});

const RUN: RunSummary = {
  runId: '8f14e45f-ceea-5a7a-9c1d-0e3b6f5a2c11',
  trigger: 'schedule',
  triggerKey: 'schedule:2026-11-23T02:00:00.000Z',
  status: 'complete',
  request: {},
  dueAt: '2026-11-23T02:00:00.000Z',
  startedAt: '2026-11-23T02:00:04.000Z',
  lastWriteAt: '2026-11-23T02:01:38.000Z',
  finishedAt: '2026-11-23T02:01:39.000Z',
  expectedDays: 20,
  storedDays: 20,
  missingDays: 0,
  thinDays: 0,
  unavailableDays: 0,
  hops: 1,
  requests: 2,
  credits: 2,
  retries: 0,
  rateLimited: 0,
  error: null,
};

const NO_RUN: Status = {
  now: '2026-11-23T06:00:00.000Z',
  lastCompleteRunAt: null,
  hoursSinceComplete: null,
  newestFinalDay: null,
  priceAgeHours: null,
  creditsThisMonth: 0,
  series: [],
  runs: [],
};

const EMPTY: ReportData = {
  banner: null,
  status: NO_RUN,
  monthlyCredits: null,
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
  days: DAYS,
  series: [],
  findings: [],
  unavailableDays: [],
};

const rising = DAYS.map((_, index) => index + 1);
const FULL: ReportData = {
  ...EMPTY,
  series: [
    final('bitcoin', 'usd', [...rising.slice(0, 8), 4_000_000, 4_012_345.67]),
    final('bitcoin', 'try', rising),
    final('dogecoin', 'usd', [...rising.slice(0, 8), 0.00000823, 0.00000823]),
    final('dogecoin', 'try', rising),
  ],
  status: {
    ...NO_RUN,
    lastCompleteRunAt: RUN.finishedAt,
    hoursSinceComplete: 3.97,
    newestFinalDay: '2026-11-22',
    priceAgeHours: 6,
    creditsThisMonth: 1_012,
    runs: [RUN],
  },
  monthlyCredits: 10_000,
};

const withRuns = (data: ReportData, ...runs: readonly RunSummary[]): ReportData => ({
  ...data,
  status: { ...data.status, runs },
});

/** The page's text as a reader gets it: without tags, and with white space made one. */
const textOf = (page: string): string =>
  page
    .replace(/<style[\s\S]*?<\/style>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');

const section = (page: string, id: string): string => {
  const found = page.split('<section').find((part) => part.includes(`aria-labelledby="${id}"`));
  if (found === undefined) throw new Error(`The page has no section labelled by "${id}".`);
  return found;
};

describe('renderReport', () => {
  test('gives the same bytes for the same data', () => {
    expect(renderReport(FULL)).toBe(renderReport(structuredClone(FULL)));
  });

  test('loads nothing and runs no script: the only address is the attribution', () => {
    const page = renderReport({ ...FULL, banner: 'Demo: made-up prices' });
    expect([...page.matchAll(/\b(?:https?:)?\/\/[^"'\s<>]+/g)].map(([address]) => address)).toEqual([
      'https://www.coingecko.com/',
    ]);
    expect(page).not.toMatch(/<script|<link rel="stylesheet|@import|url\((?!#)|\son\w+=/i);
    expect(textOf(page)).toContain('Data provided by CoinGecko');
  });

  test('has each id once, and every reference to an id leads somewhere', () => {
    const page = renderReport(FULL);
    const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id] of page.matchAll(/aria-labelledby="([\w-]+)/g)) expect(ids).toContain(id);
  });

  test('shows markup in data as text, wherever the data comes from', () => {
    const hostile = `<img src=x onerror="alert('1')">&`;
    const page = renderReport({
      ...withRuns(FULL, { ...RUN, runId: hostile, error: hostile }),
      banner: hostile,
      universe: {
        coins: [{ id: hostile, symbol: hostile, name: hostile }],
        currencies: [{ code: hostile, name: hostile }],
      },
      series: [final(hostile, hostile, rising)],
      findings: [
        { rule: 'frozen', severity: 'error', coin: hostile, currency: hostile, day: hostile, detail: hostile },
      ],
      unavailableDays: [{ coin: hostile, currency: hostile, day: '2026-11-01', reason: hostile }],
    });
    expect(page).not.toMatch(/<img/i);
    expect(page).not.toContain(`onerror="`);
    for (const id of ['prices', 'coverage', 'runs', 'findings', 'unavailable']) {
      expect(section(page, id)).toMatch(/&lt;img src=x onerror=&quot;alert\(&#39;1&#39;\)&quot;&gt;&amp;/i);
    }
  });
});

describe('without data', () => {
  test('says what to do, and shows no empty tables', () => {
    const page = renderReport(EMPTY);
    expect(textOf(page)).toContain('No prices yet');
    expect(page).toContain('<code>npm run fetch-data</code>');
    expect(page).not.toContain('<table');
    expect(textOf(page)).toContain('Data provided by CoinGecko');
  });

  test('shows the runs when all of them failed', () => {
    const page = renderReport(withRuns(EMPTY, { ...RUN, status: 'failed', error: 'wrong key for this host' }));
    expect(textOf(page)).toContain('No run has stored a price so far');
    expect(section(page, 'runs')).toContain('wrong key for this host');
  });

  test('takes a series that has no row yet, and a universe with a coin that no series has', () => {
    const page = renderReport({
      ...FULL,
      series: [
        final('bitcoin', 'usd', rising),
        { coin: 'bitcoin', currency: 'try', prices: DAYS.map(() => null), statuses: DAYS.map(() => 'missing') },
      ],
    });
    expect(textOf(page)).toContain('No final daily price in these 10 days.');
  });
});

describe('prices', () => {
  test('are the newest final ones, with the digits that matter and the change since the day before', () => {
    const text = textOf(section(renderReport(FULL), 'prices'));
    expect(text).toContain('4,012,345.67 USD');
    expect(text).toContain('▲ +0.31%');
    expect(text).toContain('0.00000823 USD');
    expect(text).toContain('0.00%');
    expect(text).toContain('average of 2026-11-23');
  });

  test('leave a provisional day out, and give no change across a day without a row', () => {
    const prices = [...rising.slice(0, 6).map((average) => price(average)), null, price(77), price(5_555, false), null];
    const page = renderReport({
      ...FULL,
      series: [{ coin: 'bitcoin', currency: 'usd', prices, statuses: DAYS.map(() => 'final') }],
    });
    const text = textOf(section(page, 'prices'));
    expect(text).toContain('77.00 USD – average of 2026-11-21');
    expect(text).not.toContain('5,555.00 USD');
  });

  test('are chosen without a script: one currency and one coin are checked at first', () => {
    const prices = section(renderReport(FULL), 'prices');
    expect([...prices.matchAll(/id="([\w-]+)" checked/g)].map(([, id]) => id)).toEqual(['currency-0', 'coin-0']);
    expect(prices).toContain('.prices:not(:has(#currency-1:checked)) .in-1{display:none}');
    expect(prices).toContain('.prices:not(:has(#coin-1:checked)) .of-1{display:none}');
  });

  test('break the line at a day without a row, and mark a provisional one, however many days there are', () => {
    const days = daysFrom(addDays(TODAY, -89), TODAY);
    const prices = days.map((day, index) => (index === 40 ? null : price(index + 1, day < '2026-11-22')));
    const page = renderReport({
      ...FULL,
      days,
      series: [{ coin: 'bitcoin', currency: 'usd', prices, statuses: days.map(() => 'final') }],
    });
    const chart = page.match(/<figure class="chart"[\s\S]*?<\/figure>/)?.[0] ?? '';
    const drawn = (path: string) => chart.match(new RegExp(`<path class="${path}" d="([^"]*)"`))?.[1] ?? '';
    expect(drawn('average').match(/M/g)).toHaveLength(2);
    expect(drawn('band').match(/M/g)).toHaveLength(2);
    expect(drawn('ring').match(/M/g)).toHaveLength(2);
    expect(drawn('dot')).toBe('');
  });

  test('mark a final day without neighbours by a dot', () => {
    const prices = DAYS.map((_, index) => (index === 4 ? price(5) : null));
    const page = renderReport({
      ...FULL,
      series: [{ coin: 'bitcoin', currency: 'usd', prices, statuses: DAYS.map(() => 'final') }],
    });
    expect(page).toMatch(/<path class="dot" d="M444\.4,[\d.]+h0"\/>/);
  });
});

describe('coverage', () => {
  const statuses = [
    'none',
    'none',
    'final',
    'final',
    'thin',
    'unavailable',
    'missing',
    'missing',
    'final',
    'provisional',
  ];
  const page = renderReport({
    ...FULL,
    series: [
      { ...final('bitcoin', 'usd', rising), statuses: statuses as ReportSeries['statuses'] },
      final('bitcoin', 'try', rising),
    ],
  });
  const coverage = section(page, 'coverage');

  test.each(['final', 'thin', 'unavailable', 'missing', 'provisional'])('explains and shows a %s day', (state) => {
    expect(coverage).toContain(`<i class="day-${state}"></i>${state}`);
    expect(coverage).toMatch(new RegExp(`<td colspan="\\d+" class="day-${state}" title="[^"]*${state}">`));
    expect(page).toContain(`.day-${state}`);
  });

  test('names each stretch of equal days, and leaves blank what was never expected', () => {
    const row = coverage.match(/<tr>[\s\S]*?USD[\s\S]*?<\/tr>/)?.[0] ?? '';
    expect(
      [...row.matchAll(/<td colspan="(\d+)"(?: class="[^"]*" title="([^"]*)")?>/g)].map(([, n, title]) => [n, title]),
    ).toEqual([
      ['2', undefined],
      ['2', '2026-11-16 to 2026-11-17: 2 days final'],
      ['1', '2026-11-18: thin'],
      ['1', '2026-11-19: unavailable'],
      ['2', '2026-11-20 to 2026-11-21: 2 days missing'],
      ['1', '2026-11-22: final'],
      ['1', '2026-11-23: provisional'],
    ]);
  });

  test('covers all days in every row', () => {
    const rows = [...coverage.matchAll(/<tr>[\s\S]*?<\/tr>/g)].slice(1).map(([row]) => row);
    expect(rows).toHaveLength(4);
    for (const row of rows) {
      const widths = [...row.matchAll(/<td colspan="(\d+)"/g)].map(([, width]) => Number(width));
      expect(widths.reduce((sum, width) => sum + width, 0)).toBe(DAYS.length);
    }
  });
});

describe('the figures at the top', () => {
  const tiles = (data: Partial<ReportData>): string =>
    textOf(renderReport({ ...FULL, ...data }).match(/<dl class="tiles">[\s\S]*?<\/dl>/)?.[0] ?? '');

  test('tell how fresh, how complete and how much is left', () => {
    const text = tiles({});
    expect(text).toContain('Last complete run 3 h ago 2026-11-23 02:01 UTC');
    expect(text).toContain('Stored of 10 days 100 % 0 of 36 settled series-days missing');
    expect(text).toContain('Credits this month 1,012 of 10,000');
  });

  test('never round up to 100 % while a day is missing', () => {
    const days = daysFrom(addDays(TODAY, -2_999), TODAY);
    const statuses = days.map((_, index): 'missing' | 'final' => (index === 7 ? 'missing' : 'final'));
    const series = [{ coin: 'bitcoin', currency: 'usd', prices: [price(1)], statuses }];
    expect(tiles({ days, series })).toContain('99.9 % 1 of 2,999 settled series-days missing');
  });

  test('count a settled provisional day as missing, and expect neither today nor an unavailable day', () => {
    const statuses = [
      ...DAYS.slice(0, 7).map(() => 'final' as const),
      'unavailable',
      'provisional',
      'provisional',
    ] as const;
    const text = tiles({ series: [{ ...final('bitcoin', 'usd', rising), statuses }] });
    expect(text).toContain('87.5 % 1 of 8 settled series-days missing');
  });

  test('say that there is none where there is none', () => {
    const text = tiles({ status: { ...NO_RUN, runs: [RUN] }, monthlyCredits: null });
    expect(text).toContain('no day is final in every series');
    expect(text).toContain('no run was complete yet');
    expect(text).toContain('the plan has no quota');
  });
});

describe('runs and findings', () => {
  test('a run shows its verdict, what it cost and why it failed', () => {
    const run: RunSummary = {
      ...RUN,
      status: 'partial',
      missingDays: 7,
      rateLimited: 3,
      error: 'bitcoin/try: HTTP 503',
    };
    const text = textOf(section(renderReport(withRuns(FULL, run)), 'runs'));
    expect(text).toContain('2026-11-23 02:00 partial schedule 1 min 35 s 20 20 7 2 2 0 3 bitcoin/try: HTTP 503');
  });

  test('a run without a verdict shows no numbers that it has not', () => {
    const run: RunSummary = {
      ...RUN,
      status: 'running',
      finishedAt: null,
      expectedDays: null,
      storedDays: null,
      missingDays: null,
    };
    expect(textOf(section(renderReport(withRuns(FULL, run)), 'runs'))).toContain('running schedule – – – – 2 2 0 0');
  });

  test('errors come before warnings', () => {
    const warning = {
      rule: 'frozen',
      severity: 'warning',
      coin: 'bitcoin',
      currency: null,
      day: TODAY,
      detail: 'A.',
    } as const;
    const error = { ...warning, rule: 'currency', severity: 'error', day: null, detail: 'B.' } as const;
    const text = textOf(section(renderReport({ ...FULL, findings: [warning, error] }), 'findings'));
    expect(text).toContain('error currency bitcoin any B. warning');
  });

  test('says how many findings it leaves out', () => {
    const finding = {
      rule: 'frozen',
      severity: 'warning',
      coin: null,
      currency: null,
      day: null,
      detail: 'A.',
    } as const;
    const page = renderReport({ ...FULL, findings: Array.from({ length: 1_203 }, () => finding) });
    expect(textOf(section(page, 'findings'))).toContain('And 1,103 more');
  });

  test('consecutive unavailable days of a series are one line', () => {
    const of = (coin: string, day: Day) => ({ coin, currency: 'usd', day, reason: 'two answers without it' });
    const page = renderReport({
      ...FULL,
      unavailableDays: [
        of('dogecoin', '2026-10-02'),
        of('bitcoin', '2026-11-01'),
        of('bitcoin', '2026-10-31'),
        of('bitcoin', '2026-10-02'),
      ],
    });
    const rows = [...section(page, 'unavailable').matchAll(/<tr>[\s\S]*?<\/tr>/g)]
      .slice(1)
      .map(([row]) => textOf(row).trim());
    expect(rows).toEqual([
      'bitcoin/usd 2026-10-02 1 two answers without it',
      'bitcoin/usd 2026-10-31 to 2026-11-01 2 two answers without it',
      'dogecoin/usd 2026-10-02 1 two answers without it',
    ]);
  });
});
