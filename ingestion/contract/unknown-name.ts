import { nearest } from './nearest.ts';
import type { Universe } from './universe-schema.ts';

/**
 * @param given ids of coins, or codes of currencies.
 * @param known those that would be right, with the coins' symbols: many a person takes `btc` for the id.
 * @returns the first that is not known, and what was probably meant; null where all are known.
 */
export function findUnknown(
  given: readonly string[],
  known: readonly { readonly id: string; readonly symbol?: string }[],
): { readonly name: string; readonly meant: string } | null {
  const ids = known.map(({ id }) => id);
  const name = given.find((one) => !ids.includes(one));
  if (name === undefined) return null;
  const bySymbol = known.find(({ symbol }) => symbol?.toLowerCase() === name.toLowerCase());
  const [first = '', ...others] = ids;
  return { name, meant: bySymbol?.id ?? nearest(name, [first, ...others]) };
}

/** @returns the currencies as `findUnknown` takes them. */
export const codesOf = ({ currencies }: Pick<Universe, 'currencies'>) => currencies.map(({ code }) => ({ id: code }));
