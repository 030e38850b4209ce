import type { StoredDay } from '../../ingestion/database/prices.ts';
import type { Day } from '../../ingestion/domain/day.ts';
import type { FilePrice } from './price-file.ts';

/** A price of the same series lies between the day's lowest and highest, or as far beside them as exchanges differ. */
const MOST_BESIDE = 1.05;
/** A single day may be a fault of either side; so large a part is another scale, currency or coin. */
const MOST_DAYS_BESIDE = 0.25;
/** Between days that follow each other in the file and in what is stored. */
const MOST_JUMP = 10;

/** A day and its price in the file and as it is stored. @property factor of the first to the second. */
export type Compared = { readonly day: Day; readonly found: string; readonly stored: number; readonly factor: number };

/**
 * @property overlap how many days are in both. @property factor their middle one, where they are `other` prices.
 * @property other the days that don't fit, where those are too many for chance, else none.
 * @property seam without an overlap, a jump between the nearest days: `stored` is then of `storedDay`.
 */
export type Comparison = {
  readonly overlap: number;
  readonly factor: number;
  readonly other: readonly Compared[];
  readonly seam: (Compared & { readonly storedDay: Day }) | null;
};

/** Compares a file's prices with those that are stored of the same series. */
export function comparePrices(prices: readonly FilePrice[], stored: readonly StoredDay[]): Comparison {
  const byDay = new Map(stored.map((one) => [one.day, one]));
  const overlap = prices.flatMap(({ day, price }) => {
    const one = byDay.get(day);
    return one ? [{ ...compared(day, price, one.average), isBeside: isBeside(Number(price), one) }] : [];
  });
  const beside = overlap.filter(({ isBeside }) => isBeside).sort((a, b) => (a.day < b.day ? -1 : 1));
  const other = beside.length > overlap.length * MOST_DAYS_BESIDE ? beside : [];
  const factors = other.map(({ factor }) => factor).sort((a, b) => a - b);
  const factor = factors[Math.floor(factors.length / 2)] ?? 1;
  return { overlap: overlap.length, factor, other, seam: overlap.length > 0 ? null : findSeam(prices, stored) };
}

const compared = (day: Day, found: string, stored: number): Compared => ({
  ...{ day, found, stored },
  factor: Number(found) / stored,
});

function isBeside(price: number, { low, high, average, close }: StoredDay): boolean {
  return price * MOST_BESIDE < Math.min(low, average, close) || price > Math.max(high, average, close) * MOST_BESIDE;
}

/** @returns the first pair of neighbours, one of the file and one that is stored, that are too far apart. */
function findSeam(prices: readonly FilePrice[], stored: readonly StoredDay[]): Comparison['seam'] {
  const both = [...prices, ...stored].sort((a, b) => (a.day < b.day ? -1 : 1));
  for (const [index, one] of both.entries()) {
    const next = both[index + 1];
    if (!next || 'price' in one === 'price' in next) continue;
    const [file, known] = 'price' in one ? [one, next as StoredDay] : [next as FilePrice, one];
    const pair = compared(file.day, file.price, known.average);
    if (pair.factor > MOST_JUMP || pair.factor < 1 / MOST_JUMP) return { ...pair, storedDay: known.day };
  }
  return null;
}
