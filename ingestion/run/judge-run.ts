import { KEPT_DAYS, MAX_HOPS } from '../contract/limits.ts';
import { countDays, DAY_MS, type Instant, MINUTE_MS } from '../domain/day.ts';
import { type DayState, type DayStatus, isMissing, statusOf } from '../domain/day-state.ts';
import { isFullRun } from '../domain/expected-days.ts';
import { type FailureKind, RefusedError, stopsTheRun } from '../domain/failure.ts';
import type { Finding } from '../domain/quality.ts';
import { type Series, selectSeries, seriesName } from '../domain/series.ts';
import { type DayCounts, onlyLacksTime, type RunResult, type RunStatus, statusAfter } from '../domain/verdict.ts';
import type { RecordedOutcome, RunDependencies } from '../ports.ts';
import { fetchLatestPrices } from './fetch-answer.ts';
import type { Hop } from './hop.ts';
import { type OpenRun, Stop } from './open-run.ts';
import { readStates } from './plan-run.ts';

/** Compares what is stored with what was expected, runs the quality rules, writes the verdict over all hops. */
export async function judgeRun(hop: Hop): Promise<RunResult> {
  const { run, plan, deps, counts, rows } = hop;
  const { runs, prices, findings } = deps.repositories;
  const { runId, request } = run.order;
  const { reason } = run.stop.signal;
  const stoppedBy = reason instanceof Stop ? reason.stopCause : null;
  const retryAfterMs = hop.retryPolicy.closedForMs(deps.clock.monotonicMs());

  await prices.judgeEmptyAnswers(runId, run.base);
  const { missingSeries, ...days } = await countStored(run, deps);
  const outcomes = await settledOutcomes(runId, missingSeries, deps);
  // What failed and lacks nothing is no failure of the run: its days are stored, or known not to exist.
  const failed = outcomes.filter((outcome) => outcome.errorKind && missingSeries.has(seriesName(outcome)));
  const madeProgress = days.missingDays < plan.missingDaysBefore;
  const judged = statusAfter({
    missingDays: days.missingDays,
    stoppedBy,
    canContinue: onlyLacksTime({ madeProgress, stoppedBy, retryAfterMs }) && run.order.hop < MAX_HOPS,
    hasStoredAnswers: outcomes.some(({ status, daysWritten }) => status === 'stored' || daysWritten > 0),
  });
  const isOver = (judged === 'complete' || judged === 'partial') && stoppedBy === null;
  const latest = isOver ? await fetchLatestPrices(hop) : { stored: null, findings: [] };
  const clock = hop.clockAheadMs === null ? [] : [clockFinding(hop.clockAheadMs)];
  const ofCurrencies = await hop.currencies.findings();
  await findings.add(runId, [...ofCurrencies, ...hop.references.findings, ...latest.findings, ...clock]);
  const nothingProved = whyNothingIsProved(hop, days);
  const status = nothingProved ? 'failed' : judged;
  const why = () => explain(status, days, { stoppedBy, madeProgress }, failed);
  const error = status === 'complete' ? null : (nothingProved ?? why());

  run.lock.lost.throwIfAborted();
  const finishedAt = deps.clock.now();
  await runs.finish(
    runId,
    { status, ...days, error },
    { retries: counts.retries, crossRateDays: rows.derived, latestPrices: latest.stored },
    status === 'waiting' ? null : finishedAt,
  );
  if (hop.clockOff) {
    // What a wrong clock has dated does not last: the run is dated by the source's, and what it asked for is not kept.
    await runs.forgetRequested(runId);
    if (hop.clockOff.answeredAt !== null) await runs.redate(runId, hop.clockOff.answeredAt);
  } else await prune(deps, finishedAt - KEPT_DAYS * DAY_MS);
  run.lock.lost.throwIfAborted();

  return {
    verdict: {
      ...{ runId, status, isFullRun: isFullRun(request), ...days },
      ...{ rowsWritten: rows.written, rowsUnchanged: rows.unchanged },
      ...(await runs.totals(runId)),
      durationMs: Math.round(deps.clock.monotonicMs() - run.startedMs),
      series: outcomes.map(({ errorKind, ...outcome }) => outcome),
      findings: await findings.ofRun(runId),
      error,
    },
    ...{ hop: { ...counts }, madeProgress, stoppedBy, retryAfterMs },
    failures: nothingProved
      ? [hop.clockOff ? 'clock' : 'refused']
      : remainingFailures(failed, stoppedBy !== null, missingSeries.size),
  };
}

/** @returns why the run is no success whatever is stored; null for nearly all. */
function whyNothingIsProved({ clockOff, run: { order }, deps }: Hop, { expectedDays }: DayCounts): string | null {
  if (clockOff) return clockOff.message;
  if (expectedDays > 0 || !isFullRun(order.request)) return null;
  const now = new Date(deps.clock.now()).toISOString();
  const found = `No day is expected of any series, so there is nothing to be complete. This machine's clock says ${now}`;
  return `${found}; if that is right, compare the universe with what CoinGecko lists: npm run universe -- check`;
}

const clockFinding = (aheadMs: number): Finding => ({
  ...{ rule: 'clock', severity: 'warning', coin: null, currency: null, day: null },
  detail: `This machine's clock was ${Math.round(Math.abs(aheadMs) / MINUTE_MS)} minutes ${aheadMs > 0 ? 'ahead of' : 'behind'} CoinGecko's`,
});

/**
 * Closes a run that an error ended before it could be judged: `failed`, with the reason and what is stored by now. The
 * error is the caller's to throw; where even this can't be written, the next run marks the row as interrupted.
 */
export async function failRun(run: OpenRun, reason: unknown, deps: RunDependencies): Promise<void> {
  const { runId } = run.order;
  try {
    // What can't be reached is not asked once more.
    run.lock.lost.throwIfAborted();
    // A refused request expects nothing.
    const { missingSeries: _, ...days } = await countStored(run, deps);
    const counts = reason instanceof RefusedError ? {} : days;
    const error = reason instanceof Error ? reason.message : String(reason);
    const nothingCounted = { retries: 0, crossRateDays: 0, latestPrices: null };
    await deps.repositories.runs.finish(
      runId,
      { status: 'failed', ...counts, error },
      nothingCounted,
      deps.clock.now(),
    );
  } catch (error) {
    deps.log.error('The failed run could not be recorded', { runId, error });
  }
}

/** Old answers that stay a day longer harm nobody: the verdict stands. */
async function prune({ repositories, log }: RunDependencies, olderThan: Instant): Promise<void> {
  try {
    await repositories.housekeeping.prune(olderThan);
  } catch (error) {
    log.warn('Old answers could not be deleted; the next run tries again', { error });
  }
}

/**
 * An empty answer is no failure where every day that it was asked for is known not to exist.
 * @returns what became of each series, in the universe's order.
 */
async function settledOutcomes(runId: string, missingSeries: ReadonlySet<string>, deps: RunDependencies) {
  const { universe, repositories } = deps;
  const { runs } = repositories;
  const empty = (await runs.seriesOutcomes(runId)).filter(({ errorKind }) => errorKind === 'empty');
  const lackingNothing = empty.filter((outcome) => !missingSeries.has(seriesName(outcome)));
  await runs.clearFailures(runId, lackingNothing);
  const positions = new Map(selectSeries(universe, {}).map((series, index) => [seriesName(series), index]));
  const positionOf = (one: Series) => positions.get(seriesName(one)) ?? positions.size;
  return (await runs.seriesOutcomes(runId)).sort((a, b) => positionOf(a) - positionOf(b));
}

async function countStored(run: OpenRun, deps: RunDependencies) {
  const { expected, scope } = run;
  const states = await readStates(run, deps);
  const all = states.flat();
  const count = (status: DayStatus) => all.filter((state) => statusOf(state, scope.dueAt) === status).length;
  const isLacking = (state: DayState) => isMissing(state, scope);
  const missing = all.filter(isLacking);
  const missingOf = (status: DayStatus) => missing.filter((state) => statusOf(state, scope.dueAt) === status).length;
  // One that a refetch asks for is expected until it was asked.
  const unavailableDays = count('unavailable') - missingOf('unavailable');
  const spans = expected.flatMap((one) => one.expected);
  const expectedDays = spans.reduce((sum, { first, last }) => sum + countDays(first, last), 0) - unavailableDays;
  const unconfirmedDays = count('unconfirmed');
  const lacking = expected.filter((_, index) => states[index]?.some(isLacking));
  return {
    storedDays: expectedDays - missing.length - (unconfirmedDays - missingOf('unconfirmed')),
    ...{ expectedDays, missingDays: missing.length, thinDays: count('thin'), unconfirmedDays, unavailableDays },
    missingSeries: new Set(lacking.map(({ series }) => seriesName(series))),
  };
}

/** A series whose answers came and still lack a day may have it later: they are incomplete. */
function remainingFailures(failed: readonly RecordedOutcome[], isStopped: boolean, lacking: number): FailureKind[] {
  const kinds = new Set(failed.flatMap(({ errorKind }) => errorKind ?? []));
  const fatal = [...kinds].find(stopsTheRun);
  if (fatal) return [fatal];
  return isStopped || lacking > failed.length ? [...kinds, 'incomplete'] : [...kinds];
}

function explain(
  status: RunStatus,
  { missingDays, expectedDays }: DayCounts,
  { stoppedBy, madeProgress }: Pick<RunResult, 'stoppedBy' | 'madeProgress'>,
  failed: readonly RecordedOutcome[],
): string {
  const missing = `${missingDays} of ${expectedDays} expected days are missing`;
  const [first] = failed;
  const causes = first ? `. ${failed.length} series failed, ${seriesName(first)} with: ${first.error}` : '';
  const fatal = failed.find(({ errorKind }) => errorKind && stopsTheRun(errorKind));
  if (fatal) return `${fatal.error} (${missing})`;
  if (first && stoppedBy === 'source') return `Stopped, as nothing but failures came: ${first.error} (${missing})`;
  if (status === 'interrupted') return `Interrupted: ${missing}; the next run continues${causes}`;
  if (status === 'waiting') return `Out of time: ${missing}; a continuation takes over${causes}`;
  if (stoppedBy === 'deadline') return `Out of time${madeProgress ? '' : ' without progress'}: ${missing}${causes}`;
  return causes === '' ? `${missing}: the answers hold no usable samples of them` : `${missing}${causes}`;
}
