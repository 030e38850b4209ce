import { hourlyMeans } from '../domain/aggregation.ts';
import {
  type CoinRate,
  compareCurrencies,
  type HourlyMeans,
  judgeRateMove,
  judgeRates,
  MIN_COINS,
  sameValuesFinding,
} from '../domain/currency-rules.ts';
import { addDays, type Day, daysFrom } from '../domain/day.ts';
import type { Finding } from '../domain/quality.ts';
import type { Series } from '../domain/series.ts';
import type { RunDependencies } from '../ports.ts';
import type { OpenRun } from './open-run.ts';
import type { RunPlan } from './plan-run.ts';

/** What the answers of one coin say so far. */
type CoinAnswers = { open: number; readonly hours: Map<string, Map<number, number>>; readonly days: Set<Day> };
const nothingYet = (): CoinAnswers => ({ open: 1, hours: new Map(), days: new Set() });

/** Compares the currencies of each coin by the answers of a hop. */
export interface CurrencyComparison {
  /** Takes in an answer that was stored. A coin whose last answer it was is compared, and its prices are let go. */
  add(series: Series, gapDays: readonly Day[], hours: HourlyMeans): void;
  /** @returns what was found, once nothing more is added. */
  findings(): Promise<Finding[]>;
}

/**
 * Requests of one coin stand together in a plan, so that the memory this takes does not grow with the universe. What earlier
 * hops stored of a coin of this hop is read back.
 */
export function createCurrencyComparison(
  run: OpenRun,
  plan: RunPlan,
  { repositories, source, universe }: RunDependencies,
): CurrencyComparison {
  const currencies = universe.currencies.map(({ code }) => code);
  const [base = ''] = currencies;
  const coins = new Map<string, CoinAnswers>();
  for (const { series, isReference } of plan.requests) {
    // Of the others only one currency is asked for.
    if (run.base !== null && !isReference) continue;
    const known = coins.get(series.coin);
    if (known) known.open += 1;
    else coins.set(series.coin, nothingYet());
  }
  const rates: CoinRate[] = [];
  const found: Finding[] = [];

  function compare(coin: string, { hours, days }: CoinAnswers): void {
    coins.delete(coin);
    // In the universe's order: of two equal series the later one is the suspect.
    const inOrder = new Map(currencies.map((code) => [code, hours.get(code) ?? new Map<number, number>()]));
    const compared = compareCurrencies(coin, base, inOrder, [...days]);
    rates.push(...compared.rates);
    found.push(...compared.same.map(sameValuesFinding));
  }

  /** Of an earlier hop, whatever this one did not hear itself. */
  async function readEarlier(coin: string, { hours, days }: CoinAnswers): Promise<void> {
    for (const answer of await repositories.prices.answersOfCoin(run.order.runId, coin)) {
      for (const day of daysFrom(answer.firstDay, answer.lastDay)) days.add(day);
      const heard = hoursOf(hours, answer.currency);
      for (const [hour, price] of hourlyMeans(source.parse(answer.body))) if (!heard.has(hour)) heard.set(hour, price);
    }
  }

  /** A hop that was cut off has compared nothing. */
  async function coinsOfEarlierHops(): Promise<string[]> {
    const ofThisHop = new Set(plan.requests.map(({ series }) => series.coin));
    const outcomes = await repositories.runs.seriesOutcomes(run.order.runId);
    const isCompared = (coin: string) => !ofThisHop.has(coin) && (run.base === null || run.base.coin === coin);
    const stored = outcomes.filter(({ status, coin }) => status === 'stored' && isCompared(coin));
    return [...new Set(stored.map(({ coin }) => coin))];
  }

  return {
    add(series, gapDays, means) {
      const answers = coins.get(series.coin);
      if (!answers) return;
      const hours = hoursOf(answers.hours, series.currency);
      for (const [hour, price] of means) hours.set(hour, price);
      for (const day of gapDays) answers.days.add(day);
      answers.open -= 1;
      const isWhole = !run.isContinued || currencies.every((code) => answers.hours.has(code));
      if (answers.open === 0 && isWhole) compare(series.coin, answers);
    },
    async findings() {
      for (const coin of run.wasCut ? await coinsOfEarlierHops() : []) coins.set(coin, nothingYet());
      for (const [coin, answers] of coins) {
        if (answers.hours.size === 0 && !run.wasCut) continue;
        if (run.isContinued) await readEarlier(coin, answers);
        compare(coin, answers);
      }
      const { medians, findings } = judgeRates(rates, run.base === null ? MIN_COINS : 1);
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
    },
  };
}

function hoursOf(hours: Map<string, Map<number, number>>, currency: string): Map<number, number> {
  const known = hours.get(currency) ?? new Map<number, number>();
  hours.set(currency, known);
  return known;
}
