import { type Aggregation, aggregate } from '../domain/aggregation.ts';
import type { Samples } from '../domain/daily-price.ts';
import type { Day, Instant } from '../domain/day.ts';
import type { Window } from '../domain/planning.ts';
import { judgeAnswer } from '../domain/quality.ts';
import { isCoinInItself, type Series } from '../domain/series.ts';
import type { AnsweredDays, RunDependencies } from '../ports.ts';

/** Aggregates the samples of one series and judges them: what its answer comes to, as it will be stored. */
export function makeDays(
  series: Series,
  samples: Samples,
  asked: { readonly window: Window; readonly gapDays: readonly Day[] },
  receivedAt: Instant,
  { universe }: Pick<RunDependencies, 'universe'>,
): Omit<AnsweredDays, 'source' | 'otherAnswerIds'> & Aggregation {
  const { gapDays } = asked;
  const aggregation = aggregate(samples, asked, receivedAt);
  const isItself = isCoinInItself(universe, series);
  const findings = judgeAnswer({ series, isItself, samples, gapDays, ...aggregation });
  return { series, gapDays, ...aggregation, findings };
}
