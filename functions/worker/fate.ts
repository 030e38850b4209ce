import { MAX_HOPS, MAX_RECEIVES, type RunMessage } from '../../ingestion/contract/run-message.ts';
import { type FailureKind, LockTakenError, RefusedError } from '../../ingestion/domain/failure.ts';
import { fateOf, retryDelayMs } from '../../ingestion/domain/outcomes.ts';
import type { RunResult } from '../../ingestion/domain/verdict.ts';
import { RequestError } from '../../ingestion/runtime/request-schema.ts';
import { RunMessageError } from '../../ingestion/runtime/run-message-schema.ts';

/** What becomes of a message: the fate of its hop, or what hops know nothing of. */
export type MessageFate =
  | { readonly kind: 'delete' }
  | { readonly kind: 'continue'; readonly next: RunMessage }
  | { readonly kind: 'retry'; readonly delayMs: number }
  /** It was received for the last time: the queue moves it to the dead-letter queue when it is next asked for one. */
  | { readonly kind: 'give-up' }
  | { readonly kind: 'dead-letter'; readonly reason: FailureKind | 'too_many_hops' };

/** After the minute that the worker itself has waited for the lock. */
const LOCK_DELAY_MS = 120_000;

/** No retry makes it readable; until the queue has moved it away, it holds up every run behind it. */
const UNREADABLE_DELAY_MS = 2_000;

/** @returns the fate of a message whose hop came to a verdict. */
export function fateAfter(result: RunResult, message: RunMessage, receiveCount: number): MessageFate {
  const fate = fateOf(result, receiveCount);
  if (fate.kind === 'retry') return retry(fate.delayMs, receiveCount);
  if (fate.kind !== 'continue') return fate;
  if (message.hop >= MAX_HOPS) return { kind: 'dead-letter', reason: 'too_many_hops' };
  return { kind: 'continue', next: { ...message, hop: message.hop + 1 } };
}

/** @returns the fate of a message that could not be read, or whose hop ended with an error. */
export function fateAfterError(error: unknown, receiveCount: number): MessageFate {
  if (error instanceof RefusedError) return { kind: 'dead-letter', reason: error.kind };
  if (error instanceof RequestError) return { kind: 'dead-letter', reason: 'refused' };
  if (error instanceof LockTakenError) return retry(LOCK_DELAY_MS, receiveCount);
  if (error instanceof RunMessageError && error.kind === 'unreadable') return retry(UNREADABLE_DELAY_MS, receiveCount);
  return retry(retryDelayMs(receiveCount, null), receiveCount);
}

const retry = (delayMs: number, receiveCount: number): MessageFate =>
  receiveCount >= MAX_RECEIVES ? { kind: 'give-up' } : { kind: 'retry', delayMs };
