import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  addDays,
  countDays,
  DAY_MS,
  type Day,
  dayOf,
  daysFrom,
  endOf,
  HOUR_MS,
  lastSettledDay,
  startOf,
} from '../../../ingestion/domain/day.ts';
import { expectedSpan, firstAvailableDay, planWindows, trackedSince } from '../../../ingestion/domain/planning.ts';

const NOW = Date.parse('2026-11-23T02:00:07.654Z');
const HISTORY = 365;
const iso = (at: number) => new Date(at).toISOString();

/** Gap days of the last year, all settled, ascending and distinct. */
const gapLists = fc
  .uniqueArray(fc.integer({ min: 1, max: HISTORY - 1 }), { maxLength: 60 })
  .map((ages) => ages.map((age) => addDays(dayOf(NOW), -age)).sort());

describe('the windows of a plan', () => {
  test('a daily run asks for one day with its margin: the last 72 h', () => {
    const [planned, ...others] = planWindows(['2026-11-22'], NOW, HISTORY);
    expect(others).toEqual([]);
    expect(planned?.gapDays).toEqual(['2026-11-22']);
    expect([iso(planned?.window.from ?? 0), iso(planned?.window.to ?? 0)]).toEqual([
      '2026-11-20T02:00:07.000Z',
      '2026-11-23T02:00:07.000Z',
    ]);
  });

  test('an old day gets a whole day of margin on both sides', () => {
    const [planned] = planWindows(['2026-10-10'], NOW, HISTORY);
    expect([iso(planned?.window.from ?? 0), iso(planned?.window.to ?? 0)]).toEqual([
      '2026-10-09T00:00:00.000Z',
      '2026-10-12T00:00:00.000Z',
    ]);
  });

  test.each([
    [87, 1],
    [88, 2],
    [174, 2],
    [175, 3],
    [364, 5],
  ])('%i days in a row take %i requests', (count, requests) => {
    const last = '2026-11-22';
    expect(planWindows(daysFrom(addDays(last, 1 - count), last), NOW, HISTORY)).toHaveLength(requests);
  });

  test('the oldest day that the plan reaches is asked for within the plan’s history', () => {
    const oldest = firstAvailableDay(NOW, HISTORY);
    const [planned] = planWindows([oldest], NOW, HISTORY);
    expect(planned?.window.from).toBeGreaterThan(NOW - HISTORY * DAY_MS);
    expect(planned?.window.from).toBeLessThanOrEqual(startOf(oldest));
  });

  test('for any gaps: each is covered once, whole, by a window that CoinGecko answers hourly', () => {
    fc.assert(
      fc.property(gapLists, (gaps) => {
        const planned = planWindows(gaps, NOW, HISTORY);
        expect(planned.flatMap(({ gapDays }) => gapDays)).toEqual(gaps);
        for (const { window, gapDays } of planned) {
          const hours = (window.to - window.from) / HOUR_MS;
          expect(hours).toBeGreaterThanOrEqual(72);
          expect(hours).toBeLessThanOrEqual(90 * 24 - 1);
          expect(window.to).toBeLessThanOrEqual(NOW);
          for (const day of gapDays) {
            expect(window.from).toBeLessThanOrEqual(startOf(day));
            expect(window.to).toBeGreaterThanOrEqual(endOf(day));
          }
        }
      }),
    );
  });

  test('for any gaps: no fewer requests could cover them', () => {
    fc.assert(
      fc.property(gapLists, (gaps) => {
        expect(planWindows(gaps, NOW, HISTORY)).toHaveLength(fewestWindows(gaps));
      }),
    );
  });
});

/** By dynamic programming over all ways to cut the list, where the plan itself is greedy. */
function fewestWindows(gaps: readonly Day[]): number {
  const fewest = [0];
  for (let end = 1; end <= gaps.length; end += 1) {
    const last = gaps[end - 1] ?? '';
    const options = gaps
      .slice(0, end)
      .flatMap((first, start) => (countDays(first, last) <= 87 ? [(fewest[start] ?? 0) + 1] : []));
    fewest.push(Math.min(...options));
  }
  return fewest[gaps.length] ?? 0;
}

describe('what a run expects', () => {
  const span = (dueAt: string, request = {}, since = '2026-10-24', historyDays = HISTORY) =>
    expectedSpan(since, { dueAt: Date.parse(dueAt), request, historyDays });

  test('a new series expects the 30 days before its first run', () => {
    const since = trackedSince(NOW);
    const expected = span(iso(NOW), {}, since);
    expect(expected).toEqual({ first: '2026-10-24', last: '2026-11-22' });
    expect(countDays(since, '2026-11-22')).toBe(30);
  });

  test('yesterday is expected from 01:15 UTC', () => {
    expect(span('2026-11-23T01:14:59Z')?.last).toBe('2026-11-21');
    expect(span('2026-11-23T01:15:00Z')?.last).toBe('2026-11-22');
  });

  test('the horizon is cut to the plan’s history', () => {
    expect(span(iso(NOW), {}, '2020-01-01')?.first).toBe('2025-11-24');
    expect(span(iso(NOW), {}, '2020-01-01', 730)?.first).toBe('2024-11-24');
  });

  test('a request expects its own days, as far as they are settled', () => {
    expect(span(iso(NOW), { from: '2026-01-01', to: '2026-01-03' })).toEqual({
      first: '2026-01-01',
      last: '2026-01-03',
    });
    expect(span('2026-11-23T00:30:00Z', { from: '2026-11-20', to: '2026-11-22' })?.last).toBe('2026-11-21');
    expect(span('2026-11-23T00:30:00Z', { from: '2026-11-22', to: '2026-11-22' })).toBeNull();
  });

  test('at any time of the day the last expected day is settled and the next is not', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: DAY_MS - 1 }), (timeOfDay) => {
        const dueAt = Date.parse('2026-11-23') + timeOfDay;
        expect(expectedSpan('2026-10-24', { dueAt, request: {}, historyDays: HISTORY })?.last).toBe(
          lastSettledDay(dueAt),
        );
      }),
    );
  });
});
