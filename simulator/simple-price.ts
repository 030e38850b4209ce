import { makeSeries } from './price-series.ts';
import { revisionFactor, type SyntheticSource } from './synthetic-chart.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from './time.ts';

/** What `/simple/price` says of one coin, by keys such as `eur` and `eur_market_cap`. */
type Quotes = Record<string, number>;

/** @returns what the coins cost at the last full minute, with all that can be included. */
export function simplePrice(
  source: SyntheticSource,
  coins: readonly string[],
  currencies: readonly string[],
  now: number,
): Record<string, Quotes> {
  const at = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  return Object.fromEntries(
    coins.map((coin) => {
      const quotes: Quotes = {};
      for (const currency of currencies) {
        const quoteAt = makeSeries(source.seed, coin, currency, source.hasFixedRates);
        const factor = revisionFactor(source.history, { coin, currency })(at);
        const { price, marketCap, volume } = quoteAt(at);
        quotes[currency] = price * factor;
        quotes[`${currency}_market_cap`] = marketCap * factor;
        quotes[`${currency}_24h_vol`] = volume * factor;
        quotes[`${currency}_24h_change`] = 100 * (price / quoteAt(at - DAY_MS).price - 1);
      }
      return [coin, { ...quotes, last_updated_at: at / SECOND_MS }];
    }),
  );
}
