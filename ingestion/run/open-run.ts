import { MINUTE_MS } from '../domain/day.ts';
import { expectedDays } from '../domain/expected-days.ts';
import { crossRateBase, distinctSeries, selectSeries, sourcesOf } from '../domain/series.ts';
import type { StopCause } from '../domain/verdict.ts';
import type { HeldLock, OpenedRun, RunDependencies, RunOrder } from '../ports.ts';

/**
 * What a run is to bring about. @property expected the series of the run, with the days that it expects of them.
 * @property base what other prices are derived with; null where every series is asked for itself.
 */
export type RunGoal = ReturnType<typeof goalOf>;

/** A run under the lock. @property startedMs on the monotonic clock. */
export type OpenRun = Awaited<ReturnType<typeof openRun>>;

/**
 * Takes the lock, then creates or continues the run and opens series that are new.
 * @throws LockTakenError when another ingestion works; RefusedError when the trigger key was used for another request.
 */
export async function openRun(order: RunOrder, deps: RunDependencies) {
  const { clock, limits, repositories, universe } = deps;
  const startedAt = clock.now();
  const startedMs = clock.monotonicMs();
  const lock = await repositories.lock.acquire(deps.lockWaitMs);
  try {
    const selected = selectSeries(universe, order.request);
    const base = crossRateBase(universe, deps);
    const opened = await repositories.runs.open(order, {
      universe,
      series: distinctSeries([...selected, ...selected.flatMap((one) => sourcesOf(one, base))]),
      historyDays: limits.historyDays,
      startedAt,
    });
    const { wasCut } = opened;
    return { ...goalOf(order, opened, deps), wasCut, startedAt, startedMs, lock, stop: createStop(lock, deps) };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

export async function closeRun({ stop, lock }: OpenRun): Promise<void> {
  stop.dispose();
  await lock.release();
}

/** @param opened its series begin with those of the request, in the universe's order. */
export function goalOf(
  order: RunOrder,
  { dueAt, isContinued, series }: Omit<OpenedRun, 'wasCut'>,
  { universe, limits: { historyDays }, ...ways }: Pick<RunDependencies, 'universe' | 'limits' | 'crossRates'>,
) {
  const { request } = order;
  const expected = selectSeries(universe, request).flatMap((one, index) => {
    const opened = series[index];
    return opened ? [{ series: one, ...expectedDays(opened, { dueAt, request, historyDays }) }] : [];
  });
  const scope = { dueAt, refetch: request.refetch === true, namesDays: request.from !== undefined };
  return { order, scope, isContinued, expected, base: crossRateBase(universe, ways) };
}

/** What the last request needs before the deadline: its 30 s timeout, storing, judging. */
const DEADLINE_RESERVE_MS = MINUTE_MS;

/** Why the signal of a run's end aborts. */
export class Stop extends Error {
  readonly stopCause: StopCause;
  constructor(stopCause: StopCause) {
    super(`stopped: ${stopCause}`);
    this.stopCause = stopCause;
  }
}

/**
 * Stops at Ctrl-C, near the deadline and when the lock is lost: its signal aborts, with a Stop as its reason. No new work is
 * begun then, and what is in hand is finished.
 */
function createStop(lock: HeldLock, { interrupt, deadline, clock }: RunDependencies) {
  const controller = new AbortController();
  const over = new AbortController();
  const because = (cause: StopCause) => controller.abort(new Stop(cause));
  for (const [signal, cause] of [
    [interrupt, 'interrupt'],
    [lock.lost, 'lock'],
  ] as const) {
    if (signal.aborted) because(cause);
    signal.addEventListener('abort', () => because(cause), { signal: over.signal });
  }
  if (deadline !== null) {
    const leftMs = deadline - DEADLINE_RESERVE_MS - clock.monotonicMs();
    if (leftMs <= 0) because('deadline');
    // Where the run is over first, the sleep is ended.
    else
      clock.sleep(leftMs, over.signal).then(
        () => because('deadline'),
        () => undefined,
      );
  }
  return { signal: controller.signal, because, dispose: () => over.abort() };
}
