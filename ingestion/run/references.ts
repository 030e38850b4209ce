import { type CrossRates, ratesBetween } from '../domain/cross-rates.ts';
import type { Samples } from '../domain/daily-price.ts';
import type { Instant } from '../domain/day.ts';
import type { Window } from '../domain/planning.ts';
import type { Finding } from '../domain/quality.ts';
import type { RunDependencies } from '../ports.ts';
import type { RunPlan } from './plan-run.ts';

/** An answer for the coin that others are derived with. */
export type Reference = {
  readonly id: number;
  readonly window: Window;
  readonly receivedAt: Instant;
  readonly prices: Samples['prices'];
};

/** The stored answers that prices in other currencies are derived with, and what they come to. */
export type References = {
  readonly byCurrency: Map<string, Reference[]>;
  /** By the ids of the answers, which a row will name, so that it can be made again from them. */
  readonly rates: Map<string, CrossRates>;
  /** Rates that were left out as faults. */
  readonly findings: Finding[];
};

/** @returns those that earlier hops of the run have stored. */
export function referencesOf({ storedReferences }: RunPlan, { source }: RunDependencies): References {
  const references: References = { byCurrency: new Map(), rates: new Map(), findings: [] };
  for (const { currency, body, ...stored } of storedReferences)
    addReference(references, currency, { ...stored, prices: source.parse(body).prices });
  return references;
}

export function addReference({ byCurrency }: References, currency: string, reference: Reference): void {
  byCurrency.set(currency, [...(byCurrency.get(currency) ?? []), reference]);
}

export function ratesOf(
  { rates, findings }: References,
  inBase: readonly Reference[],
  inCurrency: readonly Reference[],
  currency: string,
): CrossRates {
  const key = [...inBase, ...inCurrency].map(({ id }) => id).join();
  const known = rates.get(key);
  if (known) return known;
  const pricesOf = (answers: readonly Reference[]) => answers.flatMap(({ prices }) => prices);
  const found = ratesBetween(currency, pricesOf(inBase), pricesOf(inCurrency));
  rates.set(key, found.rates);
  findings.push(...found.findings);
  return found.rates;
}
