import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { RunRequest } from '../../../ingestion/contract/run-request.ts';
import { DAY_MS, type DaySpan, daysFrom, lastSettledDay, mergeSpans, spansOf } from '../../../ingestion/domain/day.ts';
import { expectedDays, firstAvailableDay, isFullRun, trackedSince } from '../../../ingestion/domain/expected-days.ts';

const NOW = Date.parse('2026-11-23T02:00:07Z');

type Case = { dueAt?: string; request?: RunRequest; since?: string; historyDays?: number; requested?: DaySpan[] };
const expectedOf = ({ dueAt, request = {}, since = trackedSince(NOW), historyDays = 365, requested = [] }: Case = {}) =>
  expectedDays(
    { trackedSince: since, requested },
    { dueAt: dueAt === undefined ? NOW : Date.parse(dueAt), request, historyDays },
  );
const spans = (days: Case) => expectedOf(days).expected;

describe('what a run expects', () => {
  test('30 days before the series was opened, to yesterday', () => {
    expect(spans({})).toEqual([{ first: '2026-10-24', last: '2026-11-22' }]);
    expect(spans({ dueAt: '2026-11-23T01:14:59Z' })).toEqual([{ first: '2026-10-24', last: '2026-11-21' }]);
  });

  test('no more than the history of the plan, and no day before hourly prices began', () => {
    expect(spans({ since: '2020-01-01' })[0]?.first).toBe('2025-11-25');
    expect(spans({ since: '2016-01-01', historyDays: 36_500 })[0]?.first).toBe('2018-01-30');
    expect(firstAvailableDay(NOW, 730)).toBe('2024-11-25');
  });

  test('the days of a request and no others, as far as they are settled', () => {
    const request = { from: '2026-01-01', to: '2026-01-03' };
    const requested = [{ first: '2026-02-01', last: '2026-02-02' }];
    expect(spans({ request, requested })).toEqual([{ first: '2026-01-01', last: '2026-01-03' }]);
    const dueAt = '2026-11-23T00:30:00Z';
    expect(spans({ dueAt, request: { from: '2026-11-20', to: '2026-11-22' } })[0]?.last).toBe('2026-11-21');
    expect(spans({ dueAt, request: { from: '2026-11-22', to: '2026-11-22' } })).toEqual([]);
  });

  test('what was asked for by hand before, joined with the horizon where they touch', () => {
    const requested = [
      { first: '2026-10-01', last: '2026-10-30' },
      { first: '2026-01-01', last: '2026-01-31' },
      { first: '2026-01-15', last: '2026-02-03' },
    ];
    expect(spans({ requested })).toEqual([
      { first: '2026-01-01', last: '2026-02-03' },
      { first: '2026-10-01', last: '2026-11-22' },
    ]);
  });

  test('of that nothing beyond the history: those days are named as aged out', () => {
    const requested = [{ first: '2025-11-01', last: '2025-12-01' }];
    expect(expectedOf({ requested })).toEqual({
      expected: [
        { first: '2025-11-25', last: '2025-12-01' },
        { first: '2026-10-24', last: '2026-11-22' },
      ],
      agedOut: [{ first: '2025-11-01', last: '2025-11-24' }],
    });
  });

  test('at any time of the day its last day is settled and the next is not', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: DAY_MS - 1 }), (timeOfDay) => {
        const dueAt = Date.parse('2026-11-23') + timeOfDay;
        expect(spans({ dueAt: new Date(dueAt).toISOString() }).at(-1)?.last).toBe(lastSettledDay(dueAt));
      }),
    );
  });
});

test.each<[RunRequest, boolean]>([
  [{}, true],
  [{ refetch: true }, true],
  [{ coins: ['bitcoin'] }, false],
  [{ currencies: ['usd'] }, false],
  [{ from: '2026-01-01', to: '2026-01-02' }, false],
])('a run of %j is a full run: %p', (request, isFull) => {
  expect(isFullRun(request)).toBe(isFull);
});

test('merged spans hold the same days, in the fewest spans', () => {
  const day = fc.integer({ min: 1, max: 28 }).map((number) => `2026-02-${String(number).padStart(2, '0')}`);
  const span = fc.tuple(day, day).map(([a, b]) => (a < b ? { first: a, last: b } : { first: b, last: a }));
  const daysIn = (all: readonly DaySpan[]) => all.flatMap(({ first, last }) => daysFrom(first, last));
  fc.assert(
    fc.property(fc.array(span), (all) => {
      const merged = mergeSpans(all);
      const days = [...new Set(daysIn(all))].sort();
      expect(daysIn(merged)).toEqual(days);
      expect(merged).toEqual(spansOf(days));
    }),
  );
});
