import type { RunRequest } from '../contract/run-message.ts';
import type { Universe } from '../contract/universe.ts';

/** One coin in one currency, by CoinGecko's ids: `{ coin: 'bitcoin', currency: 'usd' }`. */
export type Series = { readonly coin: string; readonly currency: string };

/** @returns the series as people read it: `bitcoin/usd`. */
export const seriesName = ({ coin, currency }: Series): string => `${coin}/${currency}`;

/** @returns whether the series is a coin in its own currency, as bitcoin in btc: its price is 1 for ever. */
export const isCoinInItself = ({ coins }: Universe, { coin, currency }: Series): boolean =>
  coins.some(({ id, symbol }) => id === coin && symbol.toLowerCase() === currency);

/** @returns the series of the universe that the request names, in the universe's order; all where it names none. */
export function selectSeries(universe: Universe, request: Pick<RunRequest, 'coins' | 'currencies'>): Series[] {
  const coins = universe.coins.filter(({ id }) => request.coins?.includes(id) ?? true);
  const currencies = universe.currencies.filter(({ code }) => request.currencies?.includes(code) ?? true);
  return coins.flatMap(({ id }) => currencies.map(({ code }) => ({ coin: id, currency: code })));
}
