import { type CrossRates, deriveSamples, ratesBetween } from '../domain/cross-rates.ts';
import type { Samples } from '../domain/daily-price.ts';
import { dayOf, type Instant } from '../domain/day.ts';
import type { Finding } from '../domain/finding.ts';
import type { PlannedRequest, Window } from '../domain/planning.ts';
import type { Series } from '../domain/series.ts';
import type { AnsweredDays, RunDependencies, SourceResponse } from '../ports.ts';
import { makeDays } from './make-days.ts';
import type { OpenRun } from './open-run.ts';
import type { RunPlan } from './plan-run.ts';

/** An answer for the coin that others are derived with. */
type Reference = {
  readonly id: number;
  readonly window: Window;
  readonly receivedAt: Instant;
  readonly prices: Samples['prices'];
};

/** Makes prices in other currencies from the answers of one, where the run is told to. */
export interface Derivation {
  /** @returns what takes the answer in once it is stored, by its id. Only the reference's matter. */
  reference(request: PlannedRequest, answer: Pick<SourceResponse, 'samples' | 'receivedAt'>): (id: number) => void;
  /**
   * Every reference answer must have been taken in.
   * @returns what the answer comes to in the series that are derived from it, and those that there is no rate for.
   */
  derive(
    request: PlannedRequest,
    answer: Pick<SourceResponse, 'samples' | 'receivedAt'>,
  ): { answered: AnsweredDays[]; withoutRate: Series[] };
  /** Rates that were left out as faults. */
  readonly findings: readonly Finding[];
}

/** Made here, it holds on to no answer. */
const NOT_NEEDED = () => undefined;

export function createDerivation({ base }: OpenRun, plan: RunPlan, deps: RunDependencies): Derivation {
  const references = new Map<string, Reference[]>();
  const rates = new Map<string, CrossRates>();
  const findings: Finding[] = [];
  const referencesIn = (currency: string): readonly Reference[] => references.get(currency) ?? [];
  const take = (currency: string, reference: Reference) =>
    references.set(currency, [...referencesIn(currency), reference]);
  for (const { currency, body, ...stored } of plan.storedReferences)
    take(currency, { ...stored, prices: deps.source.parse(body).prices });

  /** By the answers that a row will name, so that it can be made again from them. */
  function ratesOf(inBase: readonly Reference[], inCurrency: readonly Reference[], currency: string): CrossRates {
    const key = [...inBase, ...inCurrency].map(({ id }) => id).join();
    const known = rates.get(key);
    if (known) return known;
    const pricesOf = (answers: readonly Reference[]) => answers.flatMap(({ prices }) => prices);
    const found = ratesBetween(currency, pricesOf(inBase), pricesOf(inCurrency));
    rates.set(key, found.rates);
    findings.push(...found.findings);
    return found.rates;
  }

  return {
    findings,
    reference({ series, window, isReference }, { samples: { prices }, receivedAt }) {
      if (!isReference) return NOT_NEEDED;
      return (id) => take(series.currency, { id, window, receivedAt, prices });
    },
    derive({ serves: [, ...derived], window }, { samples, receivedAt }) {
      const answered: AnsweredDays[] = [];
      const withoutRate: Series[] = [];
      if (base === null) return { answered, withoutRate };
      const daysSent = new Set(samples.prices.map(([at]) => dayOf(at)));
      const overlaps = (one: Reference) => one.window.from < window.to && one.window.to > window.from;
      for (const { series, gapDays } of derived) {
        const [inBase, inCurrency] = [base.currency, series.currency].map((code) =>
          referencesIn(code).filter(overlaps),
        ) as [Reference[], Reference[]];
        const used = [...inBase, ...inCurrency];
        const rates = ratesOf(inBase, inCurrency, series.currency);
        if (rates.length === 0) {
          withoutRate.push(series);
          continue;
        }
        const derivedSamples = deriveSamples(samples, rates);
        const arrival = Math.min(receivedAt, ...used.map((one) => one.receivedAt));
        const made = makeDays(series, derivedSamples, { window, gapDays }, arrival, deps);
        const daysWithRate = new Set(rates.map(({ at }) => dayOf(at)));
        answered.push({
          ...made,
          source: 'cross_rate',
          otherAnswerIds: used.map(({ id }) => id),
          absentDays: made.absentDays.filter((day) => !daysSent.has(day) && daysWithRate.has(day)),
        });
      }
      return { answered, withoutRate };
    },
  };
}
