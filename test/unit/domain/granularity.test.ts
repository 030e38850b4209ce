import { describe, expect, test } from '@jest/globals';
import type { Samples } from '../../../ingestion/domain/daily-price.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, startOf } from '../../../ingestion/domain/day.ts';
import { findWrongGranularity } from '../../../ingestion/domain/quality.ts';

const START = startOf('2026-05-12');

const at = (...stamps: number[]): Samples => ({
  prices: stamps.map((stamp) => [stamp, 1]),
  marketCaps: [],
  volumes: [],
});
const spaced = (minutes: number, count: number, from = START + 17 * MINUTE_MS) =>
  at(...Array.from({ length: count }, (_, index) => from + index * minutes * MINUTE_MS));

test.each([
  [5, 288, 'a sample every 5 minutes'],
  [5, 3, 'a sample every 5 minutes'],
  [39, 50, 'a sample every 39 minutes'],
  [40, 50, null],
  [60, 72, null],
  [120, 36, null],
  [16 * 60, 9, null],
  [24 * 60, 3, null],
])('a sample every %i minutes (%i of them): %p', (minutes, count, found) => {
  expect(findWrongGranularity(spaced(minutes, count))).toBe(found);
});

describe('daily points', () => {
  // The narrowest window of the plan, and the widest; some points of 2018 stand at 00:05.
  test.each([3, 4, 90])('%i of them at midnight are refused, with the point of now or without', (days) => {
    const midnights = Array.from({ length: days }, (_, index) => START + index * DAY_MS + (index % 2) * 5 * MINUTE_MS);
    const now = START + (days - 1) * DAY_MS + 2 * HOUR_MS;
    expect(findWrongGranularity(at(...midnights))).toMatch(/midnight/);
    expect(findWrongGranularity(at(...midnights, now))).toMatch(/midnight/);
  });

  test('with one sample elsewhere are refused however old it is; with two it is a sparse coin', () => {
    const midnights = [START, START + DAY_MS];
    expect(findWrongGranularity(at(...midnights, START + 0.5 * DAY_MS))).toMatch(/midnight/);
    expect(findWrongGranularity(at(...midnights, START + 0.5 * DAY_MS, START + 1.5 * DAY_MS))).toBeNull();
  });

  test('two samples near midnight may be chance', () => {
    expect(findWrongGranularity(at(START, START + DAY_MS))).toBeNull();
    expect(findWrongGranularity(at())).toBeNull();
  });
});
