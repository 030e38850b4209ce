import { refusalForCredits, requestsOfFullRun, reservedCredits, startOfMonth } from '../domain/credits.ts';
import { lastSettledDay, settledAt, spansOf } from '../domain/day.ts';
import { type DayState, fullScope, isGap, isMissing, type RunScope } from '../domain/day-state.ts';
import { clip, FIRST_HOURLY_DAY, firstAvailableDay, isFullRun } from '../domain/expected-days.ts';
import { isAnsweredForGood, RefusedError } from '../domain/failure.ts';
import { planLatestRequests } from '../domain/latest-price.ts';
import { planRequests, type SeriesGaps, type Window } from '../domain/planning.ts';
import type { Finding } from '../domain/quality.ts';
import { type Series, seriesName, sourcesOf } from '../domain/series.ts';
import type { RecordedOutcome, RunDependencies } from '../ports.ts';
import type { OpenRun, RunGoal } from './open-run.ts';

/** What a run is going to do. */
export type RunPlan = Omit<Awaited<ReturnType<typeof draftPlan>>, 'answeredForGood'>;

/**
 * Turns what is missing in the database into the fewest requests. It only reads: a dry run shows it.
 * @throws RefusedError when the request reaches beyond the plan's history or, by hand, would eat the month's credits.
 * @returns the requests in the order that they are to be sent in; the coins of each request for latest prices; what this run
 * has stored before of the coin that others are derived with; and the series that the source will answer as it did before.
 */
export async function draftPlan(run: RunGoal, deps: RunDependencies) {
  refuseOutOfReach(run, deps);
  const { order, scope, expected, base } = run;
  const { runs, prices } = deps.repositories;
  const states = await readStates(run, deps);
  const outcomes = run.isContinued ? await runs.seriesOutcomes(order.runId) : [];
  const isForGood = ({ errorKind }: RecordedOutcome) => errorKind !== null && isAnsweredForGood(errorKind);
  const answeredForGood = new Set(outcomes.filter(isForGood).map(seriesName));
  const storedReferences = base && run.isContinued ? await prices.answersOfCoin(order.runId, base.coin) : [];
  const gaps = expected.map(({ series }, index) => {
    const isHopeless = sourcesOf(series, base).some((source) => answeredForGood.has(seriesName(source)));
    return gapsOf(series, isHopeless ? [] : states[index], scope);
  });
  const requests = planRequests(gaps, {
    now: deps.clock.now(),
    historyDays: deps.limits.historyDays,
    base,
    hasReference: ({ currency }, day) =>
      storedReferences.some((one) => one.currency === currency && one.firstDay <= day && day <= one.lastDay),
  });
  const wantsLatest = (deps.latestPrices && isFullRun(order.request)) || base !== null;
  const coins = expected.map(({ series }) => series.coin);
  const latestRequests = wantsLatest ? planLatestRequests(coins, base) : [];
  if (isByHand(run) && requests.length > 0) await refuseForCredits(requests.length + latestRequests.length, run, deps);
  const missingDaysBefore = states.flat().filter((state) => isMissing(state, scope)).length;
  return { requests, latestRequests, storedReferences, missingDaysBefore, answeredForGood };
}

/** Plans the run and writes down what it is going to do. @throws RefusedError as `draftPlan` does. */
export async function planRun(run: OpenRun, deps: RunDependencies): Promise<RunPlan> {
  const { answeredForGood, ...plan } = await draftPlan(run, deps);
  const { order, expected } = run;
  if (isByHand(run)) await keepRequested(run, deps);
  if (isFullRun(order.request)) await reportAgedOut(run, deps);

  const planned = plan.requests.flatMap(({ serves, window }) =>
    serves.filter(({ gapDays }) => gapDays.length > 0).map((served) => ({ ...served, window })),
  );
  const bySeries = Map.groupBy(planned, ({ series }) => seriesName(series));
  const isCurrent = (name: string) => !bySeries.has(name) && !answeredForGood.has(name);
  await deps.repositories.runs.plan(
    order.runId,
    [...bySeries.values()].flatMap(spanOf),
    expected.map(({ series }) => series).filter((series) => isCurrent(seriesName(series))),
  );
  reportUnsettled(run, deps);
  const gapDays = planned.reduce((sum, served) => sum + served.gapDays.length, 0);
  deps.onEvent({ kind: 'planned', requests: plan.requests.length, gapDays, seriesCount: bySeries.size });
  return plan;
}

/** @returns the states of each expected series' days without a final row, in the order of `run.expected`. */
export async function readStates(
  { order, scope, expected, base }: RunGoal,
  { repositories }: RunDependencies,
): Promise<DayState[][]> {
  const ranges = expected.flatMap(({ series, expected: spans }) => {
    const sources = sourcesOf(series, base);
    return spans.map((span) => ({ ...series, ...span, sources }));
  });
  const ofRanges = await repositories.prices.dayStates(order.runId, ranges, scope.refetch);
  let position = 0;
  return expected.map(({ expected: spans }) => spans.flatMap(() => ofRanges[position++] ?? []));
}

const isByHand = ({ order }: RunGoal): boolean => order.trigger === 'cli' || order.trigger === 'http';

const gapsOf = (series: Series, states: readonly DayState[] | undefined, scope: RunScope): SeriesGaps => ({
  series,
  gapDays: (states ?? []).filter((state) => isGap(state, scope)).map(({ day }) => day),
});

function refuseOutOfReach({ order }: RunGoal, { clock, limits }: RunDependencies): void {
  const { from } = order.request;
  if (from === undefined) return;
  const firstDay = firstAvailableDay(clock.now(), limits.historyDays);
  if (from < FIRST_HOURLY_DAY) {
    const reason = `CoinGecko has hourly prices from ${FIRST_HOURLY_DAY} on, and a daily price is made of hours`;
    throw new RefusedError('history', `The request begins on ${from}; ${reason}. Ask from ${firstDay} on.`);
  }
  if (from < firstDay) {
    throw new RefusedError(
      'history',
      `The request begins on ${from}; the CoinGecko plan reaches back ${limits.historyDays} days, so the first day that can ` +
        `be had is ${firstDay}. Ask from then on, or set COINGECKO_HISTORY_DAYS to what your plan really allows.`,
    );
  }
}

/** Days of the request that no run can have yet are named: nobody should wait for them. */
function reportUnsettled({ order, scope }: OpenRun, { onEvent }: RunDependencies): void {
  const { to } = order.request;
  if (to && to > lastSettledDay(scope.dueAt)) onEvent({ kind: 'unsettled', day: to, settledAt: settledAt(to) });
}

async function refuseForCredits(needed: number, run: RunGoal, deps: RunDependencies): Promise<void> {
  const { monthlyCredits: quota } = deps.limits;
  if (quota === null || needed === 0) return;
  const now = deps.clock.now();
  const refusal = refusalForCredits({
    quota,
    used: await deps.repositories.requests.creditsSince(startOfMonth(now)),
    needed,
    reserved: reservedCredits(now, requestsOfFullRun(deps.universe, deps)) + (await countOpenRequests(run, deps)),
  });
  if (refusal) throw new RefusedError('credits', refusal);
}

/** @returns how many requests the ranges that were asked for before still need, besides those of this run. */
async function countOpenRequests({ order, scope, expected, base }: RunGoal, deps: RunDependencies): Promise<number> {
  const { runs, prices } = deps.repositories;
  const { historyDays } = deps.limits;
  const ofThisRun = new Set(expected.map(({ series }) => seriesName(series)));
  const reach = { first: firstAvailableDay(scope.dueAt, historyDays), last: lastSettledDay(scope.dueAt) };
  const ranges = (await runs.requestedRanges())
    .filter((range) => !ofThisRun.has(seriesName(range)))
    .flatMap((range) => clip([range], reach).map((span) => ({ ...range, ...span })));
  const states = await prices.dayStates(order.runId, ranges, false);
  const gaps = ranges.map(({ coin, currency }, index) =>
    gapsOf({ coin, currency }, states[index], fullScope(scope.dueAt)),
  );
  return planRequests(gaps, { now: deps.clock.now(), historyDays, base }).length;
}

/** From now on these days heal like those of the horizon. */
async function keepRequested({ order, startedAt, expected }: OpenRun, { repositories }: RunDependencies) {
  if (order.request.from === undefined) return;
  const ranges = expected.flatMap(({ series, expected: spans }) => spans.map((span) => ({ ...series, ...span })));
  await repositories.runs.keepRequested(order.runId, ranges, startedAt);
}

/** Requested days that the plan's history has left since the last full run are listed, as lost. A larger plan expects them again. */
async function reportAgedOut({ order, scope, expected }: OpenRun, { repositories }: RunDependencies): Promise<void> {
  const { runs, prices, findings } = repositories;
  const last = await runs.lastReach(order.runId);
  const reported = { first: last ? firstAvailableDay(last.dueAt, last.historyDays) : '0001-01-01', last: '9999-12-31' };
  const agedOut = expected.flatMap(({ series, agedOut: spans }) =>
    clip(spans, reported).map((span) => ({ ...series, ...span })),
  );
  if (agedOut.length === 0) return;
  const states = await prices.dayStates(order.runId, agedOut, false);
  const lost = agedOut.flatMap(({ coin, currency }, index): Finding[] => {
    const days = (states[index] ?? []).filter((state) => isMissing(state, fullScope(scope.dueAt)));
    return spansOf(days.map(({ day }) => day)).map((span) => ({
      ...{ rule: 'lost', severity: 'warning', coin, currency, day: span.first },
      detail: `${span.first} to ${span.last} was asked for by hand, was never stored, and lies beyond the plan's history by now`,
    }));
  });
  await findings.add(order.runId, lost);
}

/** The windows of one series come in time order, one after the other. */
function spanOf(planned: readonly { series: Series; window: Window }[]): (Series & Window)[] {
  const [first, last] = [planned[0], planned.at(-1)];
  return first && last ? [{ ...first.series, from: first.window.from, to: last.window.to }] : [];
}
