import { describe, expect, test } from '@jest/globals';
import type { Samples } from '../../../ingestion/domain/daily-price.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, startOf } from '../../../ingestion/domain/day.ts';
import {
  findChanges,
  findFrozen,
  findWrongGranularity,
  judgeAnswer,
  type PriceChange,
} from '../../../ingestion/domain/quality.ts';
import { isCoinInItself } from '../../../ingestion/domain/series.ts';

const DAY = '2026-05-12';
const START = startOf(DAY);
const series = { coin: 'bitcoin', currency: 'usd' };

describe('frozen', () => {
  const pricesOf = (values: readonly unknown[]) => ({
    prices: values.map((value, hour) => [START + hour * HOUR_MS, value] as const),
    marketCaps: [],
    volumes: [],
  });

  test('24 h without any change is found, with its length and day', () => {
    const findings = findFrozen(series, pricesOf([1, ...Array(25).fill(7), 2]));
    expect(findings).toEqual([
      expect.objectContaining({ rule: 'frozen', severity: 'warning', ...series, day: '2026-05-13' }),
    ]);
    expect(findings[0]?.detail).toContain('24 hours');
  });

  test('23 h are not, nor are 24 h with one change', () => {
    expect(findFrozen(series, pricesOf([1, ...Array(24).fill(7), 2]))).toEqual([]);
    expect(findFrozen(series, pricesOf([...Array(20).fill(7), 8, ...Array(20).fill(7)]))).toEqual([]);
    expect(findFrozen(series, pricesOf([]))).toEqual([]);
  });
});

describe('changes of final rows', () => {
  const change = (before: object | null, after: object, isWritten: boolean): PriceChange => {
    const quality = { average: 100, hoursCovered: 24, aggregationVersion: 1 };
    return {
      day: DAY,
      before: before && { ...quality, isFinal: true, ...before },
      after: { ...quality, ...after },
      isWritten,
    };
  };

  test.each([
    [100.1, []],
    [99.9, []],
    [100.11, ['bitcoin/usd on 2026-05-12: the final average moved by 0.11 %, from 100 to 100.11.']],
    [99.89, ['bitcoin/usd on 2026-05-12: the final average moved by 0.11 %, from 100 to 99.89.']],
  ])('an average that moves from 100 to %d is found: %j', (average, details) => {
    const findings = findChanges(series, [change({}, { average }, true)]);
    expect(findings.map(({ detail }) => detail)).toEqual(details);
    for (const finding of findings) expect(finding).toMatchObject({ rule: 'revision', severity: 'warning', ...series });
  });

  test.each([
    ['fewer hours', {}, { hoursCovered: 23 }],
    ['an older version', { aggregationVersion: 2 }, {}],
  ])('a row that is kept from an answer with %s is found, with both sides', (_, before, after) => {
    const keeping = change(before, after, false);
    const { before: kept, after: offered } = keeping;
    const [finding, ...others] = findChanges(series, [keeping]);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ rule: 'worse_answer', severity: 'warning', ...series, day: DAY });
    expect(finding?.detail).toContain(
      `covers ${offered.hoursCovered} hours (aggregation version ${offered.aggregationVersion})`,
    );
    expect(finding?.detail).toContain(
      `the final row ${kept?.hoursCovered} (version ${kept?.aggregationVersion}); the row was kept`,
    );
  });

  test.each([
    ['a day that had no row', change(null, { average: 200 }, true)],
    ['a provisional row', change({ isFinal: false }, { average: 200 }, true)],
    ['a provisional row that was kept', change({ isFinal: false }, { hoursCovered: 3 }, false)],
    ['a final row with more hours', change({ hoursCovered: 23 }, {}, true)],
    ['a final row that says the same', change({}, {}, false)],
  ])('%s is no finding', (_, unremarkable) => {
    expect(findChanges(series, [unremarkable])).toEqual([]);
  });
});

describe('an answer', () => {
  const row = (values: object) => ({ day: DAY, high: 110, low: 90, average: 100, isFinal: true, ...values });
  const answer = {
    series,
    isItself: false,
    samples: { prices: [], marketCaps: [], volumes: [] },
    gapDays: [DAY],
    prices: [row({})],
    rejected: [],
  };

  test('whose samples were rejected as outliers says how many and how far off they were', () => {
    const rejected = ([1e-7, 900] as const).map((price, hour) => ({
      observedAt: START + hour * HOUR_MS,
      price: String(price),
      reason: 'outlier' as const,
    }));
    const [finding, ...others] = judgeAnswer({ ...answer, rejected });
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ rule: 'outliers', severity: 'warning', ...series, day: DAY });
    expect(finding?.detail).toContain('2 of the samples were rejected as faults, up to 1.0e+9 times off');
  });

  test('of which all samples of a day were rejected as outliers says so, though there is no row', () => {
    const rejected = [{ observedAt: START, price: '900', reason: 'outlier' as const }];
    const detail = expect.stringContaining('1 of the samples were rejected as faults, and no other is left');
    expect(judgeAnswer({ ...answer, prices: [], rejected })).toMatchObject([{ rule: 'outliers', day: DAY, detail }]);
    expect(judgeAnswer({ ...answer, prices: [], gapDays: ['2026-05-11'], rejected })).toEqual([]);
  });

  test('with a final row ten times as high as low is looked at, and one that is not final or not asked for is not', () => {
    const wide = row({ high: 900, low: 90 });
    expect(judgeAnswer({ ...answer, prices: [wide] })).toMatchObject([{ rule: 'range', day: DAY }]);
    expect(judgeAnswer({ ...answer, prices: [{ ...wide, isFinal: false }] })).toEqual([]);
    expect(judgeAnswer({ ...answer, prices: [{ ...wide, day: '2026-05-11' }] })).toEqual([]);
    expect(judgeAnswer({ ...answer, prices: [row({ high: 899, low: 90 })] })).toEqual([]);
  });

  test('of a coin in itself never moves, and that is no finding', () => {
    const prices = Array.from({ length: 30 }, (_, hour) => [START + hour * HOUR_MS, 1] as const);
    const samples = { ...answer.samples, prices };
    expect(judgeAnswer({ ...answer, samples })).toMatchObject([{ rule: 'frozen' }]);
    expect(judgeAnswer({ ...answer, samples, isItself: true })).toEqual([]);
  });
});

test.each([
  ['bitcoin', 'btc', true],
  ['bitcoin', 'sats', true],
  ['bitcoin', 'bits', true],
  ['bitcoin', 'eth', false],
  ['ethereum', 'sats', false],
])('%s in %s is a coin in itself: %s', (coin, currency, expected) => {
  const coins = [
    { id: 'bitcoin', symbol: 'BTC', name: 'Bitcoin' },
    { id: 'ethereum', symbol: 'eth', name: 'Ethereum' },
  ];
  expect(isCoinInItself({ coins, currencies: [] }, { coin, currency })).toBe(expected);
});

const stamped = (...stamps: number[]): Samples => ({
  prices: stamps.map((stamp) => [stamp, 1]),
  marketCaps: [],
  volumes: [],
});
const spaced = (minutes: number, count: number, from = START + 17 * MINUTE_MS) =>
  stamped(...Array.from({ length: count }, (_, index) => from + index * minutes * MINUTE_MS));

test.each([
  [5, 288, 'a sample every 5 minutes'],
  [5, 3, 'a sample every 5 minutes'],
  [39, 50, 'a sample every 39 minutes'],
  [40, 50, null],
  [60, 72, null],
  [120, 36, null],
  [16 * 60, 9, null],
  [24 * 60, 3, null],
])('a sample every %i minutes (%i of them): %p', (minutes, count, found) => {
  expect(findWrongGranularity(spaced(minutes, count))).toBe(found);
});

describe('daily points', () => {
  // The narrowest window of the plan, and the widest; some points of 2018 stand at 00:05.
  test.each([3, 4, 90])('%i of them at midnight are refused, with the point of now or without', (days) => {
    const midnights = Array.from({ length: days }, (_, index) => START + index * DAY_MS + (index % 2) * 5 * MINUTE_MS);
    const now = START + (days - 1) * DAY_MS + 2 * HOUR_MS;
    expect(findWrongGranularity(stamped(...midnights))).toMatch(/midnight/);
    expect(findWrongGranularity(stamped(...midnights, now))).toMatch(/midnight/);
  });

  test('with one sample elsewhere are refused however old it is; with two it is a sparse coin', () => {
    const midnights = [START, START + DAY_MS];
    expect(findWrongGranularity(stamped(...midnights, START + 0.5 * DAY_MS))).toMatch(/midnight/);
    expect(findWrongGranularity(stamped(...midnights, START + 0.5 * DAY_MS, START + 1.5 * DAY_MS))).toBeNull();
  });

  test('two samples near midnight may be chance', () => {
    expect(findWrongGranularity(stamped(START, START + DAY_MS))).toBeNull();
    expect(findWrongGranularity(stamped())).toBeNull();
  });
});
