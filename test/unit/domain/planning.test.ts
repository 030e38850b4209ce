import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addDays, DAY_MS, type Day, dayOf, daysFrom, endOf, HOUR_MS, startOf } from '../../../ingestion/domain/day.ts';
import { firstAvailableDay } from '../../../ingestion/domain/expected-days.ts';
import { planWindows } from '../../../ingestion/domain/planning.ts';

const NOW = Date.parse('2026-11-23T02:00:07.654Z');
const HISTORY = 365;

/** Gap days of the last year, all settled, ascending and distinct. */
const gapLists = fc
  .uniqueArray(fc.integer({ min: 1, max: HISTORY - 2 }), { maxLength: 60 })
  .map((ages) => ages.map((age) => addDays(dayOf(NOW), -age)).sort());

describe('the windows of a plan', () => {
  test.each([
    [
      'a daily run asks for one day with its margin: the last 72 h',
      '2026-11-22',
      '2026-11-20T02:00:07Z',
      '2026-11-23T02:00:07Z',
    ],
    ['an old day gets 36 h of margin on both sides', '2026-10-10', '2026-10-08T12:00:00Z', '2026-10-12T12:00:00Z'],
  ])('%s', (_, day, from, to) => {
    const window = { from: Date.parse(from), to: Date.parse(to) };
    expect(planWindows([day], NOW, HISTORY)).toEqual([{ window, gapDays: [day] }]);
  });

  test.each([
    [88, 1],
    [89, 2],
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
    expect(planned?.window.from).toBe(startOf(oldest) - 36 * HOUR_MS);
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
            expect(window.from).toBeLessThanOrEqual(startOf(day) - 36 * HOUR_MS);
            expect(window.to).toBeGreaterThanOrEqual(Math.min(endOf(day) + 36 * HOUR_MS, NOW - 1000));
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

/** Hours from 36 h before the first to 36 h after the last, or to now. */
const widthOf = (first: Day, last: Day): number =>
  (Math.min(endOf(last) + 36 * HOUR_MS, NOW) - startOf(first)) / HOUR_MS + 36;

/** By dynamic programming over all ways to cut the list, where the plan itself is greedy. */
function fewestWindows(gaps: readonly Day[]): number {
  const fewest = [0];
  for (let end = 1; end <= gaps.length; end += 1) {
    const last = gaps[end - 1] ?? '';
    const options = gaps
      .slice(0, end)
      .flatMap((first, start) => (widthOf(first, last) <= 90 * 24 - 1 ? [(fewest[start] ?? 0) + 1] : []));
    fewest.push(Math.min(...options));
  }
  return fewest[gaps.length] ?? 0;
}
