import { hourlyMeans } from '../domain/aggregation.ts';
import {
  type CoinRate,
  compareCurrencies,
  judgeRateMove,
  judgeRates,
  sameValuesFinding,
} from '../domain/currency-rules.ts';
import { addDays, type Day, daysFrom } from '../domain/day.ts';
import type { Finding } from '../domain/finding.ts';
import type { Series } from '../domain/series.ts';
import type { RunDependencies } from '../ports.ts';

/**
 * Compares the currencies of each coin by the answers of the run. They are read back coin by coin, so that the memory it
 * takes does not grow with the universe.
 * @param answered the series that have answers.
 */
export async function judgeCurrencies(
  runId: string,
  answered: readonly Series[],
  { repositories, source, universe }: RunDependencies,
): Promise<Finding[]> {
  const currencies = universe.currencies.map(({ code }) => code);
  const [base] = currencies;
  if (base === undefined) return [];
  const rates: CoinRate[] = [];
  const found: Finding[] = [];
  for (const coin of new Set(answered.map((series) => series.coin))) {
    // In the universe's order: of two equal series the later one is the suspect.
    const hoursByCurrency = new Map(currencies.map((code) => [code, new Map<number, number>()]));
    const days = new Set<Day>();
    for (const answer of await repositories.prices.answersOfCoin(runId, coin)) {
      const hours = hoursByCurrency.get(answer.currency);
      for (const [hour, price] of hourlyMeans(source.parse(answer.body))) hours?.set(hour, price);
      for (const day of daysFrom(answer.firstDay, answer.lastDay)) days.add(day);
    }
    const compared = compareCurrencies(coin, base, hoursByCurrency, [...days]);
    rates.push(...compared.rates);
    found.push(...compared.same.map(sameValuesFinding));
  }
  const { medians, findings } = judgeRates(rates);
  const knownRates = new Map(medians.map(({ currency, day, rate }) => [`${currency} ${day}`, rate]));
  for (const now of medians) {
    const dayBefore = addDays(now.day, -1);
    const known = knownRates.get(`${now.currency} ${dayBefore}`);
    const before =
      known === undefined
        ? await repositories.prices.lastFinalRate(now.currency, base, now.day)
        : { day: dayBefore, rate: known };
    if (before) findings.push(...judgeRateMove(now, before, base));
  }
  return [...found, ...findings];
}
