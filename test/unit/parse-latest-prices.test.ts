import { expect, test } from '@jest/globals';
import { parseLatestPrices } from '../../ingestion/coingecko/parse-answer.ts';
import { SourceError } from '../../ingestion/domain/failure.ts';

const RECEIVED_AT = Date.parse('2026-11-27T02:00:30Z');
const ASKED = { coins: ['bitcoin', 'pepe', 'unknown'], currencies: ['usd', 'eur'] };
const parse = (json: unknown) => parseLatestPrices(json, ASKED, RECEIVED_AT);

test('every price comes with what is known of it, and what was left out is not there', () => {
  const bitcoin = { usd: 91_234.567890123, usd_market_cap: 1.8e12, usd_24h_vol: 3e10, usd_24h_change: -1.25, eur: 8e4 };
  expect(parse({ bitcoin: { ...bitcoin, last_updated_at: 1_795_744_800 }, pepe: {} })).toEqual([
    {
      ...{ coin: 'bitcoin', currency: 'usd', price: 91_234.567890123, marketCap: 1.8e12, volume24h: 3e10 },
      ...{ change24hPercent: -1.25, observedAt: 1_795_744_800_000 },
    },
    {
      ...{ coin: 'bitcoin', currency: 'eur', price: 8e4, marketCap: null, volume24h: null },
      ...{ change24hPercent: null, observedAt: 1_795_744_800_000 },
    },
  ]);
});

test('null, 0, negative and other odd values are unknown; a price that is none is left out', () => {
  const odd = { usd: 1, usd_market_cap: 0, usd_24h_vol: -1, usd_24h_change: 'much', eur: null, last_updated_at: null };
  expect(parse({ bitcoin: odd })).toEqual([
    {
      ...{ coin: 'bitcoin', currency: 'usd', price: 1, marketCap: null, volume24h: null, change24hPercent: null },
      observedAt: RECEIVED_AT,
    },
  ]);
  expect(parse({ bitcoin: { usd: 0, eur: -3 } })).toEqual([]);
  expect(parse({ bitcoin: { usd: 1, usd_24h_vol: 0 } })).toMatchObject([{ volume24h: 0 }]);
});

test('a moment in the future would keep out all later prices: that of the arrival stands for it', () => {
  expect(parse({ bitcoin: { usd: 1, last_updated_at: 4_000_000_000 } })).toMatchObject([{ observedAt: RECEIVED_AT }]);
});

test.each([[[]], ['text'], [{ bitcoin: 3 }], [null]])('%j is refused', (json) => {
  expect(() => parse(json)).toThrow(SourceError);
});
