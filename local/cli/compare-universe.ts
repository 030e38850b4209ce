import type { Coin, Universe } from '../../ingestion/contract/universe-schema.ts';

/** @property detail says it in one sentence. */
export type UniverseDifference = {
  readonly kind: 'coin_missing' | 'coin_renamed' | 'currency_missing';
  /** The coin's id, or the currency's code. */
  readonly id: string;
  readonly detail: string;
};

/** How many coins of the same name or symbol are offered for a missing one. Dozens of coins share a symbol. */
const MOST_CANDIDATES = 5;

/** @returns where the universe differs from CoinGecko's lists, in the universe's order. */
export function compareUniverse(
  universe: Universe,
  listedCoins: readonly Coin[],
  listedCurrencies: readonly string[],
): UniverseDifference[] {
  const coins = new Map(listedCoins.map((coin) => [coin.id, coin]));
  const currencies = new Set(listedCurrencies);
  return [
    ...universe.coins.flatMap((coin) => compareCoin(coin, coins.get(coin.id), listedCoins)),
    ...universe.currencies
      .filter(({ code }) => !currencies.has(code))
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
