import { judgeLatestRates } from '../domain/cross-rates.ts';
import { MINUTE_MS } from '../domain/day.ts';
import { SourceError } from '../domain/failure.ts';
import { leftOutOf } from '../domain/latest-price.ts';
import type { PlannedRequest } from '../domain/planning.ts';
import { type Finding, findWrongGranularity } from '../domain/quality.ts';
import { type FailedAttempt, isSilent } from '../domain/retry-policy.ts';
import { type Series, seriesName } from '../domain/series.ts';
import type { SourceResponse } from '../ports.ts';
import { type Hop, Unanswered } from './hop.ts';
import { Stop } from './open-run.ts';

/** Answers may come from a cache, but their Date is that of the sending. */
const MAX_CLOCK_DIFFERENCE_MS = 5 * MINUTE_MS;

/** An answer to a request of the plan. */
export type FetchedAnswer = SourceResponse & { readonly request: PlannedRequest };

/**
 * Asks for what the request names, again where that may help.
 * @throws SourceError after the last attempt; Unanswered where the next one is to wait for its turn; Stop where none may be
 * begun.
 */
export async function fetchAnswer(request: PlannedRequest, hop: Hop): Promise<FetchedAnswer> {
  const { run, deps, counts } = hop;
  const { clock, source, onEvent } = deps;
  const { series, window } = request;
  for (let attempt = 1 + (hop.attempts.get(request) ?? 0), timesLimited = 0; ; attempt += 1) {
    hop.attempts.set(request, attempt);
    if (attempt > 1) counts.retries += 1;
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
      const wasAlone = !hop.isAnswered;
      const delayMs = reactTo(failed, hop);
      if (delayMs === null) throw error;
      if (wasAlone) throw new Unanswered(error.message);
      onEvent({ kind: 'retrying', series, error: error.message, delayMs });
      await clock.sleep(delayMs, run.stop.signal);
    }
  }
}

/**
 * Sends one request when the limiter lets it, written into the ledger before it is sent and after it ended.
 * @param series null where it is of no series.
 * @throws whatever `send` throws; Stop while it waits for its turn.
 */
async function sendRequest<Answer>(series: Series | null, hop: Hop, send: () => Promise<Answer>): Promise<Answer> {
  const { run, limiter } = hop;
  const { clock, repositories } = hop.deps;
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
    if (!(error instanceof SourceError)) throw error;
    ({ status, wasSent } = error);
    if (error.kind === 'rate_limited') hop.counts.rateLimited += 1;
    if (error.kind === 'clock') hop.clockOff = error;
    throw error;
  } finally {
    if (wasSent) hop.counts.requests += 1;
    if (wasSent) permit.release();
    else permit.giveBack();
    const isCredited = status !== null && status >= 200 && status < 300;
    if (id !== null && wasSent) await repositories.requests.end({ id, endedAt: clock.now(), status, isCredited });
    else if (id !== null) await repositories.requests.withdraw(id);
  }
}

/**
 * Asks what everything costs now, by the requests of the plan, and stores it. Where prices are derived, the answer also
 * proves that all coins have the same rates. A failure is reported and changes nothing.
 * @returns in `stored` how many series have a latest price from this run; null where none could be asked for.
 */
export async function fetchLatestPrices(hop: Hop) {
  const { run, plan, deps } = hop;
  if (plan.latestRequests.length === 0) return { stored: null, findings: [] };
  const ofRun = run.expected.map(({ series }) => series.currency);
  const currencies = [...new Set(run.base ? [run.base.currency, ...ofRun] : ofRun)];
  const findings: Finding[] = [];
  // The first coin may be in each answer.
  const stored = new Set<string>();
  try {
    for (const coins of plan.latestRequests) {
      const asked = { coins, currencies };
      const latest = await sendRequest(null, hop, () => deps.source.fetchLatest(asked, run.lock.lost));
      await deps.repositories.latestPrices.store(run.order.runId, latest);
      if (run.base) findings.push(...judgeLatestRates(latest, run.base));
      for (const one of latest) stored.add(seriesName(one));
      const leftOut = leftOutOf(latest, asked);
      if (leftOut.length > 0) deps.onEvent({ kind: 'latest_left_out', series: leftOut });
    }
    return { stored: stored.size, findings };
  } catch (error) {
    if (!(error instanceof SourceError || error instanceof Stop)) throw error;
    run.lock.lost.throwIfAborted();
    deps.onEvent({ kind: 'latest_failed', error: error.message });
    return { stored: stored.size || null, findings };
  }
}

/** @throws SourceError for an answer that is not hourly. */
function judgeResponse({ samples, strayPoints, clockAheadMs }: SourceResponse, series: Series, hop: Hop): void {
  const { log, onEvent } = hop.deps;
  const found = findWrongGranularity(samples);
  if (found !== null) {
    const message = `CoinGecko's answer for ${seriesName(series)} has ${found}; hourly ones were expected. Nothing of it was stored`;
    throw new SourceError('wrong_granularity', message, { status: 200 });
  }
  if (strayPoints > 0) log.warn('Points without a moment left out', { series: seriesName(series), strayPoints });
  // A clock that is a little off is reported, once.
  if (hop.clockAheadMs === null && Math.abs(clockAheadMs ?? 0) > MAX_CLOCK_DIFFERENCE_MS) {
    hop.clockAheadMs = clockAheadMs;
    onEvent({ kind: 'clock_off', aheadMs: clockAheadMs ?? 0 });
  }
  hop.retryPolicy.answered();
  hop.isAnswered = true;
}

/** @returns how long to wait before the next attempt; null when there is to be none. */
function reactTo(attempt: FailedAttempt, hop: Hop): number | null {
  const { run, limiter, retryPolicy, deps } = hop;
  hop.isAnswered ||= !isSilent(attempt.error.kind);
  const { retryInMs, pauseMs, stopsTheRun } = retryPolicy.failed(attempt, deps.random());
  if (pauseMs !== null) {
    const before = limiter.limit;
    limiter.slowDown(pauseMs);
    if (limiter.limit < before) deps.onEvent({ kind: 'slowed', limit: limiter.limit, pauseMs });
  }
  if (stopsTheRun) run.stop.because('source');
  return retryInMs;
}
