import { aggregate } from '../domain/aggregation.ts';
import {
  type CoinRate,
  compareCurrencies,
  type HourlyMeans,
  judgeRateMove,
  judgeRates,
  MIN_COINS,
} from '../domain/currency-rules.ts';
import { addDays, type Day, daysFrom } from '../domain/day.ts';
import type { Finding } from '../domain/quality.ts';
import type { Series } from '../domain/series.ts';
import type { RunDependencies } from '../ports.ts';
import type { OpenRun } from './open-run.ts';
import type { RunPlan } from './plan-run.ts';

/** What the answers of one coin say so far. @property open how many are still to come. */
type CoinAnswers = { open: number; readonly hours: Map<string, HourlyMeans>; readonly days: Set<Day> };

/**
 * Compares the currencies of each coin by the answers of a hop.
 * Requests of one coin stand together in a plan, so that the memory this takes does not grow with the universe. What earlier
 * hops stored of a coin of this hop is read back.
 */
export function createCurrencyComparison(run: OpenRun, plan: RunPlan, deps: RunDependencies) {
  const { repositories, source, universe } = deps;
  const { runId } = run.order;
  const currencies = universe.currencies.map(({ code }) => code);
  const [base = ''] = currencies;
  const coins = new Map<string, CoinAnswers>();
  const rates: CoinRate[] = [];
  const found: Finding[] = [];
  const expectAnswers = (coin: string, count: number) => {
    const { open, ...known } = coins.get(coin) ?? { open: 0, hours: new Map(), days: new Set() };
    coins.set(coin, { ...known, open: open + count });
  };
  // Of the coins whose prices are derived only one currency is asked for.
  const compared = plan.requests.filter(({ isReference }) => run.base === null || isReference);
  for (const { series } of compared) expectAnswers(series.coin, 1);

  function take({ hours, days }: CoinAnswers, currency: string, means: HourlyMeans, ofDays: readonly Day[]): void {
    hours.set(currency, new Map([...(hours.get(currency) ?? []), ...means]));
    for (const day of ofDays) days.add(day);
  }

  function compare(coin: string, { hours, days }: CoinAnswers): void {
    coins.delete(coin);
    // In the universe's order: of two equal series the later one is the suspect.
    const inOrder = new Map(currencies.map((code) => [code, hours.get(code) ?? new Map()]));
    const { rates: ofCoin, findings } = compareCurrencies(coin, base, inOrder, [...days]);
    rates.push(...ofCoin);
    found.push(...findings);
  }

  /** Of earlier hops; what this one heard itself goes before. */
  async function readEarlier(coin: string, answers: CoinAnswers): Promise<void> {
    for (const { body, ...answer } of await repositories.prices.answersOfCoin(runId, coin)) {
      const gapDays = daysFrom(answer.firstDay, answer.lastDay);
      const { hourlyMeans } = aggregate(source.parse(body), { ...answer, gapDays }, answer.receivedAt);
      const heard = answers.hours.get(answer.currency) ?? [];
      take(answers, answer.currency, new Map([...hourlyMeans, ...heard]), gapDays);
    }
  }

  /** A hop that was cut off has compared nothing. */
  async function expectCoinsOfEarlierHops(): Promise<void> {
    const ofThisHop = new Set(plan.requests.map(({ series }) => series.coin));
    for (const { coin, status } of await repositories.runs.seriesOutcomes(runId)) {
      const isCompared = !ofThisHop.has(coin) && (run.base === null || run.base.coin === coin);
      if (status === 'stored' && isCompared) expectAnswers(coin, 0);
    }
  }

  return {
    /** Takes in an answer that was stored. A coin whose last answer it was is compared, and its prices are let go. */
    add({ coin, currency }: Series, gapDays: readonly Day[], means: HourlyMeans): void {
      const answers = coins.get(coin);
      if (!answers) return;
      take(answers, currency, means, gapDays);
      answers.open -= 1;
      const isWhole = !run.isContinued || currencies.every((code) => answers.hours.has(code));
      if (answers.open === 0 && isWhole) compare(coin, answers);
    },
    /** @returns what was found, once nothing more is added. */
    async findings(): Promise<Finding[]> {
      if (run.wasCut) await expectCoinsOfEarlierHops();
      for (const [coin, answers] of coins) {
        if (answers.hours.size === 0 && !run.wasCut) continue;
        if (run.isContinued) await readEarlier(coin, answers);
        compare(coin, answers);
      }
      const { medians, findings } = judgeRates(rates, run.base === null ? MIN_COINS : 1);
      const known = new Map(medians.map((one) => [`${one.currency} ${one.day}`, one]));
      for (const now of medians) {
        const ofDayBefore = known.get(`${now.currency} ${addDays(now.day, -1)}`);
        const before = ofDayBefore ?? (await repositories.prices.lastFinalRate(now.currency, base, now.day));
        if (before) findings.push(...judgeRateMove(now, before, base));
      }
      return [...found, ...findings];
    },
  };
}
