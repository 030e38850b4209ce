import pLimit from 'p-limit';
import { MINUTE_MS } from '../domain/day.ts';
import { isTransient, SourceError } from '../domain/failure.ts';
import { findWrongGranularity } from '../domain/granularity.ts';
import type { PlannedRequest } from '../domain/planning.ts';
import { createRetryPolicy, type FailedAttempt } from '../domain/retry-policy.ts';
import { type Series, seriesName, sourcesOf } from '../domain/series.ts';
import type { StopCause } from '../domain/verdict.ts';
import type { RateLimiter, RunDependencies, SeriesFailure, SourceResponse, StoredAnswer } from '../ports.ts';
import type { OpenRun } from './open-run.ts';
import type { RunPlan } from './plan-run.ts';
import { type RequestCounts, sendRequest } from './send-request.ts';

/** Enough requests side by side to spend a minute's permits at any latency up to the timeout; more would only cost memory. */
const MAX_CONCURRENCY = 100;

/** Answers may come from a cache, but their Date is that of the sending. */
const MAX_CLOCK_DIFFERENCE_MS = 5 * MINUTE_MS;

/** What the last request needs before the deadline: its 30 s timeout, storing, judging. */
const DEADLINE_RESERVE_MS = MINUTE_MS;

/** How far back requests of earlier processes may count: a minute, its slack, and the timeout of one killed under way. */
const LEDGER_WINDOW_MS = 2 * MINUTE_MS;

/** @property limiter and `counts` of the hop, for requests that follow. */
export type FetchOutcome = {
  readonly limiter: RateLimiter;
  readonly counts: RequestCounts & { readonly retries: number };
  readonly stoppedBy: StopCause | null;
  readonly retryAfterMs: number | null;
  readonly rowsWritten: number;
  readonly rowsUnchanged: number;
  /** Of those written, the ones by cross rates. */
  readonly rowsDerived: number;
};

/** @property withoutRate series that were to be derived from the answer, and could not be. */
export type Stored = StoredAnswer & { readonly withoutRate: readonly Series[] };
/** Takes what it needs out of the answer at once. @returns what stores it, told how many attempts it took. */
type OnAnswer = (request: PlannedRequest, answer: SourceResponse) => (attempts: number) => Promise<Stored>;

/** An answer without its samples: of those of a hundred requests under way most of the memory would be. */
type TakenAnswer = { readonly store: (attempts: number) => Promise<Stored>; readonly isEmpty: boolean };

export class Stop extends Error {
  readonly stopCause: StopCause;
  constructor(stopCause: StopCause) {
    super(`stopped: ${stopCause}`);
    this.stopCause = stopCause;
  }
}

/**
 * Works off the plan under the rate limiter and hands each answer on as it arrives. A failure of one series leaves
 * the others alone; a cause that all of them share stops the run. Returns when everything in hand is settled.
 * @throws whatever `onAnswer` throws, and LockLostError.
 */
export async function fetchWindows(
  plan: RunPlan,
  run: OpenRun,
  deps: RunDependencies,
  onAnswer: OnAnswer,
): Promise<FetchOutcome> {
  const limiter = await limiterFromLedger(deps);
  deps.onEvent({ kind: 'fetching', limiter });
  const stop = stopSignal(run, deps);
  const hop = new Hop(run, deps, limiter, stop.controller);
  const limit = pLimit(Math.min(limiter.limit, MAX_CONCURRENCY));
  try {
    for (const requests of inTurns(plan.requests))
      await Promise.all(requests.map((request) => limit(() => hop.work(request, onAnswer))));
  } finally {
    stop.dispose();
  }
  return await hop.outcome();
}

/** @returns a limiter that begins with the requests of earlier processes. */
export async function limiterFromLedger({
  clock,
  repositories,
  makeRateLimiter,
}: RunDependencies): Promise<RateLimiter> {
  const now = clock.now();
  const endedAt = await repositories.requests.endedSince(now - LEDGER_WINDOW_MS);
  return makeRateLimiter(endedAt.map((at) => (at === null ? 0 : now - at)));
}

/** What others are derived with comes first, and whole. */
function inTurns(requests: readonly PlannedRequest[]): (readonly PlannedRequest[])[] {
  const isReference = (request: PlannedRequest) => request.isReference;
  return [requests.filter(isReference), requests.filter((request) => !isReference(request))];
}

/** Aborts, with a Stop as its reason, at Ctrl-C, near the deadline and when the lock is lost. */
export function stopSignal({ lock }: OpenRun, { interrupt, deadline, clock }: RunDependencies) {
  const controller = new AbortController();
  const over = new AbortController();
  const stopOn = (signal: AbortSignal, cause: StopCause) => {
    if (signal.aborted) controller.abort(new Stop(cause));
    signal.addEventListener('abort', () => controller.abort(new Stop(cause)), { signal: over.signal });
  };
  stopOn(interrupt, 'interrupt');
  stopOn(lock.lost, 'lock');
  if (deadline !== null) {
    const timeLeftMs = deadline - DEADLINE_RESERVE_MS - clock.monotonicMs();
    if (timeLeftMs <= 0) controller.abort(new Stop('deadline'));
    else
      clock.sleep(timeLeftMs, over.signal).then(
        () => controller.abort(new Stop('deadline')),
        () => undefined, // The hop was over first.
      );
  }
  return { controller, dispose: () => over.abort() };
}

/** The state that the requests of one hop share. */
class Hop {
  readonly #run: OpenRun;
  readonly #deps: RunDependencies;
  readonly #limiter: RateLimiter;
  readonly #stop: AbortController;
  readonly #retryPolicy = createRetryPolicy();
  readonly #failures = new Map<string, SeriesFailure>();
  readonly #counts = { requests: 0, retries: 0, rateLimited: 0 };
  #isClockTold = false;
  #error: unknown = null;
  #rowsWritten = 0;
  #rowsUnchanged = 0;
  #rowsDerived = 0;

  constructor(run: OpenRun, deps: RunDependencies, limiter: RateLimiter, stop: AbortController) {
    this.#run = run;
    this.#deps = deps;
    this.#limiter = limiter;
    this.#stop = stop;
  }

  /** Never rejects: p-limit would leave the requests behind it running unobserved. */
  async work(request: PlannedRequest, onAnswer: OnAnswer): Promise<void> {
    const name = seriesName(request.series);
    const earlier = this.#failures.get(name);
    // The other windows of a series may be answered though one is empty, or lies beyond the history.
    const isHopeless = earlier && !isTransient(earlier.kind) && earlier.kind !== 'history' && earlier.kind !== 'empty';
    if (this.#stop.signal.aborted || isHopeless) return;
    try {
      const { store, isEmpty, attempts } = await this.#fetch(request, onAnswer);
      // Another ingestion may be working by now.
      this.#run.lock.lost.throwIfAborted();
      const stored = await store(attempts).catch((error: unknown) => {
        throw error instanceof SourceError ? new FailedRequest(error, attempts) : error;
      });
      this.#rowsWritten += stored.rowsWritten;
      this.#rowsUnchanged += stored.rowsUnchanged;
      this.#rowsDerived += stored.rowsDerived;
      for (const series of stored.withoutRate) this.#failWithoutRate(series);
      // An empty answer is stored like any other: what it proves is judged when the run ends.
      if (isEmpty) throw new FailedRequest(emptyAnswer(request.series), attempts);
      this.#deps.onEvent({ kind: 'answered', series: request.series, rowsWritten: stored.rowsWritten });
    } catch (error) {
      if (error instanceof Stop) return;
      if (error instanceof FailedRequest) this.#fail(request, error);
      else {
        this.#error ??= error;
        this.#stop.abort(new Stop('source'));
      }
    }
  }

  async outcome(): Promise<FetchOutcome> {
    this.#run.lock.lost.throwIfAborted();
    if (this.#error !== null) throw this.#error;
    await this.#deps.repositories.runs.failSeries(this.#run.order.runId, [...this.#failures.values()]);
    const { reason } = this.#stop.signal;
    return {
      stoppedBy: reason instanceof Stop ? reason.stopCause : null,
      limiter: this.#limiter,
      counts: this.#counts,
      retryAfterMs: this.#retryPolicy.closedForMs(this.#deps.clock.monotonicMs()),
      rowsWritten: this.#rowsWritten,
      rowsUnchanged: this.#rowsUnchanged,
      rowsDerived: this.#rowsDerived,
    };
  }

  async #fetch(request: PlannedRequest, onAnswer: OnAnswer): Promise<TakenAnswer & { attempts: number }> {
    for (let attempts = 1, refusals = 0; ; ) {
      const outcome = await this.#ask(request, onAnswer);
      if ('store' in outcome) return { ...outcome, attempts: attempts + refusals };
      const { error, sentAt, endedAt } = outcome;
      const delayMs = this.#delayBeforeRetry({ error, sentAt, endedAt, attempts });
      if (delayMs === null) throw new FailedRequest(error, attempts + refusals);
      // A refusal for the rate limit says nothing about the request.
      if (error.kind === 'rate_limited') refusals += 1;
      else attempts += 1;
      this.#deps.onEvent({ kind: 'retrying', series: request.series, error: error.message, delayMs });
      await this.#deps.clock.sleep(delayMs, this.#stop.signal);
      this.#counts.retries += 1;
    }
  }

  async #ask(request: PlannedRequest, onAnswer: OnAnswer): Promise<TakenAnswer | Omit<FailedAttempt, 'attempts'>> {
    const { clock } = this.#deps;
    let sentAt = clock.monotonicMs();
    const send = () => {
      sentAt = clock.monotonicMs();
      return this.#send(request, onAnswer);
    };
    try {
      const { signal } = this.#stop;
      const within = { run: this.#run, limiter: this.#limiter, counts: this.#counts, deps: this.#deps };
      return await sendRequest(request.series, send, { ...within, signal });
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      return { error, sentAt, endedAt: clock.monotonicMs() };
    }
  }

  async #send(request: PlannedRequest, onAnswer: OnAnswer): Promise<TakenAnswer> {
    const { series, window } = request;
    const answer = await this.#deps.source.fetchRange(series, window, this.#run.lock.lost);
    refuseWrongGranularity(answer, series);
    this.#tellClockOff(answer);
    const { strayPoints } = answer;
    if (strayPoints > 0)
      this.#deps.log.warn('Points without a moment left out', { series: seriesName(series), strayPoints });
    this.#retryPolicy.answered();
    return { store: onAnswer(request, answer), isEmpty: answer.samples.prices.length === 0 };
  }

  /** Which days are settled is decided by this machine's clock, so a wrong one is told, once. */
  #tellClockOff({ receivedAt, sourceTime }: SourceResponse): void {
    if (sourceTime === null || this.#isClockTold) return;
    const aheadMs = receivedAt - sourceTime;
    if (Math.abs(aheadMs) <= MAX_CLOCK_DIFFERENCE_MS) return;
    this.#isClockTold = true;
    this.#deps.onEvent({ kind: 'clock_off', aheadMs });
  }

  /** @returns how long to wait before the next attempt; null when there is to be none. */
  #delayBeforeRetry(attempt: FailedAttempt): number | null {
    const { random, onEvent } = this.#deps;
    const { retryInMs, pauseMs, stopsTheRun } = this.#retryPolicy.failed(attempt, random());
    if (pauseMs !== null) {
      const before = this.#limiter.limit;
      this.#limiter.slowDown(pauseMs);
      if (this.#limiter.limit < before) onEvent({ kind: 'slowed', limit: this.#limiter.limit, pauseMs });
    }
    if (stopsTheRun) this.#stop.abort(new Stop('source'));
    return retryInMs;
  }

  /** What is derived from the answer fails with it. */
  #fail({ serves }: PlannedRequest, { reason, attempts }: FailedRequest): void {
    for (const [index, { series, gapDays }] of serves.entries())
      if (index === 0 || gapDays.length > 0) this.#failSeries(series, reason, index === 0 ? attempts : 0);
  }

  /** As its reference did; where that has an answer, none of its moments is near enough. */
  #failWithoutRate(series: Series): void {
    const [, ...references] = sourcesOf(series, this.#run.base);
    const failure = references.map((one) => this.#failures.get(seriesName(one))).find((one) => one !== undefined);
    const names = references.map(seriesName).join(' and ');
    const why = failure?.message ?? `the answers for ${names} have no moment in common`;
    this.#failSeries(series, { kind: failure?.kind ?? 'incomplete', message: `There is no rate for it: ${why}` }, 0);
  }

  #failSeries(series: Series, { kind, message }: Pick<SourceError, 'kind' | 'message'>, attempts: number): void {
    const name = seriesName(series);
    this.#failures.set(name, { ...series, kind, message, attempts });
    this.#deps.log.warn('Series failed', { series: name, kind, attempts, error: message });
    this.#deps.onEvent({ kind: 'failed', series, error: message });
  }
}

class FailedRequest extends Error {
  readonly reason: SourceError;
  readonly attempts: number;
  constructor(reason: SourceError, attempts: number) {
    super(reason.message, { cause: reason });
    this.reason = reason;
    this.attempts = attempts;
  }
}

const emptyAnswer = (series: Series): SourceError =>
  new SourceError('empty', `CoinGecko's answer for ${seriesName(series)} has no prices; hourly ones were expected`, {
    status: 200,
  });

function refuseWrongGranularity({ samples, receivedAt }: SourceResponse, series: Series): void {
  const found = findWrongGranularity(samples, receivedAt);
  if (found === null) return;
  throw new SourceError(
    'wrong_granularity',
    `CoinGecko's answer for ${seriesName(series)} has ${found}; hourly ones were expected. Nothing of it was stored`,
    { status: 200 },
  );
}
