import { startOfMonth } from '../domain/credits.ts';
import { selectSeries, seriesName } from '../domain/series.ts';
import type { RunDependencies, RunOrder } from '../ports.ts';
import { limiterFromLedger } from './hop.ts';
import { goalOf } from './open-run.ts';
import { draftPlan } from './plan-run.ts';

/**
 * What a run would do now. @property credits where every request is answered at the first attempt: each answer costs one.
 * @property durationMs until the last request may be sent, under the plan's limit.
 */
export type DryRun = Awaited<ReturnType<typeof dryRun>>;

/** Plans a run without beginning it: nothing is asked, written or locked. @throws RefusedError where the run would be. */
export async function dryRun(order: RunOrder, deps: RunDependencies) {
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
    // The days are those that it lacks; the window is wider.
    plan: requests.map(({ series, window, gapDays, serves }) => ({
      ...series,
      /** The series that lack something and that its answer makes rows for. */
      serves: serves.filter((one) => one.gapDays.length > 0).map((one) => seriesName(one.series)),
      from: new Date(window.from).toISOString(),
      to: new Date(window.to).toISOString(),
      firstDay: gapDays[0],
      lastDay: gapDays.at(-1) ?? gapDays[0],
      days: gapDays.length,
    })),
  };
}
