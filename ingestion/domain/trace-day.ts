import { aggregate, judgeSamples, meanOfHours, sortedDistinct } from './aggregation.ts';
import type { DailyPrice, RejectedSample, Samples } from './daily-price.ts';
import { type Day, dayOf, HOUR_MS, type Instant, startOf } from './day.ts';
import type { PriceSample } from './outliers.ts';
import type { PlannedWindow } from './planning.ts';

/** An hour of a day with its counted samples. @property hour 0 to 23, in UTC. */
export type ExplainedHour = { readonly hour: number; readonly mean: number; readonly samples: readonly PriceSample[] };

/** How a daily price comes about, from the samples of one answer. */
export type Explanation = {
  readonly hours: readonly ExplainedHour[];
  /** Before it is clamped to [low, high]; null where no sample is counted. */
  readonly meanOfHours: number | null;
  readonly rejected: readonly RejectedSample[];
  /** The row that the answer makes; null where it makes none. */
  readonly price: DailyPrice | null;
};

/** @param receivedAt when the answer arrived: it decides what the row is judged as. */
export function explainDay(samples: Samples, planned: PlannedWindow, receivedAt: Instant, day: Day): Explanation {
  const { prices, rejected } = aggregate(samples, planned, receivedAt);
  const judged = judgeSamples(sortedDistinct(samples.prices));
  const counted = [...judged.valid.values()].filter((one) => !judged.rejected.has(one) && dayOf(one.at) === day);
  const hours = [...Map.groupBy(counted, ({ at }) => Math.floor((at - startOf(day)) / HOUR_MS))].map(
    ([hour, ofHour]) => ({
      hour,
      mean: meanOfHours([ofHour.map(({ price }) => price)]),
      samples: ofHour,
    }),
  );
  return {
    hours,
    meanOfHours:
      hours.length === 0 ? null : meanOfHours(hours.map(({ samples: ofHour }) => ofHour.map(({ price }) => price))),
    rejected: rejected.filter(({ observedAt }) => dayOf(observedAt) === day),
    price: prices.find((price) => price.day === day) ?? null,
  };
}

/** A field of which the stored row and the explanation say different things. */
export type Difference = { readonly field: string; readonly stored: unknown; readonly explained: unknown };

/** @returns the fields that differ, by the names of `DailyPrice`. Doubles are compared to the last bit. */
export function differences(stored: Omit<DailyPrice, 'hoursAnswered'>, explained: DailyPrice): Difference[] {
  const { hoursAnswered: _, ...expected } = explained;
  return Object.entries(expected)
    .map(([field, value]) => ({ field, stored: stored[field as keyof typeof stored], explained: value }))
    .filter((one) => one.stored !== one.explained);
}
