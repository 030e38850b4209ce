import { describe, expect, test } from '@jest/globals';
import { DAY_MS, HOUR_MS, startOf } from '../../../ingestion/domain/day.ts';
import {
  type CoinRate,
  compareCurrencies,
  findChanges,
  findFrozen,
  judgeRateMove,
  judgeRates,
  type PriceChange,
} from '../../../ingestion/domain/quality.ts';

const DAY = '2026-05-12';
const START = startOf(DAY);
const FIRST_HOUR = START / HOUR_MS;
const series = { coin: 'bitcoin', currency: 'usd' };

const hours = (price: (hour: number) => number, count = 24) =>
  new Map(Array.from({ length: count }, (_, hour) => [FIRST_HOUR + hour, price(hour)]));

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
    const { before: kept, after: offered, ...rest } = change(before, after, false);
    const [finding, ...others] = findChanges(series, [{ ...rest, before: kept, after: offered }]);
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

describe('currency', () => {
  const usd = hours((hour) => 100 + hour);
  const compare = (other: Map<number, number>) =>
    compareCurrencies(
      'bitcoin',
      'usd',
      new Map([
        ['usd', usd],
        ['eur', other],
      ]),
      [DAY],
    );

  test('a coin’s rate is the median over the hours that both have', () => {
    const eur = hours((hour) => (100 + hour) * (hour === 3 ? 5 : 0.9), 20);
    const { rates, same } = compare(eur);
    expect(same).toEqual([]);
    expect(rates).toEqual([{ coin: 'bitcoin', currency: 'eur', day: DAY, rate: expect.closeTo(0.9, 12) }]);
  });

  test('a series that equals another value for value gives no rate: its currency was ignored', () => {
    const { rates, same } = compare(new Map(usd));
    expect(rates).toEqual([]);
    expect(same).toEqual([{ coin: 'bitcoin', currency: 'eur', sameAs: 'usd', hours: 24 }]);
  });

  test('two currencies that equal each other are found too', () => {
    const gbp = hours((hour) => (100 + hour) * 0.8);
    const byCurrency = new Map([
      ['usd', usd],
      ['eur', gbp],
      ['gbp', gbp],
    ]);
    expect(compareCurrencies('bitcoin', 'usd', byCurrency, [DAY]).same).toEqual([
      { coin: 'bitcoin', currency: 'gbp', sameAs: 'eur', hours: 24 },
    ]);
  });

  test('series without a common hour are not compared', () => {
    expect(compare(new Map([[FIRST_HOUR - 5, 1]]))).toEqual({ rates: [], same: [] });
  });

  const rates = (...values: number[]): CoinRate[] =>
    values.map((rate, index) => ({ coin: `coin-${index}`, currency: 'eur', day: DAY, rate }));

  test('a coin over 0.5 % from the coins’ median is found, one at 0.4 % is not', () => {
    const { medians, findings } = judgeRates(rates(0.9, 0.9, 0.9036, 0.906));
    expect(medians).toEqual([{ currency: 'eur', day: DAY, rate: expect.closeTo(0.9018, 10) }]);
    expect(findings).toEqual([]);
    expect(judgeRates(rates(0.9, 0.9, 0.9, 0.9046)).findings).toEqual([
      expect.objectContaining({ coin: 'coin-3', currency: 'eur', day: DAY, severity: 'warning' }),
    ]);
  });

  test('two coins cannot outvote each other', () => {
    expect(judgeRates(rates(0.9, 1.8))).toEqual({ medians: [], findings: [] });
  });

  test('a rate that moved over 15 % since the last final day is found', () => {
    const before = { day: '2026-05-11', rate: 1 };
    expect(judgeRateMove({ currency: 'eur', day: DAY, rate: 1.15 }, before)).toEqual([]);
    expect(judgeRateMove({ currency: 'eur', day: DAY, rate: 0.84 }, before)).toEqual([
      expect.objectContaining({ rule: 'currency', coin: null, currency: 'eur', day: DAY }),
    ]);
  });

  test('days are told apart', () => {
    const twoDays = new Map([
      ...hours(() => 0.9),
      ...[...hours(() => 0.5)].map(([hour, rate]) => [hour + 24, rate] as const),
    ]);
    const ones = new Map([...twoDays.keys()].map((hour) => [hour, 1]));
    const nextDay = new Date(START + DAY_MS).toISOString().slice(0, 10);
    const byCurrency = new Map([
      ['usd', ones],
      ['eur', twoDays],
    ]);
    expect(compareCurrencies('bitcoin', 'usd', byCurrency, [DAY, nextDay]).rates.map(({ rate }) => rate)).toEqual([
      0.9, 0.5,
    ]);
  });
});
