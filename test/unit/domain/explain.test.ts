import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { aggregate } from '../../../ingestion/domain/aggregation.ts';
import type { Samples } from '../../../ingestion/domain/daily-price.ts';
import { DAY_MS, endOf, HOUR_MS, type Instant, startOf } from '../../../ingestion/domain/day.ts';
import type { PlannedWindow } from '../../../ingestion/domain/planning.ts';
import { differences, explainDay } from '../../../ingestion/replay/explain-day.ts';

const DAY = '2026-05-12';
const PLANNED: PlannedWindow = { window: { from: startOf(DAY) - DAY_MS, to: endOf(DAY) + DAY_MS }, gapDays: [DAY] };
const RECEIVED_AT = endOf(DAY) + 4 * DAY_MS;

const samplesOf = (prices: Samples['prices']): Samples => ({
  prices,
  marketCaps: prices.map(([at]) => [at, 7e11]),
  volumes: prices.map(([at]) => [at, 3e10]),
});
const remade = (prices: Samples['prices']) => ({
  samples: samplesOf(prices),
  window: PLANNED.window,
  receivedAt: RECEIVED_AT,
  conversionOn: undefined,
});
const explain = (prices: Samples['prices']) => explainDay(remade(prices), DAY);

/** One price an hour over the window, 90 s past each hour. @param hour 0 is 00:00 of the day; -24 to 47. */
const hourly = (price: (hour: number) => unknown): [Instant, unknown][] =>
  Array.from({ length: 72 }, (_, index) => [startOf(DAY) + (index - 24) * HOUR_MS + 90_000, price(index - 24)]);

describe('an explanation', () => {
  test('shows the samples and the mean of each hour, and the mean of these', () => {
    const half: [Instant, unknown] = [startOf(DAY) + HOUR_MS / 2, 140];
    const { hours, meanOfHours } = explain([...hourly((hour) => (hour === 0 ? 100 : 240)), half]);
    expect(hours).toHaveLength(24);
    expect(hours[0]).toEqual({
      hour: 0,
      mean: 120,
      samples: [
        { at: startOf(DAY) + 90_000, price: 100 },
        { at: startOf(DAY) + HOUR_MS / 2, price: 140 },
      ],
    });
    expect(meanOfHours).toBe(235);
  });

  test('comes to the row of the aggregation, to the last digit, whatever the samples are', () => {
    const value = fc.oneof(
      { weight: 8, arbitrary: fc.double({ min: 1e-9, max: 1e9, noNaN: true }) },
      { weight: 1, arbitrary: fc.constantFrom(0, -1, null, 'text', Number.NaN) },
    );
    const moment = fc.integer({ min: PLANNED.window.from, max: PLANNED.window.to - 1 });
    const points = fc.array(fc.tuple(moment, value), { maxLength: 120 });
    fc.assert(
      fc.property(points, (prices) => {
        const { hours, meanOfHours, price } = explain(prices);
        const row = aggregate(samplesOf(prices), PLANNED, RECEIVED_AT).prices.find(({ day }) => day === DAY);
        expect(price).toEqual(row ?? null);
        expect(meanOfHours === null).toBe(row === undefined);
        const counted = hours.flatMap(({ samples }) => samples);
        if (row === undefined || meanOfHours === null) return;
        expect(Math.min(row.high, Math.max(row.low, meanOfHours))).toBe(row.average);
        expect(hours).toHaveLength(row.hoursCovered);
        expect(counted).toHaveLength(row.sampleCount);
        expect([counted[0]?.price, counted.at(-1)?.price]).toEqual([row.open, row.close]);
      }),
    );
  });
});

test('a stored row differs by field, down to the last bit', () => {
  const { price } = explain(hourly((hour) => 100 + hour / 7));
  if (price === null) throw new Error('24 hours make a row');
  expect(differences(price, price)).toEqual([]);
  const average = price.average * (1 + Number.EPSILON);
  expect(differences({ ...price, average, isThin: true }, price)).toEqual([
    { field: 'average', stored: average, explained: price.average },
    { field: 'isThin', stored: true, explained: false },
  ]);
});
