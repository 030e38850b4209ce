import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { aggregate } from '../../../ingestion/domain/aggregation.ts';
import type { Samples } from '../../../ingestion/domain/daily-price.ts';
import {
  addDays,
  DAY_MS,
  type Day,
  dayOf,
  daysFrom,
  endOf,
  HOUR_MS,
  type Instant,
  startOf,
} from '../../../ingestion/domain/day.ts';
import { median } from '../../../ingestion/domain/outliers.ts';
import type { PlannedWindow } from '../../../ingestion/domain/planning.ts';

const DAY = '2026-05-12';
const LATER = endOf(DAY) + 4 * DAY_MS;

const windowFor = (first: Day, last = first): PlannedWindow => ({
  window: { from: startOf(first) - 36 * HOUR_MS, to: endOf(last) + 36 * HOUR_MS },
  gapDays: daysFrom(first, last) as [Day, ...Day[]],
});

const samplesOf = (prices: Samples['prices'], rest: Partial<Samples> = {}): Samples => ({
  prices,
  marketCaps: prices.map(([at]) => [at, 7e11]),
  volumes: prices.map(([at]) => [at, 3e10]),
  ...rest,
});

/** One price an hour, 90 s past each hour of the day. */
const hourly = (day: Day, price: (hour: number) => unknown, hours = 24): [Instant, unknown][] =>
  Array.from({ length: hours }, (_, hour) => [startOf(day) + hour * HOUR_MS + 90_000, price(hour)]);

const oneDay = (prices: Samples['prices'], receivedAt = LATER) =>
  aggregate(samplesOf(prices), windowFor(DAY), receivedAt);

describe('the row of a day', () => {
  test('open, high, low, close and average come from the samples in time order, whatever order they arrive in', () => {
    const prices = hourly(DAY, (hour) => 100 + ((hour * 7) % 24));
    const { prices: rows } = oneDay([...prices].reverse());
    const [firstSampleAt, lastSampleAt] = [startOf(DAY) + 90_000, startOf(DAY) + 23 * HOUR_MS + 90_000];
    expect(rows).toMatchObject([
      {
        ...{ day: DAY, open: 100, high: 123, low: 100, close: 117, average: 111.5, isSettled: true, isFinal: true },
        ...{ sampleCount: 24, hoursCovered: 24, firstSampleAt, lastSampleAt },
      },
    ]);
  });

  test('an hour with two samples weighs as much as any other', () => {
    const prices = hourly(DAY, (hour) => (hour === 0 ? 100 : 200), 2);
    const second: [Instant, unknown] = [startOf(DAY) + 30 * 60_000, 140];
    expect(oneDay([...prices, second]).prices[0]).toMatchObject({ average: 160, sampleCount: 3, hoursCovered: 2 });
  });

  test('volume and cap are those of the last sample, joined by timestamp and never by index', () => {
    const prices = hourly(DAY, () => 5, 3);
    const last = prices[2]?.[0] ?? 0;
    const shorter = samplesOf(prices, { volumes: [[last, 42]], marketCaps: [[last, 0]] });
    expect(aggregate(shorter, windowFor(DAY), LATER).prices[0]).toMatchObject({ volume: 42, marketCap: null });
    const withoutLast = samplesOf(prices, { volumes: [[last - HOUR_MS, 42]], marketCaps: [[last, null]] });
    expect(aggregate(withoutLast, windowFor(DAY), LATER).prices[0]).toMatchObject({ volume: null, marketCap: null });
  });

  test('a day that was not asked for is none, though the window holds all of it', () => {
    const around = [-1, 0, 1, 2].flatMap((days) => hourly(addDays(DAY, days), () => 1));
    const request: PlannedWindow = { ...windowFor(DAY, addDays(DAY, 2)), gapDays: [DAY, addDays(DAY, 2)] };
    const { prices, outsideCount } = aggregate(samplesOf(around), request, LATER + 4 * DAY_MS);
    expect(prices.map(({ day, isFinal }) => [day, isFinal])).toEqual([
      [DAY, true],
      [addDays(DAY, 2), true],
    ]);
    expect(outsideCount).toBe(48);
  });

  test('today and an unsettled yesterday are written, provisional, when they begin inside the window', () => {
    const now = startOf(DAY) + HOUR_MS;
    const dayBefore = addDays(DAY, -2);
    const window = { from: startOf(dayBefore) - 36 * HOUR_MS, to: now };
    const points = [...hourly(dayBefore, () => 9), ...hourly(addDays(DAY, -1), () => 9), ...hourly(DAY, () => 9, 1)];
    const { prices } = aggregate(samplesOf(points), { window, gapDays: [dayBefore] }, now);
    expect(prices.map(({ day, isFinal, isSettled }) => [day, isSettled, isFinal])).toEqual([
      [dayBefore, true, true],
      [addDays(DAY, -1), false, false],
      [DAY, false, false],
    ]);
  });
});

describe('a day that may still fill up', () => {
  const now = endOf(DAY) + 2 * HOUR_MS;
  const request: PlannedWindow = { window: { from: startOf(DAY) - 36 * HOUR_MS, to: now }, gapDays: [DAY] };
  const judged = (prices: Samples['prices'], receivedAt = now) => {
    const [row] = aggregate(samplesOf(prices), request, receivedAt).prices.filter(({ day }) => day === DAY);
    return { isThin: row?.isThin, isFinal: row?.isFinal, hours: row?.hoursCovered };
  };
  const tail: [Instant, unknown] = [now, 100];

  test.each([24, 23])('is final with %i hours, the last one among them', (hours) => {
    const prices = hourly(DAY, () => 100).slice(24 - hours);
    expect(judged([...prices, tail])).toEqual({ isThin: false, isFinal: true, hours });
  });

  test.each([23, 22])('is thin where its source is behind, with %i hours and the usual point of now', (hours) => {
    expect(judged([...hourly(DAY, () => 100, hours), tail])).toEqual({ isThin: true, isFinal: false, hours });
  });

  test('is thin with 21 hours, wherever they lie, and final with what it has after 72 h', () => {
    const prices = [...hourly(DAY, () => 100).slice(3), tail];
    expect(judged(prices)).toEqual({ isThin: true, isFinal: false, hours: 21 });
    expect(judged(prices, endOf(DAY) + 72 * HOUR_MS)).toEqual({ isThin: true, isFinal: true, hours: 21 });
  });

  test('is thin where it ends in what may be a fault, and the samples are counted', () => {
    const fault = hourly(DAY, (hour) => (hour < 22 ? 100 : 1e-7));
    expect(judged(fault)).toEqual({ isThin: true, isFinal: false, hours: 24 });
    // The price came back: the same samples are outliers.
    expect(judged([...fault, tail])).toEqual({ isThin: true, isFinal: false, hours: 22 });
    expect(judged([...hourly(DAY, () => 100), [now, 1e-7]])).toEqual({ isThin: true, isFinal: false, hours: 24 });
  });
});

describe('samples that are no prices', () => {
  test.each([
    [null, 'not_a_number', null],
    ['12.5', 'not_a_number', '12.5'],
    [0, 'not_positive', '0'],
    [-3, 'not_positive', '-3'],
    [9999, 'outlier', '9999'],
    [0.001, 'outlier', '0.001'],
  ])('%p is kept aside as %s', (price, reason, text) => {
    const { prices, rejected } = oneDay(hourly(DAY, (hour) => (hour === 5 ? price : 100)));
    expect(rejected).toEqual([{ observedAt: startOf(DAY) + 5 * HOUR_MS + 90_000, price: text, reason }]);
    expect(prices[0]).toMatchObject({ sampleCount: 23, hoursCovered: 23, high: 100, low: 100 });
  });

  test('a day of which nothing but rejected samples came has no row, and is absent', () => {
    const points = [...hourly(DAY, () => null), ...hourly(addDays(DAY, 1), () => 5)];
    const result = aggregate(samplesOf(points), windowFor(DAY, addDays(DAY, 1)), LATER + DAY_MS);
    expect(result.prices.map(({ day }) => day)).toEqual([addDays(DAY, 1)]);
    expect(result.absentDays).toEqual([DAY]);
  });
});

test('an asked day is absent once it is 72 h old, where others came; an empty answer says nothing', () => {
  const next = addDays(DAY, 1);
  const absentAt = (prices: Samples['prices'], receivedAt: Instant) =>
    aggregate(samplesOf(prices), windowFor(DAY, next), receivedAt).absentDays;
  const onlyNext = hourly(next, () => 5);
  expect(absentAt(onlyNext, endOf(DAY) + 72 * HOUR_MS)).toEqual([DAY]);
  expect(absentAt(onlyNext, endOf(DAY) + 72 * HOUR_MS - 1)).toEqual([]);
  expect(absentAt([], LATER)).toEqual([]);
});

describe('for any samples', () => {
  const base = startOf(DAY);
  const prices = fc.oneof(
    fc.double({ noNaN: true }),
    fc.double({ min: 1, max: 2, noNaN: true }),
    fc.constantFrom<unknown>(null, '1', true, 0, -0, 5e-324, Number.MAX_VALUE),
  );
  const points = fc.array(fc.tuple(fc.integer({ min: base - 2 * DAY_MS, max: base + 3 * DAY_MS }), prices), {
    maxLength: 120,
  });
  const request = windowFor(DAY, addDays(DAY, 1));

  test('every distinct sample is exactly one of counted, rejected and outside', () => {
    fc.assert(
      fc.property(points, (list) => {
        const distinct = new Set(list.map(([at, price]) => `${at} ${typeof price} ${Object.is(price, -0) ? 0 : price}`))
          .size;
        const { prices: rows, rejected, outsideCount } = aggregate(samplesOf(list), request, LATER);
        const counted = rows.reduce((sum, { sampleCount }) => sum + sampleCount, 0);
        expect(counted + rejected.length + outsideCount).toBe(distinct);
      }),
    );
  });

  test('order and repeats do not matter', () => {
    const repeated = (list: [number, unknown][]) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray([...list, ...list], { minLength: list.length * 2 }));
    fc.assert(
      fc.property(points.chain(repeated), ([list, shuffled]) => {
        expect(aggregate(samplesOf(shuffled), request, LATER)).toEqual(aggregate(samplesOf(list), request, LATER));
      }),
    );
  });

  test('low ≤ open, close, average ≤ high, and all are positive and finite', () => {
    const positive = fc.double({ min: 5e-324, max: Number.MAX_VALUE, noNaN: true });
    const dense = fc.array(fc.tuple(fc.integer({ min: base, max: base + DAY_MS - 1 }), positive), {
      minLength: 1,
      maxLength: 80,
    });
    fc.assert(
      fc.property(dense, (list) => {
        for (const { low, high, open, close, average } of aggregate(samplesOf(list), request, LATER).prices) {
          for (const value of [open, close, average]) {
            expect(value).toBeGreaterThanOrEqual(low);
            expect(value).toBeLessThanOrEqual(high);
          }
          expect(low).toBeGreaterThan(0);
          expect(Number.isFinite(high)).toBe(true);
        }
      }),
    );
  });

  test('24 equal prices average to that price, to the last digit', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 1e9, noNaN: true }), (price) => {
        expect(oneDay(hourly(DAY, () => price)).prices[0]?.average).toBe(price);
      }),
    );
  });

  test('the hourly means that rates are judged by are those that the average is made of', () => {
    fc.assert(
      fc.property(points, (list) => {
        const { prices: rows, hourlyMeans } = aggregate(samplesOf(list), request, LATER);
        for (const row of rows) {
          const ofDay = [...hourlyMeans.keys()].filter((hour) => dayOf(hour * HOUR_MS) === row.day);
          expect(ofDay).toHaveLength(row.hoursCovered);
        }
      }),
    );
  });
});

test('the median of an even number of values is the mean of the middle two', () => {
  expect([median([3]), median([4, 1]), median([9, 1, 2])]).toEqual([3, 2.5, 2]);
});
