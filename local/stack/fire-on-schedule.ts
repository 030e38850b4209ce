import * as z from 'zod';
import { DAILY_SCHEDULE, ENDPOINT_TIMEOUT_MS } from '../../ingestion/contract/limits.ts';
import { SCHEDULED_DETAIL_TYPE, SCHEDULED_SOURCE } from '../../ingestion/contract/names.ts';
import { type Instant, MINUTE_MS } from '../../ingestion/domain/day.ts';
import { IngestionError } from '../../ingestion/domain/failure.ts';
import type { Clock } from '../../ingestion/ports.ts';
import { lastDueAt, nextDueAt } from '../../lib/schedule/schedule-expression.ts';

const accepted = z.object({ data: z.object({ runId: z.string() }) });

/** @returns when production's schedule is due next after that moment. */
export const nextScheduledAt = (after: Instant): Instant => nextDueAt(DAILY_SCHEDULE, after);

/**
 * Calls the endpoint as EventBridge does on schedule.
 * @returns the id of the queued run.
 * @throws IngestionError with the endpoint's answer when it is not a 202.
 */
export async function callOnSchedule(endpointUrl: string, secret: string, triggeredAt: Instant): Promise<string> {
  const response = await fetch(endpointUrl, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      source: SCHEDULED_SOURCE,
      'detail-type': SCHEDULED_DETAIL_TYPE,
      triggered_at: new Date(triggeredAt).toISOString(),
    }),
    signal: AbortSignal.timeout(ENDPOINT_TIMEOUT_MS),
  });
  const text = await response.text();
  if (response.status !== 202) {
    throw new IngestionError(`The endpoint answered the scheduled call with ${response.status}: ${text.slice(0, 500)}`);
  }
  return accepted.parse(JSON.parse(text)).data.runId;
}

/**
 * Fires every day until the signal aborts, with the moment that it was due. A machine that slept fires once when it wakes
 * up, for the last moment it slept through: the endpoint refuses one of 14 days ago.
 */
export async function runSchedule(clock: Clock, signal: AbortSignal, fire: (at: Instant) => Promise<void>) {
  for (;;) {
    const next = nextScheduledAt(clock.now());
    while (clock.now() < next) {
      // Short waits, because a timer stands still while the machine sleeps.
      await clock.sleep(Math.min(next - clock.now(), MINUTE_MS), signal);
    }
    await fire(lastDueAt(DAILY_SCHEDULE, clock.now()));
  }
}
