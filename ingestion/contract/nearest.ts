import type { Universe } from './universe-schema.ts';

/** @returns how many letters must be put in, left out or changed (Levenshtein). */
export function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...to].entries())
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)));
    row = next;
  }
  return row[to.length] ?? 0;
}

/**
 * @param words at least one.
 * @param spelling how a word is written where it was misspelt.
 * @returns the word that takes the fewest changes.
 */
export const nearest = <Word extends string>(
  given: string,
  words: readonly [Word, ...Word[]],
  spelling: (word: Word) => string = String,
): Word =>
  words.reduce((best, word) =>
    editDistance(given, spelling(word)) < editDistance(given, spelling(best)) ? word : best,
  );

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
