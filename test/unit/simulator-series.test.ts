import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { type Chart, formatChart, type Granularity } from '../../simulator/chart.ts';
import {
  type ChartRequest,
  type History,
  type SyntheticSource,
  syntheticChart,
} from '../../simulator/synthetic-chart.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../simulator/time.ts';

const calm: SyntheticSource = { seed: 1, disturbedShare: 0, history: {} };
const startAt = Date.parse('2026-01-01T00:00:00Z');

const chartOf = (request: Partial<ChartRequest> = {}, source: Partial<SyntheticSource> = {}): Chart =>
  syntheticChart(
    { ...calm, ...source },
    {
      coin: 'bitcoin',
      currency: 'usd',
      span: { from: startAt, to: startAt + 30 * DAY_MS },
      granularity: 'hourly',
      tailAt: null,
      ...request,
    },
  );

const pricesOf = (chart: Chart): number[] => chart.prices.map(([, price]) => price ?? Number.NaN);
const timesOf = (chart: Chart): number[] => chart.prices.map(([at]) => at);
const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);
const hourOf = (at: number): number => Math.floor(at / HOUR_MS);
const spread = (values: readonly number[]): number => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
};

describe('a made-up series', () => {
  test('has the same samples for the same moments, whatever window is asked for', () => {
    const minutes = fc.integer({ min: 0, max: 60 * 24 * 60 });
    fc.assert(
      fc.property(fc.constantFrom<Granularity[]>('5min', 'hourly', 'daily'), minutes, minutes, (granularity, a, b) => {
        const wide = { from: startAt, to: startAt + 60 * DAY_MS };
        const narrow = { from: startAt + Math.min(a, b) * MINUTE_MS, to: startAt + Math.max(a, b) * MINUTE_MS };
        const source = { disturbedShare: 0.3 };
        const cut = chartOf({ span: wide, granularity }, source).prices.filter(
          ([at]) => at >= narrow.from && at < narrow.to,
        );
        expect(chartOf({ span: narrow, granularity }, source).prices).toEqual(cut);
      }),
      { numRuns: 30 },
    );
  });

  test('differs by seed and by coin', () => {
    const prices = pricesOf(chartOf());
    expect(pricesOf(chartOf({}, { seed: 2 }))).not.toEqual(prices);
    expect(pricesOf(chartOf({ coin: 'litecoin' }))).not.toEqual(prices);
  });

  test.each([
    ['bitcoin', 90_000],
    ['dogecoin', 0.15],
  ])('keeps %s within a factor of 4 of %d US dollars for three years', (coin, level) => {
    const span = { from: startAt - 3 * 365 * DAY_MS, to: startAt };
    const prices = pricesOf(chartOf({ coin, span, granularity: 'daily' }));
    expect(prices).toHaveLength(3 * 365);
    expect(Math.min(...prices)).toBeGreaterThan(level / 4);
    expect(Math.max(...prices)).toBeLessThan(level * 4);
  });

  test('moves by 0.3 to 0.8 % an hour and 1.5 to 4 % a day, and never stands still', () => {
    for (const [granularity, low, high] of [
      ['hourly', 0.003, 0.008],
      ['daily', 0.015, 0.04],
    ] as const) {
      const prices = pricesOf(chartOf({ span: { from: startAt, to: startAt + 300 * DAY_MS }, granularity }));
      const returns = prices.slice(1).map((price, index) => Math.log(price / (prices[index] ?? price)));
      expect(spread(returns)).toBeGreaterThan(low);
      expect(spread(returns)).toBeLessThan(high);
      expect(returns).not.toContain(0);
    }
  });

  test('in another currency is the US dollar series times one rate per moment, the same for all coins', () => {
    const ratesOf = (coin: string): number[] => {
      const [usd, eur] = [chartOf({ coin }), chartOf({ coin, currency: 'eur' })];
      expect(timesOf(eur)).toEqual(timesOf(usd));
      const [prices, caps, volumes] = (['prices', 'market_caps', 'total_volumes'] as const).map((name) =>
        eur[name].map(([, value], index) => (value ?? 0) / (usd[name][index]?.[1] ?? 0)),
      );
      const isOneRate = (rate: number, index: number) =>
        Math.abs((caps?.[index] ?? 0) / rate - 1) < 1e-12 && Math.abs((volumes?.[index] ?? 0) / rate - 1) < 1e-12;
      expect(prices?.every(isOneRate)).toBe(true);
      return prices ?? [];
    };
    const bitcoin = ratesOf('bitcoin');
    const solana = ratesOf('solana');
    expect(Math.max(...bitcoin) / Math.min(...bitcoin)).toBeGreaterThan(1.001);
    // Their samples lie minutes apart, in which the rate hardly moves.
    expect(Math.max(...bitcoin.map((rate, index) => Math.abs((solana[index] ?? 0) / rate - 1)))).toBeLessThan(0.002);
  });

  test('gives a coin it does not know a level of its own, with small prices in exponent form', () => {
    const coins = Array.from({ length: 50 }, (_, index) => `coin-${index}`);
    const bodies = coins.map((coin) => formatChart(chartOf({ coin, span: { from: startAt, to: startAt + DAY_MS } })));
    expect(new Set(bodies).size).toBe(50);
    const small = bodies.find((body) => /\[\d+,[\d.]+e-0\d\]/.test(body)) ?? '';
    const [first] = JSON.parse(small).prices;
    expect(first[1]).toBeGreaterThan(0);
    expect(first[1]).toBeLessThan(0.0001);
  });
});

describe('its irregularities', () => {
  const year = { from: startAt - 365 * DAY_MS, to: startAt };

  test('are absent from a calm source, but for samples up to 10 min past the hour', () => {
    const times = timesOf(chartOf({ span: year }));
    expect(times).toHaveLength(365 * 24);
    const offsets = times.map((at) => at % HOUR_MS);
    expect(Math.max(...offsets)).toBeGreaterThan(5 * MINUTE_MS);
    expect(Math.max(...offsets)).toBeLessThan(10 * MINUTE_MS);
  });

  test('are days of 22, 25 and 27 samples, days of 21 hours, and samples at 57 min, in ascending order', () => {
    const times = timesOf(chartOf({ span: year }, { disturbedShare: 0.2 }));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    const byDay = Map.groupBy(times, dayOf);
    const counts = new Set(Array.from(byDay.values(), (day) => day.length));
    expect([...counts].sort()).toEqual([22, 24, 25, 27].filter((count) => counts.has(count)));
    expect([22, 25, 27].filter((count) => !counts.has(count))).toEqual([]);
    const hours = Array.from(byDay.values(), (day) => new Set(day.map(hourOf)).size);
    expect(Math.min(...hours)).toBe(21);
    expect(times.some((at) => at % HOUR_MS >= 57 * MINUTE_MS)).toBe(true);
  });

  test('are market caps that are null, 0 or left out, in all currencies alike', () => {
    const caps = chartOf({ span: year }, { disturbedShare: 0.2 }).market_caps;
    const values = caps.map(([, cap]) => cap);
    expect(values).toContain(null);
    expect(values).toContain(0);
    const chart = chartOf({ span: year, currency: 'eur' }, { disturbedShare: 0.2 });
    expect(chart.market_caps.map(([at]) => at)).toEqual(caps.map(([at]) => at));
    expect(chart.market_caps.length).toBeLessThan(chart.prices.length);
    expect(chart.total_volumes.length).toBe(chart.prices.length);
    expect(formatChart(chart)).toMatch(/"market_caps":.*,null\].*,0\.0\]|"market_caps":.*,0\.0\].*,null\]/);
  });

  test('are tails that stand after a younger sample, repeating its values', () => {
    let found = 0;
    for (let minute = 0; minute < 60; minute++) {
      const tailAt = startAt + 20 * MINUTE_MS + minute * MINUTE_MS + 500;
      const span = { from: tailAt - DAY_MS, to: tailAt };
      const { prices } = chartOf({ span, tailAt, granularity: '5min' }, { disturbedShare: 0.1 });
      const [last, tail] = prices.slice(-2);
      if (!last || !tail) throw new Error('expected two samples');
      expect(tail[0] % 1000).toBe(0);
      if (tail[0] > last[0]) continue;
      expect(tail[1]).toBe(last[1]);
      expect(last[0] - tail[0]).toBeLessThan(1000);
      found++;
    }
    expect(found).toBeGreaterThan(0);
    expect(found).toBeLessThan(60);
  });
});

describe('its history', () => {
  const daysOf = (history: History, request: Partial<ChartRequest> = {}): Set<string> =>
    new Set(timesOf(chartOf(request, { history })).map(dayOf));

  test('leaves out days without data, of one coin and, where it says so, one currency', () => {
    const history = { daysWithoutData: [{ coin: 'bitcoin', currency: 'eur', day: '2026-01-05' }] };
    expect(daysOf(history, { currency: 'eur' }).has('2026-01-05')).toBe(false);
    expect(daysOf(history, { currency: 'eur' }).size).toBe(29);
    expect(daysOf(history).size).toBe(30);
    expect(daysOf({ daysWithoutData: [{ coin: 'bitcoin', day: '2026-01-05' }] }).size).toBe(29);
    expect(daysOf({ daysWithoutData: [{ coin: 'litecoin', day: '2026-01-05' }] }).size).toBe(30);
  });

  test('leaves out single hours of a day', () => {
    const history = { daysWithoutData: [{ coin: 'bitcoin', day: '2026-01-05', hours: [0, 23] }] };
    const times = timesOf(chartOf({}, { history }));
    expect(times).toHaveLength(30 * 24 - 2);
    expect(times.filter((at) => dayOf(at) === '2026-01-05').map((at) => new Date(at).getUTCHours())).toEqual(
      Array.from({ length: 22 }, (_, index) => index + 1),
    );
  });

  test('begins on the day a coin was listed', () => {
    const days = daysOf({ listedSince: { bitcoin: '2026-01-10' } });
    expect([...days].sort()[0]).toBe('2026-01-10');
    expect(days.size).toBe(21);
  });

  test('is revised by a factor from a day on, for the series named', () => {
    const before = chartOf();
    const after = chartOf({}, { history: { revision: { coin: 'bitcoin', from: '2026-01-10', factor: 2 } } });
    const factors = after.prices.map(([, price], index) => (price ?? 0) / (before.prices[index]?.[1] ?? 0));
    expect(factors).toEqual(timesOf(after).map((at) => (dayOf(at) < '2026-01-10' ? 1 : 2)));
    const other = { revision: { coin: 'bitcoin', currency: 'eur', from: '2026-01-10', factor: 2 } };
    expect(chartOf({}, { history: other })).toEqual(before);
  });
});
