import { expect, test } from '@jest/globals';
import { comparePrices } from '../../local/cli/compare-prices.ts';

const DAYS = Array.from({ length: 8 }, (_, index) => `2026-01-0${index + 1}`);
const stored = DAYS.map((day) => ({ day, low: 95, high: 110, average: 100, close: 105 }));
const file = (...prices: number[]) => prices.map((price, index) => ({ day: DAYS[index] ?? '', price: String(price) }));

test.each<[string, number[], number, number]>([
  ['prices within the day, or a little beside', [95, 110, 91, 115, 100, 105], 0, 1],
  ['two days of eight may be faults', [100, 100, 100, 100, 100, 100, 1, 1000], 0, 1],
  ['three may not', [100, 100, 100, 100, 100, 1, 1, 1000], 3, 0.01],
  ['a hundred times', [10_000, 9_900, 11_000], 3, 100],
  ['another currency', [85, 87, 86], 3, 0.86],
  ['another coin', [0.1, 0.12, 0.13, 0.12, 0.1], 5, 0.0012],
])('%s', (_, prices, other, factor) => {
  const comparison = comparePrices(file(...prices), stored);
  expect({ ...comparison, other: comparison.other.length }).toEqual({
    ...{ overlap: prices.length, other, seam: null },
    factor: expect.closeTo(factor, 10),
  });
});

test.each<[string, string, string, object | null]>([
  ['before, and near', '2025-12-31', '10', null],
  ['before, and far', '2025-12-31', '9.9', { day: '2025-12-31', storedDay: '2026-01-01', stored: 100 }],
  ['behind, and near', '2026-01-09', '1000', null],
  ['behind, and far', '2026-02-09', '1001', { day: '2026-02-09', storedDay: '2026-01-08', stored: 100 }],
])('without an overlap the seam counts: %s', (_, day, price, seam) => {
  const comparison = comparePrices([{ day, price }], stored);
  expect(comparison).toMatchObject({ overlap: 0, other: [], seam });
});

test('without anything stored there is nothing to say', () => {
  expect(comparePrices(file(1, 2), [])).toEqual({ overlap: 0, factor: 1, other: [], seam: null });
});
