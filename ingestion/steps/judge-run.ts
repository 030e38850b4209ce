import type { Universe } from '../contract/universe.ts';
import { hourlyMeans } from '../domain/aggregation.ts';
import { addDays, countDays, DAY_MS, type Day, daysFrom, type Instant } from '../domain/day.ts';
import { isMissing, statusOf } from '../domain/day-state.ts';
import { type FailureKind, stopsTheRun } from '../domain/failure.ts';
import type { Finding } from '../domain/finding.ts';
import { canContinue, statusAfter } from '../domain/outcomes.ts';
import { type CoinRate, compareCurrencies, judgeRateMove, judgeRates, sameValuesFinding } from '../domain/quality.ts';
import { type Series, selectSeries, seriesName } from '../domain/series.ts';
import type { DayCounts, RunResult, RunStatus } from '../domain/verdict.ts';
import type { RunDependencies } from '../ports.ts';
import type { FetchOutcome } from './fetch-windows.ts';
import type { OpenRun } from './open-run.ts';
import type { RunPlan } from './plan-run.ts';

/** Answers are kept so long that any recent row can be recomputed; the ledger so long that months can be counted. */
const KEEP_DAYS = 90;

/**
 * Compares what is stored with what was expected, runs the quality rules, writes the verdict.
 * @returns the verdict of the run over all its hops.
 */
export async function judgeRun(
  run: OpenRun,
  plan: RunPlan,
  fetched: FetchOutcome,
  deps: RunDependencies,
): Promise<RunResult> {
  const { runs, findings } = deps.repositories;
  const { runId } = run.order;
  const counts = await countStored(run, deps);

  const { stoppedBy, retryAfterMs } = fetched;
  const madeProgress = counts.missingDays < plan.missingDaysBefore;
  const outcomes = inUniverseOrder(await runs.seriesOutcomes(runId), deps.universe);
  const answered = outcomes.filter((outcome) => outcome.status === 'stored' || outcome.daysWritten > 0);
  const status = statusAfter({
    missingDays: counts.missingDays,
    stoppedBy,
    canContinue: canContinue({ madeProgress, stoppedBy, retryAfterMs }),
    hasStoredAnswers: answered.length > 0,
  });
  // The hop that ends the run judges the answers of all of them.
  if (status !== 'waiting') await findings.add(runId, await judgeCurrencies(runId, answered, deps));
  const error = status === 'complete' ? null : explain(status, counts, fetched);
  const { missingSeries, ...days } = counts;
  run.lock.lost.throwIfAborted();
  const finishedAt = deps.clock.now();
  await runs.finish(
    runId,
    { status, ...days, error },
    fetched.counts.retries,
    status === 'waiting' ? null : finishedAt,
  );
  await prune(deps, finishedAt - KEEP_DAYS * DAY_MS);

  return {
    verdict: {
      runId,
      status,
      ...days,
      rowsWritten: fetched.rowsWritten,
      rowsUnchanged: fetched.rowsUnchanged,
      ...(await runs.totals(runId)),
      durationMs: finishedAt - run.startedAt,
      series: outcomes.map(({ errorKind, ...outcome }) => outcome),
      findings: await findings.ofRun(runId),
      error,
    },
    hop: fetched.counts,
    madeProgress,
    stoppedBy,
    failures: remainingFailures(fetched, missingSeries),
    retryAfterMs,
  };
}

/**
 * Closes a run that an error ended before it could be judged: `failed`, with the reason and what is stored by now. The
 * error is the caller's to throw; where even this can't be written, the next run marks the row as interrupted.
 */
export async function failRun(run: OpenRun, reason: unknown, deps: RunDependencies): Promise<void> {
  try {
    const { missingSeries, ...days } = await countStored(run, deps);
    // Another ingestion may be working by now, and on this very run.
    run.lock.lost.throwIfAborted();
    const error = reason instanceof Error ? reason.message : String(reason);
    await deps.repositories.runs.finish(run.order.runId, { status: 'failed', ...days, error }, 0, deps.clock.now());
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

type Counts = DayCounts & { readonly missingSeries: readonly string[] };

async function countStored({ order, scope, expected }: OpenRun, { repositories }: RunDependencies): Promise<Counts> {
  const states = await repositories.prices.dayStates(order.runId, expected, scope.refetch);
  const all = states.flat();
  const missingDays = all.filter((state) => isMissing(state, scope)).length;
  // One that a refetch asks for is expected until it was asked.
  const unavailableDays = all.filter(
    (state) => statusOf(state, scope.dueAt) === 'unavailable' && !isMissing(state, scope),
  ).length;
  const expectedDays = expected.reduce((sum, { first, last }) => sum + countDays(first, last), 0) - unavailableDays;
  return {
    expectedDays,
    storedDays: expectedDays - missingDays,
    missingDays,
    thinDays: all.filter((state) => statusOf(state, scope.dueAt) === 'thin').length,
    unavailableDays,
    missingSeries: expected
      .filter((_, index) => states[index]?.some((state) => isMissing(state, scope)))
      .map(seriesName),
  };
}

/** A series whose answers came and still lack a day may have it later: they are incomplete. */
function remainingFailures({ failures, stoppedBy }: FetchOutcome, missingSeries: readonly string[]): FailureKind[] {
  const fatal = failures.find(({ kind }) => stopsTheRun(kind));
  if (fatal) return [fatal.kind];
  const failed = new Set(failures.map(seriesName));
  const hasOthers = stoppedBy !== null || missingSeries.some((name) => !failed.has(name));
  return [...new Set(failures.map(({ kind }) => kind)), ...(hasOthers ? (['incomplete'] as const) : [])];
}

function explain(status: RunStatus, counts: Counts, { failures, stoppedBy }: FetchOutcome): string {
  const missing = `${counts.missingDays} of ${counts.expectedDays} expected days are missing`;
  const [first] = failures;
  const causes = first ? `. ${failures.length} series failed, ${seriesName(first)} with: ${first.message}` : '';
  const fatal = failures.find(({ kind }) => stopsTheRun(kind));
  if (fatal) return `${fatal.message} (${missing})`;
  if (first && stoppedBy === 'source') return `Stopped, as nothing but failures came: ${first.message} (${missing})`;
  if (status === 'interrupted') return `Interrupted: ${missing}; the next run continues${causes}`;
  if (status === 'waiting') return `Out of time: ${missing}; a continuation takes over${causes}`;
  if (stoppedBy === 'deadline') return `Out of time without progress: ${missing}${causes}`;
  return causes === '' ? `${missing}: the answers hold no usable samples of them` : `${missing}${causes}`;
}

/** Reads the run's answers back coin by coin, so that the memory it takes does not grow with the universe. */
async function judgeCurrencies(
  runId: string,
  answered: readonly Series[],
  { repositories, source, universe }: RunDependencies,
): Promise<Finding[]> {
  const currencies = universe.currencies.map(({ code }) => code);
  const [base] = currencies;
  if (base === undefined) return [];
  const rates: CoinRate[] = [];
  const found: Finding[] = [];
  for (const coin of new Set(answered.map((series) => series.coin))) {
    // In the universe's order: of two equal series the later one is the suspect.
    const hoursByCurrency = new Map(currencies.map((code) => [code, new Map<number, number>()]));
    const days = new Set<Day>();
    for (const answer of await repositories.prices.answersOfCoin(runId, coin)) {
      const hours = hoursByCurrency.get(answer.currency);
      for (const [hour, price] of hourlyMeans(source.parse(answer.body))) hours?.set(hour, price);
      for (const day of daysFrom(answer.firstDay, answer.lastDay)) days.add(day);
    }
    const compared = compareCurrencies(coin, base, hoursByCurrency, [...days]);
    rates.push(...compared.rates);
    found.push(...compared.same.map(sameValuesFinding));
  }
  const { medians, findings } = judgeRates(rates);
  const knownRates = new Map(medians.map(({ currency, day, rate }) => [`${currency} ${day}`, rate]));
  for (const now of medians) {
    const dayBefore = addDays(now.day, -1);
    const known = knownRates.get(`${now.currency} ${dayBefore}`);
    const before =
      known === undefined
        ? await repositories.prices.lastFinalRate(now.currency, base, now.day)
        : { day: dayBefore, rate: known };
    if (before) findings.push(...judgeRateMove(now, before));
  }
  return [...found, ...findings];
}
