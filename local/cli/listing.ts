// What CoinGecko lists: what a word means among it, and where the universe differs from it.
import type { Coin, Currency, Universe } from '../../ingestion/contract/universe-schema.ts';

export type UniverseItem = ({ readonly kind: 'coin' } & Coin) | ({ readonly kind: 'currency' } & Currency);

/** Money by ISO 4217. CoinGecko also has prices in coins, metals and sats, whose codes are symbols of coins too. */
const MONEY: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency').map((code) => code.toLowerCase()));

const currencyNames = new Intl.DisplayNames('en', { type: 'currency', fallback: 'none' });

/** @returns the name of the currency in English; of one that is no money its code in capitals. */
export function currencyName(code: string): string {
  // A code of four letters is a RangeError.
  return (/^[a-z]{3}$/.test(code) && currencyNames.of(code.toUpperCase())) || code.toUpperCase();
}

/**
 * Finds what a word may mean: a currency's code, a coin's id, symbol or name, in any case. A currency that is money, and
 * otherwise an id, is clear. `coin:` or `currency:` in front says which of the two is meant.
 * @returns every item that fits; those that were bridged or wrapped, whose ids are longer, last.
 */
export function findListed(word: string, listed: Universe): UniverseItem[] {
  const [, kind, name = ''] = /^(?:(coin|currency):)?(.*)$/s.exec(word.trim().toLowerCase()) ?? [];
  const is = (text: string) => text.toLowerCase() === name;
  const currencies = kind === 'coin' ? [] : listed.currencies.filter(({ code }) => is(code)).map(asCurrency);
  if (currencies.length > 0 && MONEY.has(name)) return currencies;
  const coins = kind === 'currency' ? [] : listed.coins;
  const byId = coins.filter(({ id }) => is(id)).map(asCoin);
  if (byId.length > 0 && currencies.length === 0) return byId;
  const alike = coins
    .filter((coin) => !is(coin.id) && (is(coin.symbol) || is(coin.name)))
    .sort((one, other) => one.id.length - other.id.length || (one.id < other.id ? -1 : 1))
    .map(asCoin);
  return [...currencies, ...byId, ...alike];
}

const asCoin = (coin: Coin): UniverseItem => ({ kind: 'coin', ...coin });
const asCurrency = (currency: Currency): UniverseItem => ({ kind: 'currency', ...currency });

export type UniverseDifference = {
  readonly kind: 'coin_missing' | 'coin_renamed' | 'currency_missing';
  readonly id: string;
  readonly detail: string;
};

/** How many coins of the same name or symbol are offered for a missing one. Dozens of coins share a symbol. */
const MOST_CANDIDATES = 5;

/** @returns where the universe differs from what is listed, in the universe's order. */
export function compareUniverse(universe: Universe, listed: Universe): UniverseDifference[] {
  const coins = new Map(listed.coins.map((coin) => [coin.id, coin]));
  const codes = new Set(listed.currencies.map(({ code }) => code));
  return [
    ...universe.coins.flatMap((coin) => compareCoin(coin, coins.get(coin.id), listed.coins)),
    ...universe.currencies
      .filter(({ code }) => !codes.has(code))
      .map(({ code, name }) => ({
        kind: 'currency_missing' as const,
        id: code,
        detail: `${code} (${name}): CoinGecko has no prices in this currency.`,
      })),
  ];
}

function compareCoin(ours: Coin, theirs: Coin | undefined, listed: readonly Coin[]): UniverseDifference[] {
  if (theirs === undefined) {
    const candidates = listed
      .filter((coin) => isSame(coin.name, ours.name))
      .concat(listed.filter((coin) => isSame(coin.symbol, ours.symbol) && !isSame(coin.name, ours.name)));
    const offered = candidates.slice(0, MOST_CANDIDATES).map(({ id, name }) => `${id} (${name})`);
    const hint = offered.length > 0 ? ` Coins of its name or symbol: ${offered.join(', ')}.` : '';
    return [{ kind: 'coin_missing', id: ours.id, detail: `${ours.id}: CoinGecko lists no coin with this id.${hint}` }];
  }
  if (isSame(theirs.symbol, ours.symbol) && theirs.name === ours.name) return [];
  const detail = `${ours.id} is tracked as ${ours.name} (${ours.symbol}); CoinGecko lists it as ${theirs.name} (${theirs.symbol}).`;
  return [{ kind: 'coin_renamed', id: ours.id, detail }];
}

/** CoinGecko writes symbols in lower case, most others in upper case. */
const isSame = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();
