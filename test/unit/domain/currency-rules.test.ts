import { describe, expect, test } from '@jest/globals';
import {
  type CoinRate,
  compareCurrencies,
  judgeRateMove,
  judgeRates,
} from '../../../ingestion/domain/currency-rules.ts';
import { addDays, HOUR_MS, startOf } from '../../../ingestion/domain/day.ts';

const DAY = '2026-05-12';
const FIRST_HOUR = startOf(DAY) / HOUR_MS;

const hours = (price: (hour: number) => number, count = 24) =>
  new Map(Array.from({ length: count }, (_, hour) => [FIRST_HOUR + hour, price(hour)]));

describe('currency', () => {
  const usd = hours((hour) => 100 + hour);
  const compare = (others: Record<string, Map<number, number>>, base = usd, days = [DAY]) =>
    compareCurrencies('bitcoin', 'usd', new Map([['usd', base], ...Object.entries(others)]), days);

  test('a coin’s rate is the median over the hours that both have', () => {
    const eur = hours((hour) => (100 + hour) * (hour === 3 ? 5 : 0.9), 20);
    const { rates, findings } = compare({ eur });
    expect(findings).toEqual([]);
    expect(rates).toEqual([{ coin: 'bitcoin', currency: 'eur', day: DAY, rate: expect.closeTo(0.9, 12) }]);
  });

  test('a series that equals another value for value gives no rate: its currency was ignored', () => {
    const { rates, findings } = compare({ eur: new Map(usd) });
    expect(rates).toEqual([]);
    const detail = 'bitcoin/eur equals bitcoin/usd in all 24 hours that both have: the currency was ignored';
    const ofBitcoin = { rule: 'currency', severity: 'error', coin: 'bitcoin', day: null };
    expect(findings).toEqual([{ ...ofBitcoin, currency: 'eur', detail }]);
    const gbp = hours((hour) => (100 + hour) * 0.8);
    expect(compare({ eur: gbp, gbp }).findings).toMatchObject([
      { ...ofBitcoin, currency: 'gbp', detail: expect.stringContaining('equals bitcoin/eur') },
    ]);
  });

  test('series without a common hour are not compared', () => {
    expect(compare({ eur: new Map([[FIRST_HOUR - 5, 1]]) })).toEqual({ rates: [], findings: [] });
  });

  const rates = (...values: number[]): CoinRate[] =>
    values.map((rate, index) => ({ coin: `coin-${index}`, currency: 'eur', day: DAY, rate }));

  test('a coin over 0.5 % from the coins’ median is found, one at 0.4 % is not', () => {
    const { medians, findings } = judgeRates(rates(0.9, 0.9, 0.9036, 0.906), 3);
    expect(medians).toEqual([{ currency: 'eur', day: DAY, rate: expect.closeTo(0.9018, 10) }]);
    expect(findings).toEqual([]);
    expect(judgeRates(rates(0.9, 0.9, 0.9, 0.9046), 3).findings).toEqual([
      expect.objectContaining({ coin: 'coin-3', currency: 'eur', day: DAY, severity: 'warning' }),
    ]);
  });

  test('two coins cannot outvote each other', () => {
    expect(judgeRates(rates(0.9, 1.8), 3)).toEqual({ medians: [], findings: [] });
  });

  test('a rate that moved over 15 % since the last final day is found', () => {
    const before = { day: '2026-05-11', rate: 1 };
    expect(judgeRateMove({ currency: 'eur', day: DAY, rate: 1.15 }, before, 'usd')).toEqual([]);
    expect(judgeRateMove({ currency: 'eur', day: DAY, rate: 0.84 }, before, 'usd')).toEqual([
      expect.objectContaining({ rule: 'currency', coin: null, currency: 'eur', day: DAY }),
    ]);
  });

  test('days are told apart', () => {
    const twoDays = new Map([
      ...hours(() => 0.9),
      ...[...hours(() => 0.5)].map(([hour, rate]) => [hour + 24, rate] as const),
    ]);
    const ones = new Map([...twoDays.keys()].map((hour) => [hour, 1]));
    const nextDay = addDays(DAY, 1);
    expect(compare({ eur: twoDays }, ones, [DAY, nextDay]).rates.map(({ rate }) => rate)).toEqual([0.9, 0.5]);
  });

  test('a currency that is pegged to another one may equal it', () => {
    expect(compare({ bmd: new Map(usd) })).toMatchObject({ findings: [], rates: [{ rate: 1 }] });
  });

  test('a currency that is a coin may move as coins do', () => {
    const now = { currency: 'eth', day: DAY, rate: 1.3 };
    const before = { day: '2026-05-11', rate: 1 };
    expect(judgeRateMove(now, before, 'usd')).toEqual([]);
    expect(judgeRateMove({ ...now, currency: 'eur' }, before, 'btc')).toEqual([]);
    expect(judgeRateMove({ ...now, currency: 'eur' }, before, 'usd')).toHaveLength(1);
  });
});
