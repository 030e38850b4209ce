import type { StoredDay } from '../../ingestion/database/prices.ts';
import type { Day } from '../../ingestion/domain/day.ts';
import type { FilePrice } from './price-file.ts';

/** A price of the same series lies between the day's lowest and highest, or as far beside them as exchanges differ. */
const MOST_BESIDE = 1.05;
/** A single day may be a fault of either side; so large a part is another scale, currency or coin. */
const MOST_DAYS_BESIDE = 0.25;
/** Between days that follow each other in the file and in what is stored. */
const MOST_JUMP = 10;

/** A file's day and price beside a stored price, mostly of the same day. @property factor of the one to the other. */
type Compared = FilePrice & { readonly storedDay: Day; readonly stored: number; readonly factor: number };

/**
 * @property overlap how many days are in both.
 * @property other those that don't fit, where they are too many for chance, else none. @property factor their middle one.
 * @property seam without an overlap, the first pair of neighbours with a jump between them.
 */
export type Comparison = {
  readonly overlap: number;
  readonly other: readonly Compared[];
  readonly factor: number;
  readonly seam: Compared | null;
};

/** Compares a file's prices with those that are stored of the same series. */
export function comparePrices(prices: readonly FilePrice[], stored: readonly StoredDay[]): Comparison {
  const byDay = new Map(stored.map((one) => [one.day, one]));
  const overlap = prices.filter(({ day }) => byDay.has(day)).toSorted(byDate);
  const beside = overlap.flatMap((price) => {
    const one = byDay.get(price.day);
    return one && isBeside(Number(price.price), one) ? [compare(price, one)] : [];
  });
  const other = beside.length > overlap.length * MOST_DAYS_BESIDE ? beside : [];
  const factors = other.map(({ factor }) => factor).sort((a, b) => a - b);
  const factor = factors[Math.floor(factors.length / 2)] ?? 1;
  return { overlap: overlap.length, other, factor, seam: overlap.length > 0 ? null : findSeam(prices, stored) };
}

const byDate = (one: { day: Day }, other: { day: Day }) => (one.day < other.day ? -1 : 1);

const compare = (price: FilePrice, { day: storedDay, average }: StoredDay): Compared => ({
  ...price,
  ...{ storedDay, stored: average, factor: Number(price.price) / average },
});

function isBeside(price: number, { low, high, average, close }: StoredDay): boolean {
  return price * MOST_BESIDE < Math.min(low, average, close) || price > Math.max(high, average, close) * MOST_BESIDE;
}

function findSeam(prices: readonly FilePrice[], stored: readonly StoredDay[]): Compared | null {
  const both = [...prices, ...stored].sort(byDate);
  const pairs = both.slice(1).flatMap((next, index) => {
    const one = both[index] ?? next;
    if ('price' in one) return 'price' in next ? [] : [compare(one, next)];
    return 'price' in next ? [compare(next, one)] : [];
  });
  return pairs.find(({ factor }) => factor > MOST_JUMP || factor < 1 / MOST_JUMP) ?? null;
}
