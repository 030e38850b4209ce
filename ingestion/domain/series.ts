import type { RunRequest } from '../contract/run-request.ts';
import type { Universe } from '../contract/universe-schema.ts';

/** One coin in one currency, by CoinGecko's ids: `{ coin: 'bitcoin', currency: 'usd' }`. */
export type Series = { readonly coin: string; readonly currency: string };

/** @returns the series as people read it: `bitcoin/usd`. */
export const seriesName = ({ coin, currency }: Series): string => `${coin}/${currency}`;

/** CoinGecko's currencies that are parts of a coin, by the coin's symbol: 1,000,000 bits or 100,000,000 sats are a bitcoin. */
const PARTS_OF: Readonly<Record<string, string>> = { bits: 'btc', sats: 'btc' };

/** @returns whether the series is a coin in itself, as bitcoin in btc or in sats: its price never changes. */
export const isCoinInItself = ({ coins }: Universe, { coin, currency }: Series): boolean =>
  coins.some(({ id, symbol }) => id === coin && symbol.toLowerCase() === (PARTS_OF[currency] ?? currency));

/** @returns the series of the universe that the request names, in the universe's order; all where it names none. */
export function selectSeries(universe: Universe, request: Pick<RunRequest, 'coins' | 'currencies'>): Series[] {
  const coins = universe.coins.filter(({ id }) => request.coins?.includes(id) ?? true);
  const currencies = universe.currencies.filter(({ code }) => request.currencies?.includes(code) ?? true);
  return coins.flatMap(({ id }) => currencies.map(({ code }) => ({ coin: id, currency: code })));
}

/** @returns each series once, where it comes first. */
export const distinctSeries = (series: readonly Series[]): Series[] => [
  ...new Map(series.map((one) => [seriesName(one), one])).values(),
];

/** The universe's first coin and first currency: what the prices of all others are derived with. */
export type CrossRateBase = Series;

/** @returns null where nothing is to be derived, or there is nothing to derive. */
export function crossRateBase(universe: Universe, ways: { crossRates: boolean }): CrossRateBase | null {
  const [[coin, otherCoin], [currency, otherCurrency]] = [universe.coins, universe.currencies];
  if (!ways.crossRates || !coin || !otherCoin || !currency || !otherCurrency) return null;
  return { coin: coin.id, currency: currency.code };
}

/** Those of CoinGecko's currencies that are coins, or parts of one (October 2025): they move as coins do. */
export const COIN_CURRENCIES: ReadonlySet<string> = new Set(
  'btc eth ltc bch bnb eos xrp xlm link dot yfi sol bits sats'.split(' '),
);

/**
 * CoinGecko's currencies that are no state's money: coins, parts of them, metals and the IMF's unit. Within an hour their rates
 * move too much for prices to be derived by the nearest one: bitcoin's was up to 6.8 % off.
 */
export const NO_STATES_MONEY: ReadonlySet<string> = new Set([...COIN_CURRENCIES, 'xag', 'xau', 'xdr']);

/**
 * @returns the series whose answers the prices of the series are made from: itself; of a derived one the coin in the first
 * currency, and the first coin in both.
 */
export function sourcesOf(series: Series, base: CrossRateBase | null): readonly [Series, ...Series[]] {
  const isDirect =
    series.coin === base?.coin || series.currency === base?.currency || NO_STATES_MONEY.has(series.currency);
  if (base === null || isDirect || NO_STATES_MONEY.has(base.currency)) return [series];
  return [{ coin: series.coin, currency: base.currency }, base, { coin: base.coin, currency: series.currency }];
}
