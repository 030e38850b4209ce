import { stripVTControlCharacters, styleText } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import type { SeriesCoverage } from '../../ingestion/database/coverage.ts';
import type { RunDetail } from '../../ingestion/database/read-status.ts';
import type { Finding } from '../../ingestion/domain/quality.ts';
import type { RunStatus, Verdict } from '../../ingestion/domain/verdict.ts';
import type { TriagedStatus } from '../../ingestion/triage.ts';
import { visible } from '../../local/output/format.ts';
import { type Style, tableText } from '../../local/output/outcome-text.ts';
import { dataText, runText, statusOverview } from '../../local/output/status-text.ts';
import { nextStep, verdictText } from '../../local/output/verdict-text.ts';

const PLAIN = { style: (_format: unknown, text: string) => text, columns: null };
const RUN_ID = '0b9c1f4e-5a3d-5c7e-8f10-2a4b6c8d0e1f';
const FINDING: Finding = {
  rule: 'revision',
  severity: 'warning',
  coin: 'bitcoin',
  currency: 'usd',
  day: '2026-01-30',
  detail: 'the average moved by 0.2 %',
};

const VERDICT: Verdict = {
  runId: RUN_ID,
  status: 'partial',
  isFullRun: true,
  expectedDays: 1_320,
  storedDays: 1_318,
  missingDays: 2,
  thinDays: 1,
  unconfirmedDays: 0,
  unavailableDays: 3,
  rowsWritten: 1_364,
  rowsUnchanged: 0,
  requests: 45,
  credits: 44,
  retries: 1,
  rateLimited: 1,
  crossRateDays: 0,
  latestPrices: null,
  durationMs: 125_000,
  series: [
    { coin: 'bitcoin', currency: 'usd', status: 'stored', daysWritten: 31, error: null },
    { coin: 'bitcoin', currency: 'eur', status: 'failed', daysWritten: 0, error: 'cut JSON' },
    { coin: 'ripple', currency: 'usd', status: 'stored', daysWritten: 31, error: null },
  ],
  findings: [FINDING],
  error: '2 of 1320 expected days are missing',
};

const COVERED: SeriesCoverage = {
  coin: 'bitcoin',
  currency: 'usd',
  trackedSince: '2026-01-01',
  firstFinalDay: '2026-01-01',
  lastFinalDay: '2026-01-30',
  newestDay: '2026-01-31',
  finalDays: 28,
  thinDays: 0,
  provisionalDays: 1,
  missingDays: [],
  unconfirmedDays: [],
  unavailableDays: [],
};

describe('a verdict', () => {
  const text = verdictText(VERDICT, PLAIN);

  test('shows by coin the days written and each status', () => {
    expect(text).toMatch(/│ bitcoin │ +31 │ stored: usd · failed: eur │/);
    expect(text).toMatch(/│ ripple +│ +31 │ stored +│/);
  });

  test('says what it came to, what it took, why it is not complete, and what was found', () => {
    expect(text.split('\n').slice(-4)).toEqual([
      'partial: 1,318 of 1,320 expected days are stored, 2 missing, 1 thin, 3 that CoinGecko never had.',
      '1,364 rows written, 0 unchanged, 45 requests (44 credits), 1 repeated attempt, 1 rate-limited, 2 min 5 s.',
      '2 of 1320 expected days are missing',
      'warning · revision · bitcoin/usd 2026-01-30: the average moved by 0.2 %',
    ]);
  });

  test('shows no more than twenty findings', () => {
    const many = { ...VERDICT, findings: Array.from({ length: 25 }, () => FINDING) };
    const lines = verdictText(many, PLAIN).split('\n');
    expect(lines.filter((line) => line.startsWith('warning'))).toHaveLength(20);
    expect(lines.at(-1)).toBe('… and 5 more findings. --json shows them all.');
  });

  test.each<[RunStatus, RegExp]>([
    ['complete', /npm run status shows what is stored/],
    ['partial', /run it again\. It asks only for what is missing/],
    ['failed', new RegExp(`npm run status -- --run ${RUN_ID}`)],
    ['interrupted', /run it again/],
  ])('that is %s says what to do next', (status, expected) => {
    expect(nextStep({ verdict: { ...VERDICT, status }, failures: ['network'] })).toMatch(expected);
  });

  test('is not repeated for a cause that stays', () => {
    const next = nextStep({ verdict: { ...VERDICT, status: 'failed' }, failures: ['wrong_key', 'not_found'] });
    expect(next).toMatch(/fix the cause above/);
  });

  test('has the colour of its status', () => {
    const coloured = { style: (format: unknown, text: string) => `<${format}>${text}`, columns: null };
    expect(verdictText({ ...VERDICT, status: 'complete' }, coloured)).toContain('<green>complete:');
    expect(verdictText({ ...VERDICT, status: 'failed' }, coloured)).toContain('<red>failed:');
  });
});

const RUN: RunDetail = {
  ...VERDICT,
  trigger: 'cli',
  triggerKey: 'cli:1',
  request: {},
  dueAt: '2026-01-31T02:00:00.000Z',
  startedAt: '2026-01-31T02:00:01.000Z',
  lastWriteAt: '2026-01-31T02:00:09.000Z',
  finishedAt: '2026-01-31T02:00:10.000Z',
  hops: 1,
};

const LATEST = {
  ...{ coin: 'bitcoin', currency: 'usd', price: 90_000 },
  ...{ marketCap: null, volume24h: null, change24hPercent: null },
};

const STATUS: TriagedStatus = {
  triage: {
    scheduledAt: '2026-01-31T02:00:00.000Z',
    isComplete: false,
    complete: 'Complete: NO full run since 2026-01-31 02:00 UTC; none ever.',
    missing: `Missing: 2 days of 1 series, 2026-01-30. Why: ${'far too long '.repeat(9)}.`,
    next: 'Next: run it again.',
  },
  now: '2026-01-31T06:00:00.000Z',
  lastCompleteRunAt: '2026-01-31T02:00:00.000Z',
  hoursSinceComplete: 4,
  newestFinalDay: '2026-01-30',
  priceAgeHours: 6,
  creditsThisMonth: 1_234,
  data: { bytes: 0, bytesPerMonth: null },
  latestPrices: [
    { ...LATEST, observedAt: '2026-01-31T05:00:00.000Z' },
    { ...LATEST, currency: 'eur', observedAt: '2026-01-31T05:59:00.000Z' },
  ],
  series: [COVERED, { ...COVERED, currency: 'eur' }],
  runs: [RUN],
};

describe('the status', () => {
  test('has one row for the currencies of a coin that are covered alike', () => {
    const text = statusOverview(STATUS, null, PLAIN);
    expect(text).toMatch(/│ bitcoin │ all 2 +│ 2026-01-30 +│ +28 │ +0 │ 1 provisional │/);
  });

  test('names the currencies of a coin that are covered otherwise, and what else there is', () => {
    const series = [...STATUS.series, { ...COVERED, currency: 'gbp', thinDays: 2, unavailableDays: ['2026-01-20'] }];
    const text = statusOverview({ ...STATUS, series }, null, PLAIN);
    expect(text).toMatch(/│ bitcoin │ usd, eur +│/);
    expect(text).toMatch(/│ bitcoin │ gbp .*│ +28 │ +0 │ 2 thin, 1 provis/);
  });

  test('begins with the three answers, of which nothing is cut', () => {
    const { complete, missing, next } = STATUS.triage;
    expect(statusOverview(STATUS, null, PLAIN).split('\n').slice(0, 3)).toEqual([complete, missing, next]);
  });

  test.each([60, 80, 120])('fits %i columns of a terminal with colours, whatever is in it', (columns) => {
    const style: Style['style'] = (format, text) => styleText(format, text, { validateStream: false });
    const series = ['usd', 'eur', 'gbp', 'try', 'jpy', 'chf', 'sats'].map((currency, index) => ({
      ...COVERED,
      coin: 'a-coin-with-a-very-long-name-of-its-own-on-another-chain',
      currency,
      ...{ thinDays: 12, provisionalDays: 2, unavailableDays: index > 0 ? ['2026-01-20'] : [] },
    }));
    const runs = [{ ...RUN, trigger: 'schedule' as const, status: 'interrupted' as const, expectedDays: 1_234_567 }];
    const text = statusOverview({ ...STATUS, series, runs }, 10_000, { style, columns });
    const tables = text.split('\n').filter((line) => /^[│┌├└]/.test(line));
    expect(tables.length).toBeGreaterThan(10);
    expect(Math.max(...tables.map((line) => stripVTControlCharacters(line).length))).toBeLessThanOrEqual(columns);
    // No colour was torn.
    expect(stripVTControlCharacters(text)).not.toMatch(/\[\d|\dm/);
    if (columns > 60) expect(text).toContain(style('yellow', 'interrupted'));
    expect(tables.filter((line) => /│ *, /.test(line))).toEqual([]);
  });

  test('names missing and unavailable days as spans', () => {
    const days = ['2026-01-03', '2026-01-04', '2026-01-05', '2026-01-09'];
    const series = [{ ...COVERED, missingDays: days, unavailableDays: ['2026-01-20'] }];
    const text = statusOverview({ ...STATUS, series }, null, PLAIN);
    expect(text).toContain('Missing of bitcoin/usd: 2026-01-03 to 2026-01-05, 2026-01-09\n');
    expect(text).toContain('Unavailable of bitcoin/usd: 2026-01-20\n');
  });

  test('shows the last runs, the error of the newest, ages and credits', () => {
    const lines = statusOverview(STATUS, 10_000, PLAIN).split('\n');
    expect(lines).toContainEqual(
      expect.stringMatching(/│ 01-31 02:00 +│ cli │ partial │ 1,318\/1,320 │ +2 │ 0b9c1f4e │/),
    );
    expect(lines.slice(-5)).toEqual([
      'The latest run: 2 of 1320 expected days are missing',
      'Last complete full run: 2026-01-31T02:00:00.000Z, 4 h 0 min ago.',
      'Newest day that is final in every series: 2026-01-30, ended 6 h 0 min ago.',
      'Latest prices: of 2 series (2 are tracked), the oldest 1 h 0 min ago.',
      'Credits used this month (UTC): 1,234 of 10,000.',
    ]);
  });

  test('of an empty database says what to do', () => {
    const empty: TriagedStatus = {
      ...STATUS,
      lastCompleteRunAt: null,
      hoursSinceComplete: null,
      newestFinalDay: null,
      priceAgeHours: null,
      creditsThisMonth: 0,
      latestPrices: [],
      runs: [],
      series: [{ ...COVERED, trackedSince: null, lastFinalDay: null }],
    };
    expect(statusOverview(empty, null, PLAIN).split('\n').slice(-5)).toEqual([
      'There has been no run yet: npm run fetch-data.',
      'Last complete full run: none.',
      'Newest day that is final in every series: none.',
      'Latest prices: none.',
      'Credits used this month (UTC): 0.',
    ]);
  });

  test.each([
    [{ bytes: 8_300_000, bytesPerMonth: null }, null, 'The data take 8.3 MB.'],
    [{ bytes: 1.94e9, bytesPerMonth: 840_000 }, null, 'The data take 1.9 GB, and grow by about 840 kB a month.'],
    [{ bytes: 1e6, bytesPerMonth: 2e8 }, 2.3e9, / Their disk has room for 2\.3 GB\.$/],
    [{ bytes: 1e6, bytesPerMonth: 2e8 }, 2.1e9, /room for 2\.1 GB\. WARNING: make room before it is full; docs/],
  ])('tells how large the data are, %j, and warns of a disk with room for %s', (data, roomBytes, text) => {
    expect(dataText(data, roomBytes)).toEqual(typeof text === 'string' ? text : expect.stringMatching(text));
  });

  test('of one run tells its times, request, days, failed series and findings', () => {
    const text = runText({ ...RUN, request: { from: '2026-01-01', to: '2026-01-30' } }, PLAIN);
    expect(text).toContain(`Run ${RUN_ID} (cli:1): partial.`);
    expect(text).toContain('Asked for {"from":"2026-01-01","to":"2026-01-30"}.');
    expect(text).toContain('Days: 1,320 expected, 1,318 stored, 2 missing, 1 thin, 3 unavailable.');
    expect(text).toContain('bitcoin/eur: cut JSON');
    expect(text).toContain('warning · revision · bitcoin/usd 2026-01-30: the average moved by 0.2 %');
  });
});

test('a text from elsewhere steers no terminal: control characters are seen, colours and line ends stay', () => {
  const red = styleText('red', 'failed', { validateStream: false });
  expect(visible(`${red}\n\t\x1b[2J\x1b]0;title\x07 \u009b31m \u202etxt\r`)).toBe(
    `${red}\n\t\\u001b[2J\\u001b]0;title\\u0007 \\u009b31m \\u202etxt\\u000d`,
  );
  expect(tableText(['name'], [['two\nlines']])).toContain('│ two\\nlines │');
});
