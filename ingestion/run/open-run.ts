import type { RunRequest } from '../contract/run-request.ts';
import type { Instant } from '../domain/day.ts';
import type { RunScope } from '../domain/day-state.ts';
import { type ExpectedDays, expectedDays, trackedSince } from '../domain/expected-days.ts';
import {
  type CrossRateBase,
  crossRateBase,
  distinctSeries,
  type Series,
  selectSeries,
  sourcesOf,
} from '../domain/series.ts';
import type { HeldLock, OpenedRun, RunDependencies, RunOrder } from '../ports.ts';

/** A series of the run with the days that the run expects of it. */
export type ExpectedSeries = { readonly series: Series } & ExpectedDays;

/** A run under the lock. */
export type OpenRun = {
  readonly order: RunOrder;
  readonly scope: RunScope;
  readonly isContinued: boolean;
  readonly wasCut: boolean;
  readonly startedAt: Instant;
  /** On the monotonic clock. */
  readonly startedMs: number;
  readonly lock: HeldLock;
  readonly expected: readonly ExpectedSeries[];
  /** What other prices are derived with; null where every series is asked for itself. */
  readonly base: CrossRateBase | null;
};

/**
 * Takes the lock, then creates or continues the run and opens series that are new.
 * @throws LockTakenError when another ingestion works; RefusedError when the trigger key was used for another request.
 */
export async function openRun(order: RunOrder, deps: RunDependencies): Promise<OpenRun> {
  const startedAt = deps.clock.now();
  const startedMs = deps.clock.monotonicMs();
  const lock = await deps.repositories.lock.acquire(deps.lockWaitMs);
  try {
    const { request } = order;
    const { historyDays } = deps.limits;
    const selected = selectSeries(deps.universe, request);
    const base = crossRateBase(deps.universe, deps);
    const { dueAt, isContinued, wasCut, series } = await deps.repositories.runs.open(order, {
      universe: deps.universe,
      series: distinctSeries([...selected, ...selected.flatMap((one) => sourcesOf(one, base))]),
      trackedSince: trackedSince(order.dueAt),
      historyDays,
      startedAt,
    });
    const expected = expectedOf(selected, series, { dueAt, request, historyDays });
    return { order, scope: scopeOf(dueAt, request), isContinued, wasCut, startedAt, startedMs, lock, expected, base };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

export const scopeOf = (dueAt: Instant, { refetch }: RunRequest): RunScope => ({ dueAt, refetch: refetch === true });

/** @param opened the same series as they are in the database. */
export const expectedOf = (
  selected: readonly Series[],
  opened: OpenedRun['series'],
  options: Parameters<typeof expectedDays>[1],
): ExpectedSeries[] =>
  selected.flatMap((series, index) => {
    const one = opened[index];
    return one ? [{ series, ...expectedDays(one, options) }] : [];
  });
