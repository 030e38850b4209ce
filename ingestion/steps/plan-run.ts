import { refusalForCredits, reservedCredits, startOfMonth } from '../domain/credits.ts';
import { isGap, isMissing } from '../domain/day-state.ts';
import { RefusedError } from '../domain/failure.ts';
import { firstAvailableDay, type PlannedWindow, planWindows, type Window } from '../domain/planning.ts';
import { type Series, seriesName } from '../domain/series.ts';
import type { RunDependencies } from '../ports.ts';
import type { OpenRun } from './open-run.ts';

/** One request to make: a window of one series. */
export type PlannedRequest = PlannedWindow & { readonly series: Series };

export type RunPlan = {
  /** The longest-stale first. */
  readonly requests: readonly PlannedRequest[];
  readonly missingDaysBefore: number;
};

/**
 * Turns what is missing in the database into the fewest requests.
 * @throws RefusedError when the request reaches beyond the plan's history, or, by hand, beyond the month's credits.
 */
export async function planRun(run: OpenRun, deps: RunDependencies): Promise<RunPlan> {
  refuseBeyondHistory(run, deps);
  const { order, scope, expected } = run;
  const { runs, prices, requests: ledger } = deps.repositories;
  const now = deps.clock.now();
  const states = await prices.dayStates(order.runId, expected, scope.refetch);
  const requests = expected
    .flatMap((one, index) => {
      const gapDays = (states[index] ?? []).filter((state) => isGap(state, scope)).map(({ day }) => day);
      const series = { coin: one.coin, currency: one.currency };
      return planWindows(gapDays, now, deps.limits.historyDays).map((planned) => ({ ...planned, series }));
    })
    .sort((a, b) => (a.gapDays[0] < b.gapDays[0] ? -1 : a.gapDays[0] > b.gapDays[0] ? 1 : 0));

  const isByHand = order.trigger === 'cli' || order.trigger === 'http';
  if (isByHand && deps.limits.monthlyCredits !== null && requests.length > 0) {
    const refusal = refusalForCredits({
      quota: deps.limits.monthlyCredits,
      used: await ledger.creditsSince(startOfMonth(now)),
      needed: requests.length,
      reserved: reservedCredits(now, deps.universe.coins.length * deps.universe.currencies.length),
    });
    if (refusal) throw new RefusedError('credits', refusal);
  }

  const bySeries = Map.groupBy(requests, ({ series }) => seriesName(series));
  await runs.plan(
    order.runId,
    [...bySeries.values()].flatMap((ofSeries) => spanOf(ofSeries)),
    expected.filter((one) => !bySeries.has(seriesName(one))),
  );
  const gapDays = requests.reduce((sum, request) => sum + request.gapDays.length, 0);
  deps.onEvent({ kind: 'planned', requests: requests.length, gapDays, seriesCount: bySeries.size });
  return { requests, missingDaysBefore: states.flat().filter((state) => isMissing(state, scope)).length };
}

function refuseBeyondHistory({ order }: OpenRun, { clock, limits }: RunDependencies): void {
  const { from } = order.request;
  const firstDay = firstAvailableDay(clock.now(), limits.historyDays);
  if (from === undefined || from >= firstDay) return;
  throw new RefusedError(
    'history',
    `The request begins on ${from}; the CoinGecko plan reaches back ${limits.historyDays} days, so the first day that can ` +
      `be had is ${firstDay}. Ask from then on, or set COINGECKO_HISTORY_DAYS to what your plan really allows.`,
  );
}

/** The requests of one series come in time order, one after the other. */
function spanOf(requests: readonly PlannedRequest[]): (Series & Window)[] {
  const [first, last] = [requests[0], requests.at(-1)];
  return first && last ? [{ ...first.series, from: first.window.from, to: last.window.to }] : [];
}
