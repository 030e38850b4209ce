import { nearest } from './nearest.ts';
import { show } from './show.ts';

/** What a name is: a coin's id, or a currency's code. */
export type NameKind = 'coin' | 'currency';

/**
 * @param known the names that would be right.
 * @returns what is wrong with the first of the names that is not known, as `"bitcon", which is none of the universe; did you
 * mean bitcoin? …`; null where all are.
 */
export function describeUnknown(kind: NameKind, given: readonly string[], known: readonly string[]): string | null {
  const unknown = given.find((name) => !known.includes(name));
  if (unknown === undefined) return null;
  const [first, ...others] = known;
  const meant = first === undefined ? '' : `; did you mean ${nearest(unknown, [first, ...others])}?`;
  const add = kind === 'coin' ? 'ID' : 'CODE';
  return `${show(unknown)}, no ${kind} of the universe${meant || '.'} To add one: npm run universe -- add ${add}`;
}
