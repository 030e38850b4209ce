import { KEPT_DAYS, MAX_HOPS } from '../contract/limits.ts';
import type { Universe } from '../contract/universe-schema.ts';
import { countDays, DAY_MS, type Instant } from '../domain/day.ts';
import { isMissing, statusOf } from '../domain/day-state.ts';
import { isFullRun } from '../domain/expected-days.ts';
import { type FailureKind, stopsTheRun } from '../domain/failure.ts';
import { onlyLacksTime, statusAfter } from '../domain/outcomes.ts';
import { type Series, selectSeries, seriesName } from '../domain/series.ts';
import type { DayCounts, RunResult, RunStatus, StopCause } from '../domain/verdict.ts';
import type { HopTotals, RecordedOutcome, RunDependencies } from '../ports.ts';
import type { CurrencyComparison } from './compare-currencies.ts';
import type { Derivation } from './derive-prices.ts';
import { fetchLatestPrices } from './fetch-latest-prices.ts';
import type { FetchOutcome } from './fetch-windows.ts';
import type { OpenRun } from './open-run.ts';
import { type RunPlan, readStates } from './plan-run.ts';

/**
 * Compares what is stored with what was expected, runs the quality rules, writes the verdict.
 * @returns the verdict of the run over all its hops.
 */
export async function judgeRun(
  run: OpenRun,
  plan: RunPlan,
  fetched: FetchOutcome,
  { currencies, derivation }: { currencies: CurrencyComparison; derivation: Derivation },
  deps: RunDependencies,
): Promise<RunResult> {
  const { runs, prices, findings } = deps.repositories;
  const { runId, request } = run.order;
  await prices.judgeEmptyAnswers(runId, run.base);
  const { missingSeries, ...days } = await countStored(run, deps);

  await forgiveEmptyAnswers(run, missingSeries, deps);
  const outcomes = inUniverseOrder(await runs.seriesOutcomes(runId), deps.universe);
  // What failed and lacks nothing is no failure of the run: its days are stored, or known not to exist.
  const failed = outcomes.filter((outcome) => outcome.errorKind && missingSeries.has(seriesName(outcome)));
  const { stoppedBy, retryAfterMs } = fetched;
  const madeProgress = days.missingDays < plan.missingDaysBefore;
  const status = statusAfter({
    missingDays: days.missingDays,
    stoppedBy,
    canContinue: onlyLacksTime({ madeProgress, stoppedBy, retryAfterMs }) && run.order.hop < MAX_HOPS,
    hasStoredAnswers: outcomes.some(({ status, daysWritten }) => status === 'stored' || daysWritten > 0),
  });
  const isOver = (status === 'complete' || status === 'partial') && stoppedBy === null;
  const latest = isOver ? await fetchLatestPrices(run, plan, fetched, deps) : null;
  await findings.add(runId, [...(await currencies.findings()), ...derivation.findings, ...(latest?.findings ?? [])]);
  const error = status === 'complete' ? null : explain(status, days, { stoppedBy, madeProgress }, failed);
  run.lock.lost.throwIfAborted();
  const finishedAt = deps.clock.now();
  await runs.finish(
    runId,
    { status, ...days, error },
    { retries: fetched.counts.retries, crossRateDays: fetched.rowsDerived, latestPrices: latest?.stored ?? null },
    status === 'waiting' ? null : finishedAt,
  );
  await prune(deps, finishedAt - KEPT_DAYS * DAY_MS);
  run.lock.lost.throwIfAborted();

  return {
    verdict: {
      runId,
      status,
      isFullRun: isFullRun(request),
      ...days,
      rowsWritten: fetched.rowsWritten,
      rowsUnchanged: fetched.rowsUnchanged,
      ...(await runs.totals(runId)),
      durationMs: Math.round(deps.clock.monotonicMs() - run.startedMs),
      series: outcomes.map(({ errorKind, ...outcome }) => outcome),
      findings: await findings.ofRun(runId),
      error,
    },
    hop: { ...fetched.counts },
    madeProgress,
    stoppedBy,
    failures: remainingFailures(failed, stoppedBy, missingSeries),
    retryAfterMs,
  };
}

/** An empty answer is no failure where every day that it was asked for is known not to exist. */
async function forgiveEmptyAnswers(
  { order }: OpenRun,
  missingSeries: ReadonlySet<string>,
  { repositories: { runs } }: RunDependencies,
): Promise<void> {
  const empty = (await runs.seriesOutcomes(order.runId)).filter(({ errorKind }) => errorKind === 'empty');
  await runs.forgiveFailures(
    order.runId,
    empty.filter((outcome) => !missingSeries.has(seriesName(outcome))),
  );
}

/**
 * Closes a run that an error ended before it could be judged: `failed`, with the reason and what is stored by now. The
 * error is the caller's to throw; where even this can't be written, the next run marks the row as interrupted.
 */
export async function failRun(run: OpenRun, reason: unknown, deps: RunDependencies): Promise<void> {
  try {
    // What can't be reached is not asked once more.
    run.lock.lost.throwIfAborted();
    const { missingSeries, ...days } = await countStored(run, deps);
    const error = reason instanceof Error ? reason.message : String(reason);
    await deps.repositories.runs.finish(
      run.order.runId,
      { status: 'failed', ...days, error },
      NOTHING_COUNTED,
      deps.clock.now(),
    );
  } catch (error) {
    deps.log.error('The failed run could not be recorded', { runId: run.order.runId, error });
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

function inUniverseOrder<One extends Series>(outcomes: readonly One[], universe: Universe): One[] {
  const positions = new Map(selectSeries(universe, {}).map((series, index) => [seriesName(series), index]));
  const positionOf = (one: One) => positions.get(seriesName(one)) ?? positions.size;
  return [...outcomes].sort((a, b) => positionOf(a) - positionOf(b));
}

const NOTHING_COUNTED: HopTotals = { retries: 0, crossRateDays: 0, latestPrices: null };

type Counts = DayCounts & { readonly missingSeries: ReadonlySet<string> };

async function countStored(run: OpenRun, deps: RunDependencies): Promise<Counts> {
  const { expected, scope } = run;
  const states = await readStates(run, deps);
  const all = states.flat();
  const missingDays = all.filter((state) => isMissing(state, scope)).length;
  const daysThatAre = (status: ReturnType<typeof statusOf>) =>
    all.filter((state) => statusOf(state, scope.dueAt) === status);
  // One that a refetch asks for is expected until it was asked.
  const unavailableDays = daysThatAre('unavailable').filter((state) => !isMissing(state, scope)).length;
  const spans = expected.flatMap((one) => one.expected);
  const expectedDays = spans.reduce((sum, { first, last }) => sum + countDays(first, last), 0) - unavailableDays;
  return {
    expectedDays,
    storedDays:
      expectedDays - missingDays - daysThatAre('unconfirmed').filter((state) => !isMissing(state, scope)).length,
    missingDays,
    thinDays: daysThatAre('thin').length,
    unconfirmedDays: daysThatAre('unconfirmed').length,
    unavailableDays,
    missingSeries: new Set(
      expected
        .filter((_, index) => states[index]?.some((state) => isMissing(state, scope)))
        .map(({ series }) => seriesName(series)),
    ),
  };
}

/** A series whose answers came and still lack a day may have it later: they are incomplete. */
function remainingFailures(
  failed: readonly RecordedOutcome[],
  stoppedBy: StopCause | null,
  missingSeries: ReadonlySet<string>,
): FailureKind[] {
  const kinds = new Set(failed.flatMap(({ errorKind }) => errorKind ?? []));
  const fatal = [...kinds].find(stopsTheRun);
  if (fatal) return [fatal];
  const hasOthers = stoppedBy !== null || missingSeries.size > failed.length;
  return [...kinds, ...(hasOthers ? (['incomplete'] as const) : [])];
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
