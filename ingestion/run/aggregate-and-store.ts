import { type Aggregation, type AskedDays, aggregate, type Conversion } from '../domain/aggregation.ts';
import type { Day } from '../domain/day.ts';
import { trackedSince } from '../domain/expected-days.ts';
import { SourceError } from '../domain/failure.ts';
import type { PlannedRequest } from '../domain/planning.ts';
import { judgeAnswer } from '../domain/quality.ts';
import { isCoinInItself, type Series, seriesName } from '../domain/series.ts';
import type { AnsweredDays, AnswerToStore, RunDependencies } from '../ports.ts';
import type { FetchedAnswer } from './fetch-answer.ts';
import { failWithoutRate, type Hop } from './hop.ts';
import { addReference, conversionOn } from './references.ts';

/**
 * Aggregates an answer, for its own series and for those that are derived from it.
 * @returns what the answer comes to, with the series that there was no rate for. It holds on to no samples: those of a hundred
 * answers would take most of the memory.
 */
export function aggregateAnswer({ request, ...answer }: FetchedAnswer, hop: Hop) {
  const { series, window, gapDays, isReference } = request;
  const [{ gapDays: ownGapDays }] = request.serves;
  const { samples, body, receivedAt } = answer;
  const own = makeDays(series, answer, { window, gapDays: ownGapDays }, hop.deps.universe);
  const { answered, withoutRate } = deriveDays(request, answer, hop);
  const toStore: AnswerToStore = {
    ...{ runId: hop.run.order.runId, series, window, gapDays, answer: { body, receivedAt } },
    sampleCount: samples.prices.length,
    firstSampleAt: own.firstSampleAt,
    trackedSince: trackedSince(hop.run.scope.dueAt),
    attempts: hop.attempts.get(request) ?? 0,
    answered: [{ ...own, source: 'direct', otherAnswerIds: () => [] }, ...answered],
  };
  const [firstDay, lastDay] = [gapDays[0], gapDays.at(-1) ?? gapDays[0]];
  const reference = isReference ? { window, receivedAt, prices: samples.prices, firstDay, lastDay } : null;
  return { request, toStore, hourlyMeans: own.hourlyMeans, reference, withoutRate };
}

/** Aggregates the samples of one series and judges them. */
function makeDays(
  series: Series,
  { samples, receivedAt }: Pick<FetchedAnswer, 'samples' | 'receivedAt'>,
  asked: AskedDays,
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
  { series: asked, serves: [, ...derived], window }: PlannedRequest,
  answer: Omit<FetchedAnswer, 'request'>,
  { references, deps: { universe } }: Hop,
) {
  const withoutRate: Series[] = [];
  const answered = derived.map(({ series, gapDays }): AnsweredDays => {
    const rateOn = (day: Day) => conversionOn(references, asked.currency, series.currency, day);
    const made = makeDays(series, answer, { window, gapDays }, universe, (day) => rateOn(day)?.conversion ?? null);
    if (gapDays.some((day) => !rateOn(day)?.conversion.holdsDay)) withoutRate.push(series);
    return { ...made, source: 'cross_rate', otherAnswerIds: (day) => rateOn(day)?.answerIds ?? [] };
  });
  return { answered, withoutRate };
}

/** Stores and counts an answer. @throws SourceError for one that the database refuses, or an empty one; LockLostError. */
export async function storeAnswer(
  { request: { series, gapDays }, toStore, hourlyMeans, reference, withoutRate }: ReturnType<typeof aggregateAnswer>,
  hop: Hop,
): Promise<void> {
  const { run, deps, rows, currencies, references } = hop;
  // Another ingestion may be working by now.
  run.lock.lost.throwIfAborted();
  const { id, rowsWritten, rowsUnchanged, rowsDerived } = await deps.repositories.prices.storeAnswer(toStore);
  rows.written += rowsWritten;
  rows.unchanged += rowsUnchanged;
  rows.derived += rowsDerived;
  currencies.add(series, gapDays, hourlyMeans);
  if (reference) addReference(references, series.currency, { id, ...reference });
  for (const one of withoutRate) failWithoutRate(hop, one);
  // It is stored like any other: what it proves is judged when the run ends.
  if (toStore.sampleCount === 0) {
    const message = `CoinGecko's answer for ${seriesName(series)} has no prices; hourly ones were expected`;
    throw new SourceError('empty', message, { status: 200 });
  }
  deps.onEvent({ kind: 'answered', series, rowsWritten });
}
