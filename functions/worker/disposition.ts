import { MAX_HOPS, MAX_RECEIVES } from '../../ingestion/contract/limits.ts';
import type { RunMessage } from '../../ingestion/contract/run-request.ts';
import { HOUR_MS, MINUTE_MS } from '../../ingestion/domain/day.ts';
import { type FailureKind, isTransient, LockTakenError, RefusedError } from '../../ingestion/domain/failure.ts';
import { onlyLacksTime, type RunResult } from '../../ingestion/domain/verdict.ts';
import { RequestError } from '../../ingestion/message/request.ts';
import { RunMessageError } from '../../ingestion/message/run-message.ts';

/** What the worker does with a message. */
export type Disposition =
  | { readonly kind: 'delete' }
  | { readonly kind: 'continue'; readonly next: RunMessage }
  | { readonly kind: 'retry'; readonly delayMs: number }
  /** This was its last receive: the queue itself moves it to the dead-letter queue. */
  | { readonly kind: 'give-up' }
  | { readonly kind: 'dead-letter'; readonly reason: FailureKind | 'too_many_hops' };

/** After the first, second, third and any later receive. */
const RETRY_DELAYS_MS = [1, 5, 20, 60].map((minutes) => minutes * MINUTE_MS);
const MAX_RETRY_DELAY_MS = 6 * HOUR_MS;

/** The worker itself has already waited a minute for the lock. */
const LOCK_DELAY_MS = 2 * MINUTE_MS;

/** No retry makes it readable, and it blocks every run behind it until its receives are used up. */
const UNREADABLE_DELAY_MS = 2_000;

/** Once the queue has lost its redrive policy, nothing else keeps such a message from coming at once, for ever. */
const MIN_OVERDUE_DELAY_MS = MINUTE_MS;

/**
 * @param receiveCount how often the queue has delivered the message, from 1.
 * @returns the disposition of a message whose hop came to a verdict.
 */
export function dispositionAfter(result: RunResult, message: RunMessage, receiveCount: number): Disposition {
  if (result.verdict.status === 'complete') return { kind: 'delete' };
  if (onlyLacksTime(result)) {
    if (message.hop >= MAX_HOPS) return { kind: 'dead-letter', reason: 'too_many_hops' };
    return { kind: 'continue', next: { ...message, hop: message.hop + 1 } };
  }
  const [reason] = result.failures;
  if (reason !== undefined && !result.failures.some(isTransient)) return { kind: 'dead-letter', reason };
  return retry(retryDelayMs(receiveCount, result.retryAfterMs), receiveCount);
}

/** @returns the disposition of a message that could not be read, or whose hop ended with an error. */
export function dispositionAfterError(error: unknown, receiveCount: number): Disposition {
  if (error instanceof RefusedError) return { kind: 'dead-letter', reason: error.kind };
  if (error instanceof RequestError) return { kind: 'dead-letter', reason: 'refused' };
  if (error instanceof LockTakenError) return retry(LOCK_DELAY_MS, receiveCount);
  if (error instanceof RunMessageError && error.kind === 'unreadable') return retry(UNREADABLE_DELAY_MS, receiveCount);
  return retry(retryDelayMs(receiveCount, null), receiveCount);
}

/** @returns whether the queue should have moved the message to the dead-letter queue, and did not. */
export const isOverdue = (receiveCount: number): boolean => receiveCount > MAX_RECEIVES;

function retry(delayMs: number, receiveCount: number): Disposition {
  if (isOverdue(receiveCount)) return { kind: 'retry', delayMs: Math.max(delayMs, MIN_OVERDUE_DELAY_MS) };
  return receiveCount === MAX_RECEIVES ? { kind: 'give-up' } : { kind: 'retry', delayMs };
}

/** @returns how long the message stays hidden: by its receive count, or as long as the source asked for, at most 6 h. */
function retryDelayMs(receiveCount: number, retryAfterMs: number | null): number {
  const delayMs = RETRY_DELAYS_MS[Math.min(receiveCount, RETRY_DELAYS_MS.length) - 1] ?? MINUTE_MS;
  return Math.min(Math.max(delayMs, retryAfterMs ?? 0), MAX_RETRY_DELAY_MS);
}
