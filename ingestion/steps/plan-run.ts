import { refusalForCredits, reservedCredits, startOfMonth } from '../domain/credits.ts';
import { lastSettledDay, settledAt, spansOf } from '../domain/day.ts';
import { type DayState, isGap, isMissing } from '../domain/day-state.ts';
import { FIRST_HOURLY_DAY, firstAvailableDay, isFullRun } from '../domain/expected-days.ts';
import { isAnsweredForGood, RefusedError } from '../domain/failure.ts';
import type { Finding } from '../domain/finding.ts';
import { type PlannedWindow, planWindows, type Window } from '../domain/planning.ts';
import { type Series, selectSeries, seriesName } from '../domain/series.ts';
import type { DayRange, RunDependencies } from '../ports.ts';
import type { OpenRun } from './open-run.ts';

/** One request to make: a window of one series. */
export type PlannedRequest = PlannedWindow & { readonly series: Series };

export type RunPlan = {
  /** The longest-stale first. */
  readonly requests: readonly PlannedRequest[];
  readonly missingDaysBefore: number;
};

/** What a plan is drafted from. */
type Drafted = Pick<OpenRun, 'order' | 'scope' | 'expected' | 'isContinued'>;

/** A plan of which nothing is written yet. */
export type DraftedPlan = {
  readonly requests: readonly PlannedRequest[];
  /** Of the days without a final row, by expected series. */
  readonly states: readonly (readonly DayState[])[];
  readonly answeredForGood: ReadonlySet<string>;
};

/**
 * Turns what is missing in the database into the fewest requests. It only reads: a dry run shows it.
 * @throws RefusedError when the request reaches beyond the plan's history, when none of its days is settled, or, by hand,
 * when it would eat the month's credits. Nothing was asked of the source then.
 */
export async function draftPlan(run: Drafted, deps: RunDependencies): Promise<DraftedPlan> {
  refuseOutOfReach(run, deps);
  const { scope, expected } = run;
  const states = await readStates(run, deps);
  const answeredForGood = run.isContinued ? await seriesAnsweredForGood(run, deps) : new Set<string>();
  const now = deps.clock.now();
  const requests = expected
    .flatMap(({ series }, index) => {
      if (answeredForGood.has(seriesName(series))) return [];
      const gapDays = (states[index] ?? []).filter((state) => isGap(state, scope)).map(({ day }) => day);
      return planWindows(gapDays, now, deps.limits.historyDays).map((planned) => ({ ...planned, series }));
    })
    .sort((a, b) => (a.gapDays[0] < b.gapDays[0] ? -1 : a.gapDays[0] > b.gapDays[0] ? 1 : 0));
  if (isByHand(run)) await refuseForCredits(requests.length, run, deps);
  return { requests, states, answeredForGood };
}

/**
 * Plans the run and writes down what it is going to do.
 * @throws RefusedError as `draftPlan` does.
 */
export async function planRun(run: OpenRun, deps: RunDependencies): Promise<RunPlan> {
  const { requests, states, answeredForGood } = await draftPlan(run, deps);
  const { order, scope, expected } = run;
  const { runs } = deps.repositories;
  if (isByHand(run)) await keepRequested(run, deps);
  if (isFullRun(order.request)) await tellAgedOut(run, deps);

  const bySeries = Map.groupBy(requests, ({ series }) => seriesName(series));
  await runs.plan(
    order.runId,
    [...bySeries.values()].flatMap((ofSeries) => spanOf(ofSeries)),
    expected
      .map(({ series }) => series)
      .filter((series) => !bySeries.has(seriesName(series)) && !answeredForGood.has(seriesName(series))),
  );
  tellUnsettled(run, deps);
  const gapDays = requests.reduce((sum, request) => sum + request.gapDays.length, 0);
  deps.onEvent({ kind: 'planned', requests: requests.length, gapDays, seriesCount: bySeries.size });
  return { requests, missingDaysBefore: states.flat().filter((state) => isMissing(state, scope)).length };
}

/** @returns the states of each expected series' days without a final row, in the order of `run.expected`. */
export async function readStates(
  { order, scope, expected }: Pick<OpenRun, 'order' | 'scope' | 'expected'>,
  { repositories }: RunDependencies,
): Promise<DayState[][]> {
  const ranges = expected.flatMap(({ series, expected: spans }) => spans.map((span) => ({ ...series, ...span })));
  const ofRanges = await repositories.prices.dayStates(order.runId, ranges, scope.refetch);
  let position = 0;
  return expected.map(({ expected: spans }) => spans.flatMap(() => ofRanges[position++] ?? []));
}

const isByHand = ({ order }: Pick<OpenRun, 'order'>): boolean => order.trigger === 'cli' || order.trigger === 'http';

/** What the source answered in this run already, and will answer the same way again. */
async function seriesAnsweredForGood(
  { order }: Pick<OpenRun, 'order'>,
  { repositories }: RunDependencies,
): Promise<Set<string>> {
  const outcomes = await repositories.runs.seriesOutcomes(order.runId);
  return new Set(outcomes.filter(({ errorKind }) => errorKind && isAnsweredForGood(errorKind)).map(seriesName));
}

function refuseOutOfReach(
  { order, scope }: Pick<OpenRun, 'order' | 'scope'>,
  { clock, limits }: RunDependencies,
): void {
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
  if (from > lastSettledDay(scope.dueAt)) {
    const at = new Date(settledAt(from)).toISOString();
    throw new RefusedError(
      'refused',
      `${from} is not settled yet: CoinGecko's figures for it can be had from ${at} on.`,
    );
  }
}

/** Days of the request that no run can have yet are named: nobody should wait for them. */
function tellUnsettled({ order, scope }: OpenRun, { onEvent }: RunDependencies): void {
  const { to } = order.request;
  if (to !== undefined && to > lastSettledDay(scope.dueAt))
    onEvent({ kind: 'unsettled', day: to, settledAt: settledAt(to) });
}

async function refuseForCredits(needed: number, run: Drafted, deps: RunDependencies): Promise<void> {
  const { monthlyCredits: quota } = deps.limits;
  if (quota === null || needed === 0) return;
  const now = deps.clock.now();
  const refusal = refusalForCredits({
    quota,
    used: await deps.repositories.requests.creditsSince(startOfMonth(now)),
    needed,
    reserved: reservedCredits(now, selectSeries(deps.universe, {}).length) + (await countOpenRequests(run, deps)),
  });
  if (refusal) throw new RefusedError('credits', refusal);
}

/** @returns how many requests the ranges that were asked for before still need, besides those of this run. */
async function countOpenRequests({ order, scope, expected }: Drafted, deps: RunDependencies): Promise<number> {
  const { runs, prices } = deps.repositories;
  const ofThisRun = new Set(expected.map(({ series }) => seriesName(series)));
  const ranges = (await runs.requestedRanges()).filter((range) => !ofThisRun.has(seriesName(range)));
  const states = await prices.dayStates(order.runId, ranges, false);
  return states.reduce((sum, ofRange) => {
    const gapDays = ofRange.filter((state) => isGap(state, { ...scope, refetch: false })).map(({ day }) => day);
    return sum + planWindows(gapDays, deps.clock.now(), deps.limits.historyDays).length;
  }, 0);
}

/** From now on these days heal like those of the horizon. */
async function keepRequested({ order, startedAt, expected }: OpenRun, { repositories }: RunDependencies) {
  if (order.request.from === undefined) return;
  const ranges = expected.flatMap(({ series, expected: spans }) =>
    spans.map((span): DayRange => ({ ...series, ...span })),
  );
  await repositories.runs.keepRequested(order.runId, ranges, startedAt);
}

/** Requested days that the plan's history no longer reaches are told once, as lost, and expected no more. */
async function tellAgedOut(
  { order, scope, expected }: OpenRun,
  { repositories, limits }: RunDependencies,
): Promise<void> {
  const { runs, prices, findings } = repositories;
  const agedOut = expected.flatMap(({ series, agedOut: spans }) => spans.map((span) => ({ ...series, ...span })));
  if (agedOut.length === 0) return;
  const states = await prices.dayStates(order.runId, agedOut, false);
  const lost = agedOut.flatMap(({ coin, currency }, index): Finding[] => {
    const days = (states[index] ?? []).filter((state) => isMissing(state, { ...scope, refetch: false }));
    return spansOf(days.map(({ day }) => day)).map(({ first, last }) => ({
      rule: 'lost',
      severity: 'warning',
      coin,
      currency,
      day: first,
      detail: `${first} to ${last} was asked for by hand, was never stored, and lies beyond the plan's history by now`,
    }));
  });
  await findings.add(order.runId, lost);
  await runs.forgetRequestedBefore(firstAvailableDay(scope.dueAt, limits.historyDays));
}

/** The requests of one series come in time order, one after the other. */
function spanOf(requests: readonly PlannedRequest[]): (Series & Window)[] {
  const [first, last] = [requests[0], requests.at(-1)];
  return first && last ? [{ ...first.series, from: first.window.from, to: last.window.to }] : [];
}
