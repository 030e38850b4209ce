import pLimit from 'p-limit';
import { MINUTE_MS } from '../domain/day.ts';
import { isTransient, SourceError } from '../domain/failure.ts';
import type { PlannedRequest } from '../domain/planning.ts';
import { backoffMs, createRetryPolicy } from '../domain/retry-policy.ts';
import { type Series, seriesName, sourcesOf } from '../domain/series.ts';
import type { RunDependencies, SeriesFailure } from '../ports.ts';
import { createCurrencyComparison } from './compare-currencies.ts';
import { type OpenRun, Stop } from './open-run.ts';
import type { RunPlan } from './plan-run.ts';
import { referencesOf } from './references.ts';

/** Enough requests side by side to spend a minute's permits at any latency up to the timeout; more would only cost memory. */
const MAX_CONCURRENCY = 100;

/** How far back requests of earlier processes may count: a minute, its slack, and the timeout of one killed under way. */
const LEDGER_WINDOW_MS = 2 * MINUTE_MS;

/** One worker's share of a run: what its requests share, and what they have come to so far. */
export type Hop = Awaited<ReturnType<typeof beginHop>>;

export async function beginHop(run: OpenRun, plan: RunPlan, deps: RunDependencies) {
  const limiter = await limiterFromLedger(deps);
  deps.onEvent({ kind: 'fetching', limiter });
  return {
    ...{ run, plan, deps, limiter },
    retryPolicy: createRetryPolicy(),
    references: referencesOf(plan, deps),
    currencies: createCurrencyComparison(run, plan, deps),
    /** How often each request was sent. */
    attempts: new Map<PlannedRequest, number>(),
    /** By the series' name. */
    failures: new Map<string, SeriesFailure>(),
    counts: { requests: 0, retries: 0, rateLimited: 0 },
    rows: { written: 0, unchanged: 0, derived: 0 },
    /** How far this machine's clock is ahead of the source's, where that is worth telling. */
    clockAheadMs: null as number | null,
    /** The answer that showed it to be too far off for anything to be stored. */
    clockOff: null as SourceError | null,
    /** Whether the source has answered a request of this hop. */
    isAnswered: false,
  };
}

/** @returns a limiter that begins with the requests of earlier processes. */
export async function limiterFromLedger({ clock, repositories, makeRateLimiter }: RunDependencies) {
  const now = clock.now();
  const endedAt = await repositories.requests.endedSince(now - LEDGER_WINDOW_MS);
  const agesMs = endedAt.map((at) => (at === null ? 0 : now - at));
  // Entries of a clock that was ahead count for nothing.
  return makeRateLimiter(agesMs.filter((age) => age > -LEDGER_WINDOW_MS).map((age) => Math.max(0, age)));
}

/**
 * Does the work for each request of the plan: one at a time until the source has answered, then side by side. A failure of
 * one series leaves the others alone; a cause that all of them share stops the hop. Returns when everything in hand is settled.
 * @throws the first error of the work that is no SourceError, and LockLostError.
 */
export async function workOff(hop: Hop, work: (request: PlannedRequest) => Promise<void>): Promise<void> {
  const { run, plan, deps, limiter, failures } = hop;
  const errors: unknown[] = [];
  /** Never rejects: p-limit would leave the requests behind it running unobserved. @returns why it is to come again. */
  async function settle(request: PlannedRequest): Promise<Unanswered | null> {
    if (run.stop.signal.aborted || isHopeless(failures.get(seriesName(request.series)))) return null;
    try {
      await work(request);
    } catch (error) {
      if (error instanceof Unanswered) return error;
      if (error instanceof SourceError) failRequest(hop, request, error);
      else if (!(error instanceof Stop)) {
        errors.push(error);
        run.stop.because('source');
      }
    }
    return null;
  }
  const limit = pLimit(Math.min(limiter.limit, MAX_CONCURRENCY));
  // What others are derived with comes first, and whole.
  for (const isReference of [true, false]) {
    const requests = plan.requests.filter((request) => request.isReference === isReference);
    const rest = await oneByOneUntilAnswered(hop, requests, settle);
    await Promise.all(rest.map((request) => limit(() => settle(request))));
  }
  run.lock.lost.throwIfAborted();
  if (errors.length > 0) throw errors[0];
  await deps.repositories.runs.failSeries(run.order.runId, [...failures.values()]);
}

/** No prices came to the first request of a hop: it is to be sent again, behind those of other series. */
export class Unanswered extends Error {}

/**
 * A wrong key, a wrong clock or a missing network costs one request at a time. After one without an answer it is another
 * series' turn: one that always times out blocks none. @returns the requests that are left.
 */
async function oneByOneUntilAnswered(
  hop: Hop,
  requests: readonly PlannedRequest[],
  settle: (request: PlannedRequest) => Promise<Unanswered | null>,
) {
  const { signal } = hop.run.stop;
  const { clock, onEvent, random } = hop.deps;
  const queue = [...requests];
  let last = '';
  for (let unanswered = 0; queue.length > 0 && !hop.isAnswered && !signal.aborted; ) {
    const position = queue.findIndex(({ series }) => seriesName(series) !== last);
    const [request] = queue.splice(Math.max(0, position), 1);
    if (!request) break;
    const { series } = request;
    last = seriesName(series);
    const failed = await settle(request);
    if (!failed) continue;
    queue.push(request);
    unanswered += 1;
    // After a 429 the limiter makes all of them wait.
    const delayMs = hop.isAnswered ? 0 : backoffMs(unanswered, random());
    onEvent({ kind: 'retrying', series, error: failed.message, delayMs });
    await clock.sleep(delayMs, signal).catch(() => undefined);
  }
  return queue;
}

/** The other windows of a series may be answered though one is empty, or lies beyond the history. */
const isHopeless = (failure: SeriesFailure | undefined): boolean =>
  failure !== undefined && !isTransient(failure.kind) && failure.kind !== 'history' && failure.kind !== 'empty';

/** What is derived from the answer fails with it. */
function failRequest(hop: Hop, request: PlannedRequest, error: SourceError): void {
  for (const [index, { series, gapDays }] of request.serves.entries()) {
    if (index === 0) failSeries(hop, series, error, hop.attempts.get(request));
    else if (gapDays.length > 0) failSeries(hop, series, error);
  }
}

/** A series that lacks a rate fails as its reference did; where that has an answer, none of its moments is near enough. */
export function failWithoutRate(hop: Hop, series: Series): void {
  const [, ...references] = sourcesOf(series, hop.run.base);
  const failure = references.map((one) => hop.failures.get(seriesName(one))).find((one) => one !== undefined);
  const names = references.map(seriesName).join(' and ');
  const why = failure?.message ?? `the answers for ${names} have no moment in common`;
  failSeries(hop, series, { kind: failure?.kind ?? 'incomplete', message: `There is no rate for it: ${why}` });
}

type Failure = Pick<SourceError, 'kind' | 'message'>;

function failSeries({ failures, deps }: Hop, series: Series, { kind, message }: Failure, attempts = 0): void {
  const name = seriesName(series);
  failures.set(name, { ...series, kind, message, attempts });
  deps.onEvent({ kind: 'failed', series, error: message, cause: kind, attempts });
}
