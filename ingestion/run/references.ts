import type { Conversion } from '../domain/aggregation.ts';
import { type CrossRates, convertDay, type ReferenceAnswer, ratesBetween } from '../domain/cross-rates.ts';
import { type Day, settledAt, startOf } from '../domain/day.ts';
import type { Finding } from '../domain/quality.ts';
import type { RunDependencies } from '../ports.ts';
import type { RunPlan } from './plan-run.ts';

/** A stored answer for the coin that others are derived with, and the days that it was asked for. */
export type Reference = ReferenceAnswer & { readonly id: number; readonly firstDay: Day; readonly lastDay: Day };

/** The stored answers that prices in other currencies are derived with, and what they come to. */
export type References = {
  readonly byCurrency: Map<string, Reference[]>;
  /** By the ids of the two answers, and those of a day by it too. */
  readonly rates: Map<string, CrossRates>;
  readonly conversions: Map<string, Conversion>;
  /** Rates that were left out as faults. */
  readonly findings: Finding[];
};

export const noReferences = (): References => ({
  byCurrency: new Map(),
  rates: new Map(),
  conversions: new Map(),
  findings: [],
});

/** @returns those that earlier hops of the run have stored. */
export function referencesOf({ storedReferences }: RunPlan, { source }: RunDependencies): References {
  const references = noReferences();
  for (const { currency, body, ...stored } of storedReferences)
    addReference(references, currency, { ...stored, prices: source.parse(body).prices });
  return references;
}

export function addReference({ byCurrency }: References, currency: string, reference: Reference): void {
  byCurrency.set(currency, [...(byCurrency.get(currency) ?? []), reference]);
}

/**
 * @returns how prices in the first currency become prices in the other one on that day, and the answers that say so; null
 * where the day does not lie wholly in a window that was answered in both.
 */
export function conversionOn(
  { byCurrency, rates, conversions, findings }: References,
  base: string,
  currency: string,
  day: Day,
): { conversion: Conversion; answerIds: readonly number[] } | null {
  const [inBase, inCurrency] = [base, currency].map((code) => answeredFor(byCurrency.get(code) ?? [], day));
  if (!inBase || !inCurrency) return null;
  const answerIds = [inBase.id, inCurrency.id];
  const key = answerIds.join();
  const known = conversions.get(`${key} ${day}`);
  if (known) return { conversion: known, answerIds };
  const ofPair = rates.get(key) ?? ratesBetween(currency, inBase, inCurrency);
  const converted = convertDay(ofPair, day);
  rates.set(key, ofPair);
  conversions.set(`${key} ${day}`, converted.conversion);
  findings.push(...converted.findings);
  return { conversion: converted.conversion, answerIds };
}

/** An answer that was asked for the day has its surroundings too. Of a day that is not settled yet any that reaches it will do. */
function answeredFor(answers: readonly Reference[], day: Day): Reference | undefined {
  const wasAsked = answers.find(({ firstDay, lastDay }) => firstDay <= day && day <= lastDay);
  const reaches = ({ window: { from, to }, receivedAt }: Reference) =>
    from <= startOf(day) && startOf(day) < to && receivedAt < settledAt(day);
  return wasAsked ?? answers.find(reaches);
}
