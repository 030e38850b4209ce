import { SourceError } from '../domain/failure.ts';
import type { Series } from '../domain/series.ts';
import type { RateLimiter, RunDependencies } from '../ports.ts';
import type { OpenRun } from './open-run.ts';

/** What a hop has asked so far. */
export type RequestCounts = { requests: number; rateLimited: number };

/**
 * Sends one request when the limiter lets it, written into the ledger before it is sent and after it ended.
 * @param series null where it is of no series.
 * @throws whatever `send` throws; the signal's reason while it waits for its turn.
 */
export async function sendRequest<Answer>(
  series: Series | null,
  send: () => Promise<Answer>,
  {
    run,
    limiter,
    signal,
    counts,
    deps: { clock, repositories },
  }: { run: OpenRun; limiter: RateLimiter; signal: AbortSignal; counts: RequestCounts; deps: RunDependencies },
): Promise<Answer> {
  const permit = await limiter.acquire(signal);
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
