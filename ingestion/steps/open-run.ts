import type { DaySpan, Instant } from '../domain/day.ts';
import type { RunScope } from '../domain/day-state.ts';
import { expectedSpan, trackedSince } from '../domain/planning.ts';
import { type Series, selectSeries } from '../domain/series.ts';
import type { HeldLock, RunDependencies, RunOrder } from '../ports.ts';

/** A series of the run with the days that the run expects of it. */
export type ExpectedSeries = Series & DaySpan;

/** A run under the lock. */
export type OpenRun = {
  readonly order: RunOrder;
  readonly scope: RunScope;
  readonly startedAt: Instant;
  readonly lock: HeldLock;
  /** Series of which nothing is expected yet are left out. */
  readonly expected: readonly ExpectedSeries[];
};

/**
 * Takes the lock, then creates or continues the run and opens series that are new.
 * @throws LockTakenError when another ingestion works; RefusedError when the trigger key was used for another request.
 */
export async function openRun(order: RunOrder, deps: RunDependencies): Promise<OpenRun> {
  const startedAt = deps.clock.now();
  const lock = await deps.repositories.lock.acquire(deps.lockWaitMs);
  try {
    const series = selectSeries(deps.universe, order.request);
    const { dueAt, trackedSince: trackedSinceDays } = await deps.repositories.runs.open(order, {
      universe: deps.universe,
      series,
      trackedSince: trackedSince(order.dueAt),
      startedAt,
    });
    const { request } = order;
    const expected = series.flatMap((one, index) => {
      const since = trackedSinceDays[index] ?? trackedSince(dueAt);
      const span = expectedSpan(since, { dueAt, request, historyDays: deps.limits.historyDays });
      return span ? [{ ...one, ...span }] : [];
    });
    const scope = { dueAt, isScheduled: order.trigger === 'schedule', refetch: request.refetch === true };
    return { order, scope, startedAt, lock, expected };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
