import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HOUR_MS, MINUTE_MS, startOf } from '../../../ingestion/domain/day.ts';
import { findOutliers, judgeDay, type PriceSample } from '../../../ingestion/domain/outliers.ts';

const DAY = '2026-05-12';
const START = startOf(DAY);

/** A sample an hour, at about the hour. */
const hourly = (prices: readonly number[]): PriceSample[] =>
  prices.map((price, hour) => ({ at: START + hour * HOUR_MS + ((hour * 7) % 50) * MINUTE_MS, price }));
const level = (price: number, hours: number): number[] => Array(hours).fill(price);
const rejectedHours = (samples: readonly PriceSample[]): number[] => {
  const outliers = findOutliers(samples);
  return samples.flatMap((sample, index) => (outliers.has(sample) ? [index] : []));
};

/** So many times above or below. */
const timesOff = (least: number, most: number) => {
  const factor = fc.double({ min: least, max: most, noNaN: true });
  return fc.oneof(
    factor,
    factor.map((times) => 1 / times),
  );
};

describe('a fault', () => {
  const falling = Array.from({ length: 72 }, (_, hour) => 100 * 0.99 ** hour);
  test.each<[string, readonly number[], readonly number[]]>([
    ['of samples above and below', [...level(5, 30), 7e-36, 900, 7e-36, 0.001, ...level(5, 30)], [30, 31, 32, 33]],
    ['that comes twice on a day', [...level(5, 30), 600, ...level(5, 6), 600, 0.01, ...level(5, 30)], [30, 37, 38]],
    ['while the price falls by half', falling.with(40, 1e-6).with(41, 1e-6), [40, 41]],
    [
      'of several levels, save what is not far off from both around it',
      [...level(1, 40), ...level(30, 4), ...level(11, 2), ...level(1.2, 40)],
      [40, 41, 42, 43],
    ],
  ])('%s is found whole, and nothing else', (_, prices, faults) => {
    expect(rejectedHours(hourly(prices))).toEqual(faults);
  });

  test('of a coin with a sample every 16 hours is found', () => {
    const sparse = level(5, 9).with(4, 80);
    expect(rejectedHours(sparse.map((price, index) => ({ at: START + index * 16 * HOUR_MS, price })))).toEqual([4]);
  });

  test('that nothing stands before, or nothing after, is counted', () => {
    expect(rejectedHours(hourly([...level(1e-7, 3), ...level(160, 48)]))).toEqual([]);
    expect(rejectedHours(hourly([...level(160, 48), ...level(1e-7, 3)]))).toEqual([]);
  });

  test('after 24 h without a sample is judged by the nearest one', () => {
    const prices = hourly([...level(1, 20), ...level(0, 24), 233, ...level(1, 30)]).filter(({ price }) => price > 0);
    expect(rejectedHours(prices)).toEqual([20]);
  });
});

describe('one day of an answer', () => {
  const judge = (prices: readonly number[], fromHour: number, windowFrom = START - 36 * HOUR_MS) => {
    const samples = prices.map((price, index) => ({ at: START + (fromHour + index) * HOUR_MS, price }));
    const { outliers, ...rest } = judgeDay(samples, DAY, windowFrom, samples.at(-1)?.at ?? 0);
    return { ...rest, count: outliers.size };
  };

  test('is judged by the samples from 36 h before it to 36 h after it, and by no others', () => {
    const around = [...level(1, 48), 50, ...level(1, 47)];
    const judged = judge(around, -36);
    expect(judged).toEqual({ count: 1, hasMargin: true, isCertain: true, isDecided: true });
    expect(judge([...level(900, 40), ...around, ...level(900, 40)], -76)).toEqual(judged);
  });

  test('is certain once a sample stands 35 h after its end, and where nothing is far off anything else', () => {
    const fault = [...level(1, 48), 50, ...level(1, 47)];
    expect(judge(fault, -36)).toMatchObject({ isCertain: true });
    expect(judge(fault.slice(0, -1), -36)).toMatchObject({ isCertain: false, isDecided: false });
    expect(judge([...level(1, 60), 9.9], -36)).toMatchObject({ isCertain: true, isDecided: true });
  });

  test('is not decided where its margin is cut and its prices are of several levels', () => {
    const cut = START - 24 * HOUR_MS;
    expect(judge([...level(1, 36), 50, ...level(1, 47)], -24, cut)).toMatchObject({
      ...{ hasMargin: false, isCertain: true, isDecided: false },
    });
    expect(judge(level(1, 84), -24, cut)).toMatchObject({ hasMargin: false, isCertain: true, isDecided: true });
  });
});

describe('a price that really moves', () => {
  const withGaps = fc.record({
    before: fc.integer({ min: 1, max: 80 }),
    after: fc.integer({ min: 1, max: 80 }),
    factor: timesOff(13, 1_000),
    jitterMinutes: fc.array(fc.integer({ min: 0, max: 59 }), { minLength: 160, maxLength: 160 }),
    drop: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 160, maxLength: 160 }),
    noise: fc.array(fc.double({ min: 0.9, max: 1.1, noNaN: true }), { minLength: 160, maxLength: 160 }),
  });

  test('to another level for good loses no sample, with jitter and a tenth of the hours missing', () => {
    fc.assert(
      fc.property(withGaps, ({ before, after, factor, jitterMinutes, drop, noise }) => {
        const samples = [...level(1, before), ...level(factor, after)]
          .map((price, hour) => ({
            at: START + hour * HOUR_MS + (jitterMinutes[hour] ?? 0) * MINUTE_MS,
            price: price * (noise[hour] ?? 1),
          }))
          .filter((_, hour) => drop[hour] !== 0);
        expect(findOutliers(samples).size).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  test('to another level loses no sample where as many samples of the old one are left', () => {
    const prices = [...level(0.9, 17), ...level(0.04, 20)].with(31, 0.0475).with(36, 0.0475);
    const missing = new Set([15, 18, 29, 30, 35]);
    const samples = hourly(prices).filter((_, hour) => !missing.has(hour));
    expect(findOutliers(samples).size).toBe(0);
  });

  const swinging = level(1e-5, 120).map((price, hour) => price * 10 ** (0.55 * Math.sin((hour / 12) * Math.PI)));
  test.each([
    ['ten times a day', swinging],
    ['in steps, each of them lasting,', [...level(1, 30), ...level(20, 30), ...level(400, 30)]],
  ])('%s keeps its samples', (_, prices) => {
    expect(rejectedHours(hourly(prices))).toEqual([]);
  });
});

test('any fault of up to 12 hours in any quiet series is rejected in whole, and nothing else', () => {
  const fault = fc.record({
    start: fc.integer({ min: 25, max: 60 }),
    length: fc.integer({ min: 1, max: 12 }),
    factor: timesOff(30, 1e12),
    noise: fc.array(fc.double({ min: 0.6, max: 1.6, noNaN: true }), { minLength: 100, maxLength: 100 }),
  });
  fc.assert(
    fc.property(fault, ({ start, length, factor, noise }) => {
      const prices = noise.map((price, hour) => (hour >= start && hour < start + length ? price * factor : price));
      expect(rejectedHours(hourly(prices))).toEqual(Array.from({ length }, (_, index) => start + index));
    }),
    { numRuns: 300 },
  );
});
