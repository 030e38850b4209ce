import * as z from 'zod';
import type { Instant } from '../domain/day.ts';
import type { LatestPrice } from '../domain/latest-price.ts';
import { parseShape } from './parse-answer.ts';

/** What is said of one coin, by keys such as `eur` and `eur_market_cap`. Each may be null, or not be there. */
const Quotes = z.record(z.string(), z.unknown());
const Answer = z.record(z.string(), Quotes);

/**
 * Reads one `/simple/price` answer: `{bitcoin: {usd, usd_market_cap, usd_24h_vol, usd_24h_change, last_updated_at}}`, the last
 * in seconds. Coins and currencies that the source does not know are left out of it without a word.
 * @param receivedAt stands for a moment that is missing, or that lies in the future and would keep out all later prices.
 * @returns what has a price, of the coins and currencies that were asked for.
 * @throws SourceError `malformed`
 */
export function parseLatestPrices(
  json: unknown,
  { coins, currencies }: { coins: readonly string[]; currencies: readonly string[] },
  receivedAt: Instant,
): LatestPrice[] {
  const answer = parseShape(json, Answer);
  return coins.flatMap((coin) => {
    const quotes = answer[coin];
    if (!quotes) return [];
    const updatedAt = positive(quotes['last_updated_at']);
    const observedAt = updatedAt === null ? receivedAt : Math.min(receivedAt, Math.floor(updatedAt * 1000));
    return currencies.flatMap((currency): LatestPrice[] => {
      const price = positive(quotes[currency]);
      if (price === null) return [];
      const volume = quotes[`${currency}_24h_vol`];
      const change = quotes[`${currency}_24h_change`];
      return [
        {
          coin,
          currency,
          price,
          // CoinGecko sends 0 for a cap that it does not know.
          marketCap: positive(quotes[`${currency}_market_cap`]),
          volume24h: isNumber(volume) && volume >= 0 ? volume : null,
          change24hPercent: isNumber(change) ? change : null,
          observedAt,
        },
      ];
    });
  });
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const positive = (value: unknown): number | null => (isNumber(value) && value > 0 ? value : null);
