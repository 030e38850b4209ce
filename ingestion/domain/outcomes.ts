import { type FailureKind, isTransient } from './failure.ts';
import type { RunResult, RunStatus, StopCause } from './verdict.ts';

/** @returns the status that a hop leaves its run in. `waiting` means that a continuation takes over. */
export function statusAfter(hop: {
  missingDays: number;
  stoppedBy: StopCause | null;
  canContinue: boolean;
  hasStoredAnswers: boolean;
}): RunStatus {
  if (hop.missingDays === 0) return 'complete';
  if (hop.stoppedBy === 'interrupt') return 'interrupted';
  if (hop.canContinue) return 'waiting';
  return hop.hasStoredAnswers ? 'partial' : 'failed';
}

/** @returns whether the hop ran out of time with progress, and nothing but time is in the way of the next one. */
export const canContinue = (hop: Pick<RunResult, 'madeProgress' | 'stoppedBy' | 'retryAfterMs'>): boolean =>
  hop.stoppedBy === 'deadline' && hop.madeProgress && hop.retryAfterMs === null;

/** What becomes of the queue's message after a hop. */
export type Fate =
  | { readonly kind: 'delete' }
  | { readonly kind: 'continue' }
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'dead-letter'; readonly reason: FailureKind };

const MINUTE_MS = 60_000;
const RETRY_DELAYS_MS = [1, 5, 20, 60].map((minutes) => minutes * MINUTE_MS);
const MAX_RETRY_DELAY_MS = 6 * 60 * MINUTE_MS;

/**
 * @param receiveCount how often the queue has delivered the message, from 1; at the fifth the queue itself moves it to
 * the dead-letter queue.
 */
export function fateOf(result: RunResult, receiveCount: number): Fate {
  if (result.verdict.status === 'complete') return { kind: 'delete' };
  if (canContinue(result)) return { kind: 'continue' };
  const [reason] = result.failures;
  if (reason !== undefined && !result.failures.some(isTransient)) return { kind: 'dead-letter', reason };
  return { kind: 'retry', delayMs: retryDelayMs(receiveCount, result.retryAfterMs) };
}

/** @returns when the message is to be seen again: after 1, 5, 20, 60 min, or what the source asked for, at most 6 h. */
export function retryDelayMs(receiveCount: number, retryAfterMs: number | null): number {
  const delayMs = RETRY_DELAYS_MS[Math.min(receiveCount, RETRY_DELAYS_MS.length) - 1] ?? MINUTE_MS;
  return Math.min(Math.max(delayMs, retryAfterMs ?? 0), MAX_RETRY_DELAY_MS);
}
