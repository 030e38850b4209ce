import * as z from 'zod';
import { placeOf, show } from './show.ts';

/** The universe of a project that names no other. */
export const UNIVERSE_FILE = new URL('../../universe.json', import.meta.url);

// Each message completes the sentence "it takes …".

const Text = z.string('a text').trim().min(1, 'a text that is not empty');

const once = <Key extends string>(key: Key) =>
  [
    (items: readonly Readonly<Record<Key, string>>[]) => new Set(items.map((item) => item[key])).size === items.length,
    `a list that names no ${key} twice`,
  ] as const;

const CoinSchema = z.strictObject(
  {
    id: z.string("CoinGecko's id of a coin").regex(/^[^\s/?#]{1,100}$/, "CoinGecko's id of a coin"),
    symbol: Text,
    name: Text,
  },
  'an object {"id","symbol","name"}',
);

const CurrencySchema = z.strictObject(
  { code: z.string('a code like "usd"').regex(/^[a-z0-9]{2,10}$/, 'a code like "usd", in small letters'), name: Text },
  'an object {"code","name"}',
);

const UniverseSchema = z.strictObject(
  {
    coins: z
      .array(CoinSchema, 'a list of {"id","symbol","name"}')
      .min(1, 'at least one coin')
      .refine(...once('id')),
    currencies: z
      .array(CurrencySchema, 'a list of {"code","name"}')
      .min(1, 'at least one currency')
      .refine(...once('code')),
  },
  'an object {"coins","currencies"}',
);

export type Coin = Readonly<z.output<typeof CoinSchema>>;
export type Currency = Readonly<z.output<typeof CurrencySchema>>;

/** All series of a deployment: every coin in every currency. The other currencies are judged by the first. */
export type Universe = { readonly coins: readonly Coin[]; readonly currencies: readonly Currency[] };

/** @returns the universe of a file's text, or one sentence for each place that is wrong: what was found and what it takes. */
export function parseUniverse(text: string, file: string): Universe | { readonly problems: readonly string[] } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { problems: [`${file} is not JSON; it takes JSON like {"coins":[…],"currencies":[…]}.`] };
  }
  const parsed = UniverseSchema.safeParse(json, { reportInput: true });
  if (parsed.success) return parsed.data;
  return {
    problems: parsed.error.issues.map(({ path, input, message }) => {
      const place = path.length === 0 ? '' : ` at ${placeOf(path)}`;
      return `${file}${place} is ${input === undefined ? 'missing' : show(input)}; it takes ${message}.`;
    }),
  };
}

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

/** @param spelling how a word is written where it was misspelt. @returns the word that takes the fewest changes. */
export const nearest = <Word extends string>(
  given: string,
  words: readonly [Word, ...Word[]],
  spelling: (word: Word) => string = String,
): Word =>
  words.reduce((best, word) =>
    editDistance(given, spelling(word)) < editDistance(given, spelling(best)) ? word : best,
  );

/**
 * @param known with the coins' symbols: many a person takes `btc` for the id.
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
