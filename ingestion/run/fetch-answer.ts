import { MINUTE_MS } from '../domain/day.ts';
import { SourceError } from '../domain/failure.ts';
import { findWrongGranularity } from '../domain/granularity.ts';
import type { PlannedRequest } from '../domain/planning.ts';
import type { FailedAttempt } from '../domain/retry-policy.ts';
import { type Series, seriesName } from '../domain/series.ts';
import type { SourceResponse } from '../ports.ts';
import type { Hop } from './hop.ts';

/** Answers may come from a cache, but their Date is that of the sending. */
const MAX_CLOCK_DIFFERENCE_MS = 5 * MINUTE_MS;

/** An answer to a request of the plan. */
export type FetchedAnswer = SourceResponse & { readonly request: PlannedRequest };

/**
 * Asks for what the request names, again where that may help.
 * @throws SourceError after the last attempt; Stop where no further one may be begun.
 */
export async function fetchAnswer(request: PlannedRequest, hop: Hop): Promise<FetchedAnswer> {
  const { run, deps, counts } = hop;
  const { clock, source, onEvent } = deps;
  const { series, window } = request;
  for (let attempt = 1, timesLimited = 0; ; attempt += 1) {
    hop.attempts.set(request, attempt);
    let sentAt = clock.monotonicMs();
    try {
      const answer = await sendRequest(series, hop, () => {
        sentAt = clock.monotonicMs();
        return source.fetchRange(series, window, run.lock.lost);
      });
      judgeResponse(answer, series, hop);
      return { ...answer, request };
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      // Being rate-limited says nothing about the request.
      const failed = { error, sentAt, endedAt: clock.monotonicMs(), attempts: attempt - timesLimited };
      if (error.kind === 'rate_limited') timesLimited += 1;
      const delayMs = reactTo(failed, hop);
      if (delayMs === null) throw error;
      onEvent({ kind: 'retrying', series, error: error.message, delayMs });
      await clock.sleep(delayMs, run.stop.signal);
      counts.retries += 1;
    }
  }
}

/**
 * Sends one request when the limiter lets it, written into the ledger before it is sent and after it ended.
 * @param series null where it is of no series.
 * @throws whatever `send` throws; Stop while it waits for its turn.
 */
export async function sendRequest<Answer>(
  series: Series | null,
  { run, limiter, counts, deps: { clock, repositories } }: Hop,
  send: () => Promise<Answer>,
): Promise<Answer> {
  const permit = await limiter.acquire(run.stop.signal);
  let id: string | null = null;
  let status: number | null = null;
  let wasSent = true;
  try {
    id = await repositories.requests.begin({ runId: run.order.runId, series, sentAt: clock.now() });
    const answer = await send();
    status = 200;
    return answer;
  } catch (error) {
    if (error instanceof SourceError) ({ status, wasSent } = error);
    if (error instanceof SourceError && error.kind === 'rate_limited') counts.rateLimited += 1;
    throw error;
  } finally {
    if (wasSent) counts.requests += 1;
    if (wasSent) permit.release();
    else permit.giveBack();
    const isCredited = status !== null && status >= 200 && status < 300;
    if (id !== null && wasSent) await repositories.requests.end({ id, endedAt: clock.now(), status, isCredited });
    else if (id !== null) await repositories.requests.withdraw(id);
  }
}

/** @throws SourceError for an answer that is not hourly. */
function judgeResponse(answer: SourceResponse, series: Series, hop: Hop): void {
  const found = findWrongGranularity(answer.samples, answer.receivedAt);
  if (found !== null) {
    const message = `CoinGecko's answer for ${seriesName(series)} has ${found}; hourly ones were expected. Nothing of it was stored`;
    throw new SourceError('wrong_granularity', message, { status: 200 });
  }
  const { strayPoints } = answer;
  const { log } = hop.deps;
  if (strayPoints > 0) log.warn('Points without a moment left out', { series: seriesName(series), strayPoints });
  reportClockOff(answer, hop);
  hop.retryPolicy.answered();
}

/** Which days are settled is decided by this machine's clock, so a wrong one is reported, once. */
function reportClockOff({ receivedAt, sourceTime }: SourceResponse, hop: Hop): void {
  if (sourceTime === null || hop.isClockReported) return;
  const aheadMs = receivedAt - sourceTime;
  if (Math.abs(aheadMs) <= MAX_CLOCK_DIFFERENCE_MS) return;
  hop.isClockReported = true;
  hop.deps.onEvent({ kind: 'clock_off', aheadMs });
}

/** @returns how long to wait before the next attempt; null when there is to be none. */
function reactTo(attempt: FailedAttempt, { run, limiter, retryPolicy, deps }: Hop): number | null {
  const { retryInMs, pauseMs, stopsTheRun } = retryPolicy.failed(attempt, deps.random());
  if (pauseMs !== null) {
    const before = limiter.limit;
    limiter.slowDown(pauseMs);
    if (limiter.limit < before) deps.onEvent({ kind: 'slowed', limit: limiter.limit, pauseMs });
  }
  if (stopsTheRun) run.stop.because('source');
  return retryInMs;
}
