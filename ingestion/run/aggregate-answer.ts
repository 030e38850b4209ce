import { type Aggregation, aggregate } from '../domain/aggregation.ts';
import { deriveSamples } from '../domain/cross-rates.ts';
import type { Samples } from '../domain/daily-price.ts';
import { type Day, dayOf, type Instant } from '../domain/day.ts';
import type { PlannedRequest, Window } from '../domain/planning.ts';
import { judgeAnswer } from '../domain/quality.ts';
import { isCoinInItself, type Series } from '../domain/series.ts';
import type { AnsweredDays, AnswerToStore, RunDependencies } from '../ports.ts';
import type { FetchedAnswer } from './fetch-answer.ts';
import type { Hop } from './hop.ts';
import { type Reference, ratesOf } from './references.ts';

/** What an answer comes to. It holds on to no samples: those of a hundred answers would take most of the memory. */
export type AggregatedAnswer = {
  readonly request: PlannedRequest;
  readonly toStore: AnswerToStore;
  /** Of its own series. */
  readonly hourlyMeans: Aggregation['hourlyMeans'];
  /** What others are derived with, once the answer has an id; null for most. */
  readonly reference: Omit<Reference, 'id'> | null;
  /** Series that were to be derived from the answer, and that there is no rate for. */
  readonly withoutRate: readonly Series[];
};

/** Aggregates an answer, for its own series and for those that are derived from it. */
export function aggregateAnswer({ request, ...answer }: FetchedAnswer, hop: Hop): AggregatedAnswer {
  const { series, window, gapDays, serves, isReference } = request;
  const { samples, body, receivedAt } = answer;
  const { universe } = hop.deps;
  const own = makeDays(series, samples, { window, gapDays: serves[0]?.gapDays ?? [] }, receivedAt, universe);
  const { answered, withoutRate } = deriveDays(request, answer, hop);
  return {
    request,
    toStore: {
      ...{ runId: hop.run.order.runId, series, window, gapDays, answer: { body, receivedAt } },
      sampleCount: samples.prices.length,
      firstSampleAt: own.firstSampleAt,
      attempts: hop.attempts.get(request) ?? 0,
      answered: [{ ...own, source: 'direct', otherAnswerIds: [] }, ...answered],
    },
    hourlyMeans: own.hourlyMeans,
    reference: isReference ? { window, receivedAt, prices: samples.prices } : null,
    withoutRate,
  };
}

/** Aggregates the samples of one series and judges them. */
function makeDays(
  series: Series,
  samples: Samples,
  asked: { readonly window: Window; readonly gapDays: readonly Day[] },
  receivedAt: Instant,
  universe: RunDependencies['universe'],
): Omit<AnsweredDays, 'source' | 'otherAnswerIds'> & Aggregation {
  const { gapDays } = asked;
  const aggregation = aggregate(samples, asked, receivedAt);
  const findings = judgeAnswer({
    ...{ series, isItself: isCoinInItself(universe, series), samples, gapDays },
    ...aggregation,
  });
  return { series, gapDays, ...aggregation, findings };
}

/** Every reference answer must have been stored. */
function deriveDays(
  { serves: [, ...derived], window }: PlannedRequest,
  { samples, receivedAt }: Omit<FetchedAnswer, 'request'>,
  { run: { base }, references, deps: { universe } }: Hop,
): { answered: AnsweredDays[]; withoutRate: Series[] } {
  const answered: AnsweredDays[] = [];
  const withoutRate: Series[] = [];
  if (base === null) return { answered, withoutRate };
  const daysSent = new Set(samples.prices.map(([at]) => dayOf(at)));
  const referencesIn = (currency: string) =>
    (references.byCurrency.get(currency) ?? []).filter(
      (one) => one.window.from < window.to && one.window.to > window.from,
    );
  const inBase = referencesIn(base.currency);
  for (const { series, gapDays } of derived) {
    const inCurrency = referencesIn(series.currency);
    const used = [...inBase, ...inCurrency];
    const rates = ratesOf(references, inBase, inCurrency, series.currency);
    if (rates.length === 0) {
      withoutRate.push(series);
      continue;
    }
    const arrival = Math.min(receivedAt, ...used.map((one) => one.receivedAt));
    const made = makeDays(series, deriveSamples(samples, rates), { window, gapDays }, arrival, universe);
    const daysWithRate = new Set(rates.map(({ at }) => dayOf(at)));
    answered.push({
      ...made,
      source: 'cross_rate',
      otherAnswerIds: used.map(({ id }) => id),
      absentDays: made.absentDays.filter((day) => !daysSent.has(day) && daysWithRate.has(day)),
    });
  }
  return { answered, withoutRate };
}
