import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  addDays,
  countDays,
  dayOf,
  daysFrom,
  endOf,
  isDay,
  lastSettledDay,
  settledAt,
  spansOf,
  startOf,
} from '../../../ingestion/domain/day.ts';

const instants = fc.integer({ min: Date.parse('2013-01-01'), max: Date.parse('2040-01-01') });

describe('days', () => {
  test('every moment lies in its UTC day, half-open', () => {
    fc.assert(
      fc.property(instants, (at) => {
        expect(startOf(dayOf(at))).toBeLessThanOrEqual(at);
        expect(endOf(dayOf(at))).toBeGreaterThan(at);
      }),
    );
  });

  test('the last settled day is the newest one that is settled', () => {
    fc.assert(
      fc.property(instants, (at) => {
        const day = lastSettledDay(at);
        expect(settledAt(day)).toBeLessThanOrEqual(at);
        expect(settledAt(addDays(day, 1))).toBeGreaterThan(at);
      }),
    );
    expect(lastSettledDay(Date.parse('2026-11-23T01:14:59.999Z'))).toBe('2026-11-21');
    expect(lastSettledDay(Date.parse('2026-11-23T01:15:00.000Z'))).toBe('2026-11-22');
  });

  test('a span of days is counted and listed with both ends', () => {
    expect(daysFrom('2024-02-28', '2024-03-01')).toEqual(['2024-02-28', '2024-02-29', '2024-03-01']);
    expect(countDays('2024-02-28', '2024-03-01')).toBe(3);
    expect(daysFrom('2024-03-01', '2024-02-28')).toEqual([]);
  });

  test('days in a row make one span, across months too', () => {
    expect(spansOf(['2024-02-28', '2024-02-29', '2024-03-01', '2024-03-03'])).toEqual([
      { first: '2024-02-28', last: '2024-03-01' },
      { first: '2024-03-03', last: '2024-03-03' },
    ]);
  });

  test('a day of the calendar is one, a leap day in leap years only', () => {
    expect(isDay('2024-02-29')).toBe(true);
    const others = ['2025-02-29', '2026-02-30', '2026-13-01', '2026-1-01', '20260101', '', '2026-01-01T00:00:00Z'];
    expect(others.filter(isDay)).toEqual([]);
  });
});
