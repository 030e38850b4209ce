// Run with RECORDED_ANSWERS=<folder> where recorded answers of bitcoin and ark in dollars and euros are at hand.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import * as z from 'zod';
import { ratesBetween } from '../../../ingestion/domain/cross-rates.ts';

const folder = process.env['RECORDED_ANSWERS'];
const Points = z.array(z.tuple([z.number(), z.number()]));
const Recorded = z.union([
  z.object({ prices: Points }).transform(({ prices }) => prices),
  z.object({ stats: Points }).transform(({ stats }) => stats),
]);
const read = (file: string) => Recorded.parse(JSON.parse(readFileSync(join(folder ?? '', file), 'utf8')));
const answer = (file: string) => ({ window: { from: 0, to: 0 }, receivedAt: 0, prices: read(file) });

(folder === undefined ? describe.skip : describe)('the rate from dollars to euros', () => {
  test('that bitcoin implies turns the prices of ark in dollars into those in euros', () => {
    const { rates } = ratesBetween(
      'eur',
      answer('market_chart_range.bitcoin.usd.daily.2020-01-02_2022-01-01.json'),
      answer('market_chart_range.bitcoin.eur.daily.2020-03-01_2021-08-01.json'),
    );
    const inEur = new Map(read('web_prices.ark.eur.daily.max.2025-01-09.json'));
    const dollars = read('web_prices.ark.usd.daily.max.2025-01-09.json');
    const rateAt = new Map(rates.map(({ at, price }) => [at, price]));
    const deviations = dollars
      .map(([at, price]) => Math.abs((price * (rateAt.get(at) ?? Number.NaN)) / (inEur.get(at) ?? Number.NaN) - 1))
      .filter((deviation) => !Number.isNaN(deviation))
      .sort((one, other) => one - other);
    const quantile = (share: number) => deviations[Math.ceil(share * deviations.length) - 1];
    expect(deviations.length).toBeGreaterThan(500);
    expect(quantile(0.74)).toBeLessThan(1e-9);
    expect(quantile(0.9)).toBeLessThan(1.4e-4);
    expect(quantile(0.99)).toBeLessThan(4.7e-4);
    expect(quantile(1)).toBeLessThan(2.5e-3);
  });
});
