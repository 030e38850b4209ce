import { describe, expect, test } from '@jest/globals';
import { deriveSamples, judgeLatestRates, ratesBetween } from '../../../ingestion/domain/cross-rates.ts';
import type { Samples } from '../../../ingestion/domain/daily-price.ts';
import { HOUR_MS, MINUTE_MS, startOf } from '../../../ingestion/domain/day.ts';

const START = startOf('2026-05-12');
const hour = (number: number, minutes = 0) => START + number * HOUR_MS + minutes * MINUTE_MS;

/** A sample an hour, the price as said. */
const hourly = (count: number, priceOf: (index: number) => unknown): [number, unknown][] =>
  Array.from({ length: count }, (_, index) => [hour(index), priceOf(index)]);
const samplesOf = (prices: Samples['prices']): Samples => ({
  prices,
  marketCaps: prices.map(([at]) => [at, 1_000]),
  volumes: prices.map(([at]) => [at, 50]),
});

describe('the rates between two currencies', () => {
  test('are those of the moments that both answers hold, whatever their order and their ends', () => {
    const inUsd = hourly(48, (index) => 100 + index).reverse();
    const inEur = hourly(46, (index) => (100 + index) * 0.8).filter(([at]) => at !== hour(3));
    const { rates, findings } = ratesBetween('eur', inUsd, inEur);
    expect(rates).toHaveLength(45);
    expect(rates.every(({ rate }) => Math.abs(rate - 0.8) < 1e-12)).toBe(true);
    expect(rates.map(({ at }) => at)).toEqual(rates.map(({ at }) => at).sort());
    expect(rates.some(({ at }) => at === hour(3))).toBe(false);
    expect(findings).toEqual([]);
  });

  test('leave out one that is doubled, and say so', () => {
    const inUsd = hourly(48, () => 100);
    const inEur = hourly(48, (index) => (index === 20 ? 160 : 80));
    const { rates, findings } = ratesBetween('eur', inUsd, inEur);
    expect(rates).toHaveLength(47);
    expect(findings).toEqual([
      {
        ...{ rule: 'cross_rate', severity: 'warning', coin: null, currency: 'eur', day: '2026-05-12' },
        detail:
          'The rate of eur at 2026-05-12T20:00:00.000Z is 1.6, 100.00 % off the median of 0.8 around it; it was not used',
      },
    ]);
  });

  test('leave out moments with two prices, prices that are none, and faults of the source', () => {
    const inUsd = [...hourly(48, (index) => (index === 5 ? 0 : 100)), [hour(7), 101] as [number, unknown]];
    const inEur = hourly(48, (index) => (index === 9 ? 8e-9 : index === 11 ? null : 80));
    const { rates, findings } = ratesBetween('eur', inUsd, inEur);
    expect(rates).toHaveLength(44);
    expect(rates.every(({ rate }) => rate === 0.8)).toBe(true);
    expect(findings).toEqual([]);
  });

  test('that move by 14 % in a day are taken', () => {
    const inEur = hourly(48, (index) => 80 * 1.14 ** (index / 24));
    expect(
      ratesBetween(
        'try',
        hourly(48, () => 100),
        inEur,
      ).rates,
    ).toHaveLength(48);
  });
});

describe('derived samples', () => {
  const rates = [
    { at: hour(0), rate: 2 },
    { at: hour(1), rate: 3 },
    { at: hour(6), rate: 4 },
  ];

  test('take the rate of the nearest moment, the earlier one of two', () => {
    const { prices, volumes } = deriveSamples(
      samplesOf([
        [hour(0, 29), 10],
        [hour(0, 30), 10],
        [hour(0, 31), 10],
      ]),
      rates,
    );
    expect(prices.map(([, value]) => value)).toEqual([20, 20, 30]);
    expect(volumes.map(([, value]) => value)).toEqual([100, 100, 150]);
  });

  test('are left out where no rate is within 90 minutes', () => {
    const moments = [
      hour(0) - 91 * MINUTE_MS,
      hour(0) - 90 * MINUTE_MS,
      hour(2, 30),
      hour(2, 31),
      hour(7, 30),
      hour(8),
    ];
    const { prices } = deriveSamples(samplesOf(moments.map((at) => [at, 1])), rates);
    expect(prices.map(([at]) => at)).toEqual([moments[1], moments[2], moments[4]]);
  });

  test('have no market caps, and leave what is no number to be rejected', () => {
    const derived = deriveSamples(samplesOf([[hour(0), null]]), rates);
    expect(derived).toEqual({ prices: [[hour(0), null]], marketCaps: [], volumes: [[hour(0), 100]] });
    expect(deriveSamples(samplesOf([[hour(0), 1]]), [])).toEqual({ prices: [], marketCaps: [], volumes: [] });
  });
});

test('latest prices whose rate is over 0.5 % from the first coin’s are told', () => {
  const latest = [
    ...[
      { coin: 'bitcoin', currency: 'usd', price: 100 },
      { coin: 'bitcoin', currency: 'eur', price: 80 },
    ],
    ...[
      { coin: 'ark', currency: 'usd', price: 1 },
      { coin: 'ark', currency: 'eur', price: 0.8039 },
    ],
    ...[
      { coin: 'dogecoin', currency: 'usd', price: 2 },
      { coin: 'dogecoin', currency: 'eur', price: 1.62 },
    ],
    { coin: 'lonely', currency: 'eur', price: 5 },
  ];
  expect(judgeLatestRates(latest, { coin: 'bitcoin', currency: 'usd' })).toEqual([
    {
      ...{ rule: 'cross_rate', severity: 'warning', coin: 'dogecoin', currency: 'eur', day: null },
      detail:
        'The latest prices of dogecoin give a rate of 0.81 from usd to eur, those of bitcoin 0.8: 1.25 % apart, ' +
        'so that prices by cross rates are as far off',
    },
  ]);
});
