import { describe, expect, test } from '@jest/globals';
import { formatAge, formatDuration, formatPrice } from '../../local/output/format.ts';

describe('report formats', () => {
  test.each([
    [0.00000823, '0.00000823'],
    [6.8e-5, '0.000068'],
    [0.123456, '0.1235'],
    [1, '1.00'],
    [9.87654, '9.8765'],
    [98.1, '98.10'],
    [64_660.156, '64,660.16'],
    [4_012_345.67, '4,012,345.67'],
    [15_000_000, '15,000,000.00'],
  ])('a price of %d reads %s', (price, text) => expect(formatPrice(price)).toBe(text));

  test.each([
    [0, '0 s'],
    [59_400, '59 s'],
    [59_600, '1 min 0 s'],
    [125_000, '2 min 5 s'],
    [3_599_600, '1 h 0 min'],
    [12_000_000, '3 h 20 min'],
    [187_200_000, '2 d 4 h'],
  ])('%d ms reads %s', (durationMs, text) => expect(formatDuration(durationMs)).toBe(text));

  test.each([
    [-5, '0 s ago'],
    [125_000, '2 min ago'],
    [187_200_000, '2 d ago'],
  ])('an age of %d ms reads %s', (ageMs, text) => expect(formatAge(ageMs)).toBe(text));
});
