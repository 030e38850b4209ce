import { startOfMonth } from '../domain/credits.ts';
import { type Series, selectSeries, seriesName } from '../domain/series.ts';
import type { RunDependencies, RunOrder } from '../ports.ts';
import { limiterFromLedger } from './hop.ts';
import { goalOf } from './open-run.ts';
import { draftPlan } from './plan-run.ts';

/** What a run would do now. */
export type DryRun = {
  /** Those of the plan, and those for the latest prices. */
  readonly requests: number;
  readonly latestRequests: number;
  /** Each answer costs one, where every request is answered at the first attempt. */
  readonly credits: number;
  readonly creditsThisMonth: number;
  readonly gapDays: number;
  /** Until the last request may be sent, under the plan's limit. */
  readonly durationMs: number;
  readonly plan: readonly DryRunRequest[];
};

/** One request that a run would make. Days are those that it lacks; the window is wider. */
export type DryRunRequest = Series & {
  /** The series that lack something and that its answer makes rows for, such as `bitcoin/eur`. */
  readonly serves: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly firstDay: string;
  readonly lastDay: string;
  readonly days: number;
};

/**
 * Plans a run without beginning it: nothing is asked, written or locked.
 * @throws RefusedError where the run would be refused.
 */
export async function dryRun(order: RunOrder, deps: RunDependencies): Promise<DryRun> {
  const { clock, repositories, universe } = deps;
  const { dueAt, request } = order;
  const series = await repositories.runs.seriesDays(selectSeries(universe, request));
  const goal = goalOf(order, { dueAt, isContinued: false, series }, deps);
  const { requests, latestRequests } = await draftPlan(goal, deps);
  const count = requests.length + latestRequests.length;
  const limiter = await limiterFromLedger(deps);
  return {
    requests: count,
    latestRequests: latestRequests.length,
    credits: count,
    creditsThisMonth: await repositories.requests.creditsSince(startOfMonth(clock.now())),
    gapDays: requests.flatMap(({ serves }) => serves.flatMap(({ gapDays }) => gapDays)).length,
    durationMs: Math.round(limiter.waitMs(count)),
    plan: requests.map(({ series, window, gapDays, serves }) => ({
      ...series,
      serves: serves.filter((one) => one.gapDays.length > 0).map((one) => seriesName(one.series)),
      from: new Date(window.from).toISOString(),
      to: new Date(window.to).toISOString(),
      firstDay: gapDays[0],
      lastDay: gapDays.at(-1) ?? gapDays[0],
      days: gapDays.length,
    })),
  };
}
