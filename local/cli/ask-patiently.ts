import { SourceError } from '../../ingestion/domain/failure.ts';
import { createRetryPolicy } from '../../ingestion/domain/retry-policy.ts';
import type { Clock } from '../../ingestion/ports.ts';
import { formatDuration } from '../output/format.ts';

/**
 * Makes a single request, and waits and repeats it as a run does: after a 429 for as long as the source asks.
 * @throws SourceError when the policy gives up; the signal's reason when it aborts.
 */
export async function askPatiently<Answer>(
  request: (signal: AbortSignal) => Promise<Answer>,
  {
    clock,
    interrupt,
    note,
  }: { clock: Pick<Clock, 'monotonicMs' | 'sleep'>; interrupt: AbortSignal; note: (text: string) => void },
): Promise<Answer> {
  const policy = createRetryPolicy();
  let attempts = 1;
  for (;;) {
    const sentAt = clock.monotonicMs();
    try {
      return await request(interrupt);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      const failed = { error, sentAt, endedAt: clock.monotonicMs(), attempts };
      const { retryInMs, pauseMs } = policy.failed(failed, Math.random());
      if (retryInMs === null) throw error;
      const waitMs = Math.max(retryInMs, pauseMs ?? 0);
      note(`${error.message} – trying again in ${formatDuration(Math.ceil(waitMs / 1000) * 1000)}`);
      await clock.sleep(waitMs, interrupt);
      if (error.kind !== 'rate_limited') attempts += 1;
    }
  }
}
