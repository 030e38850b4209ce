import { describe, expect, test } from '@jest/globals';
import { aggregate } from '../../../ingestion/domain/aggregation.ts';
import { convertDay, judgeLatestRates, ratesBetween } from '../../../ingestion/domain/cross-rates.ts';
import type { Samples } from '../../../ingestion/domain/daily-price.ts';
import { HOUR_MS, MINUTE_MS, startOf } from '../../../ingestion/domain/day.ts';

const START = startOf('2026-05-12');
const hour = (number: number, minutes = 0) => START + number * HOUR_MS + minutes * MINUTE_MS;

/** A sample an hour, the price as said. */
const hourly = (count: number, priceOf: (index: number) => unknown, first = 0): [number, unknown][] =>
  Array.from({ length: count }, (_, index) => [hour(first + index), priceOf(first + index)]);
const samplesOf = (prices: Samples['prices']): Samples => ({
  prices,
  marketCaps: prices.map(([at]) => [at, 1_000]),
  volumes: prices.map(([at]) => [at, 50]),
});

const WINDOW = { from: hour(-36), to: hour(60) };
const answer = (prices: Samples['prices'], receivedAt = hour(100)) => ({ window: WINDOW, receivedAt, prices });
/** A price an hour from 36 h before the day to 36 h after it. */
const around = (priceOf: (index: number) => unknown) => hourly(96, priceOf, -36);
const convert = (inEur: Samples['prices'], inUsd: Samples['prices'] = around(() => 100)) =>
  convertDay(ratesBetween('eur', answer(inUsd), answer(inEur)), '2026-05-12');

describe('the rates between two currencies', () => {
  test('are those of the moments that both answers hold one price of, whatever their order and their ends', () => {
    const twice: [number, unknown] = [hour(7), 1];
    const inUsd = [...hourly(48, (index) => (index === 5 ? 0 : 100 + index)).reverse(), twice];
    const inEur = hourly(46, (index) => (index === 11 ? null : (100 + index) * 0.8)).filter(([at]) => at !== hour(3));
    const { rates, endsAt } = ratesBetween('eur', answer(inUsd), answer(inEur));
    const kept = hourly(46, () => 1).filter((_, index) => ![3, 5, 7, 11].includes(index));
    expect(rates.map(({ at }) => at)).toEqual(kept.map(([at]) => at));
    expect(rates.every(({ price }) => Math.abs(price - 0.8) < 1e-12)).toBe(true);
    expect(endsAt).toBe(hour(45));
  });

  test('leave out faults of a day, and say so once', () => {
    const { conversion, findings } = convert(around((index) => (index === 20 || index === 21 ? 160 : 80)));
    expect(conversion.convert(10, hour(20))).toBe(8);
    expect(findings).toEqual([
      {
        ...{ rule: 'cross_rate', severity: 'warning', coin: null, currency: 'eur', day: '2026-05-12' },
        detail:
          '2 of the rates of eur on 2026-05-12 were left out as faults: the first is 1.6, and the nearest other one is 0.8.',
      },
    ]);
  });

  test('that move for good are taken, by 14 % a day or by half at once', () => {
    const falling = convert(around((index) => 80 * 1.14 ** (index / 24)));
    expect(falling.findings).toEqual([]);
    const halved = convert(around((index) => (index < 12 ? 80 : 40)));
    expect([halved.conversion.convert(1, hour(11)), halved.conversion.convert(1, hour(12))]).toEqual([0.8, 0.4]);
    expect(halved.findings).toEqual([]);
  });

  test('are certain once they reach 35 h beyond the day, where not all are of one level', () => {
    const upTo = (last: number) => around((index) => (index === 20 ? 160 : 80)).filter(([at]) => at <= hour(last));
    expect(convert(upTo(59)).conversion).toMatchObject({ isCertain: true, isDecided: true, windowFrom: hour(-36) });
    expect(convert(upTo(58)).conversion).toMatchObject({ isCertain: false, isDecided: false });
  });
});

describe('a converted sample', () => {
  const { conversion } = convert([
    [hour(0), 200],
    [hour(1), 225],
    [hour(6), 210],
  ]);

  test('takes the rate of the nearest moment, the earlier one of two', () => {
    expect([29, 30, 31].map((minutes) => conversion.convert(10, hour(0, minutes)))).toEqual([20, 20, 22.5]);
  });

  test('has no price where no rate is within 90 minutes', () => {
    const moments = [-91, -90, 150, 151, 450, 480].map((minutes) => conversion.convert(1, hour(0, minutes)));
    expect(moments).toEqual([null, 2, 2.25, null, 2.1, null]);
  });

  test('is outside without a rate; rejected ones keep their reason, and caps are unknown', () => {
    const samples = samplesOf([
      [hour(1), 10],
      [hour(4), 10],
      [hour(6), null],
    ]);
    const asked = { window: WINDOW, gapDays: ['2026-05-12'] };
    const { prices, rejected, outsideCount } = aggregate(samples, asked, hour(100), () => conversion);
    expect(prices).toMatchObject([{ average: 22.5, sampleCount: 1, marketCap: null, volume: 112.5 }]);
    expect(rejected).toEqual([{ observedAt: hour(6), price: null, reason: 'not_a_number' }]);
    expect(outsideCount).toBe(1);
  });
});

test('latest prices whose rate is over 0.5 % from the first coin’s are told', () => {
  const of = (coin: string, usd: number, eur: number) => [
    { coin, currency: 'usd', price: usd },
    { coin, currency: 'eur', price: eur },
  ];
  const latest = [...of('bitcoin', 100, 80), ...of('ark', 1, 0.8039), ...of('dogecoin', 2, 1.62)];
  const lonely = { coin: 'lonely', currency: 'eur', price: 5 };
  expect(judgeLatestRates([...latest, lonely], { coin: 'bitcoin', currency: 'usd' })).toEqual([
    {
      ...{ rule: 'cross_rate', severity: 'warning', coin: 'dogecoin', currency: 'eur', day: null },
      detail:
        'The latest prices of dogecoin give a rate of 0.81 from usd to eur, those of bitcoin 0.8: 1.25 % apart, ' +
        'so that prices by cross rates are as far off',
    },
  ]);
});
