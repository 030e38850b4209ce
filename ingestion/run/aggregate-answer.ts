import { type Aggregation, aggregate, type Conversion } from '../domain/aggregation.ts';
import type { Day } from '../domain/day.ts';
import { trackedSince } from '../domain/expected-days.ts';
import type { PlannedRequest, Window } from '../domain/planning.ts';
import { judgeAnswer } from '../domain/quality.ts';
import { isCoinInItself, type Series } from '../domain/series.ts';
import type { AnsweredDays, AnswerToStore, RunDependencies } from '../ports.ts';
import type { FetchedAnswer } from './fetch-answer.ts';
import type { Hop } from './hop.ts';
import { conversionOn, type Reference } from './references.ts';

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
  const own = makeDays(series, answer, { window, gapDays: serves[0]?.gapDays ?? [] }, universe);
  const { answered, withoutRate } = deriveDays(request, answer, hop);
  return {
    request,
    toStore: {
      ...{ runId: hop.run.order.runId, series, window, gapDays, answer: { body, receivedAt } },
      sampleCount: samples.prices.length,
      firstSampleAt: own.firstSampleAt,
      trackedSince: trackedSince(hop.run.scope.dueAt),
      attempts: hop.attempts.get(request) ?? 0,
      answered: [{ ...own, source: 'direct', otherAnswerIds: () => [] }, ...answered],
    },
    hourlyMeans: own.hourlyMeans,
    reference: isReference
      ? { window, receivedAt, prices: samples.prices, firstDay: gapDays[0], lastDay: gapDays.at(-1) ?? gapDays[0] }
      : null,
    withoutRate,
  };
}

/** Aggregates the samples of one series and judges them. */
function makeDays(
  series: Series,
  { samples, receivedAt }: Pick<FetchedAnswer, 'samples' | 'receivedAt'>,
  asked: { readonly window: Window; readonly gapDays: readonly Day[] },
  universe: RunDependencies['universe'],
  conversionOn?: (day: Day) => Conversion | null,
): Omit<AnsweredDays, 'source' | 'otherAnswerIds'> & Aggregation {
  const { gapDays } = asked;
  const aggregation = aggregate(samples, asked, receivedAt, conversionOn);
  const isItself = isCoinInItself(universe, series);
  const findings = judgeAnswer({ ...{ series, isItself, samples, gapDays }, ...aggregation });
  return { series, gapDays, ...aggregation, findings };
}

/** Every reference answer must have been stored. */
function deriveDays(
  { serves: [, ...derived], window }: PlannedRequest,
  answer: Omit<FetchedAnswer, 'request'>,
  { run: { base }, references, deps: { universe } }: Hop,
): { answered: AnsweredDays[]; withoutRate: Series[] } {
  if (base === null) return { answered: [], withoutRate: [] };
  const withoutRate = new Set<Series>();
  const answered = derived.map(({ series, gapDays }): AnsweredDays => {
    const rateOn = (day: Day) => conversionOn(references, base.currency, series.currency, day);
    const made = makeDays(series, answer, { window, gapDays }, universe, (day) => rateOn(day)?.conversion ?? null);
    if (gapDays.some((day) => !rateOn(day)?.conversion.holdsDay)) withoutRate.add(series);
    return { ...made, source: 'cross_rate', otherAnswerIds: (day) => rateOn(day)?.answerIds ?? [] };
  });
  return { answered, withoutRate: [...withoutRate] };
}
