import type { Coin, Currency } from '../../ingestion/contract/universe-schema.ts';
import type { UniverseItem } from './edit-universe.ts';

export type Listed = { readonly coins: readonly Coin[]; readonly currencies: readonly Currency[] };

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
export function findListed(word: string, listed: Listed): UniverseItem[] {
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
