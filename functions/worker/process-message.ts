import type { RunMessage } from '../../ingestion/contract/run-message.ts';
import type { Universe } from '../../ingestion/contract/universe.ts';
import { IngestionError, LockTakenError } from '../../ingestion/domain/failure.ts';
import type { RunResult } from '../../ingestion/domain/verdict.ts';
import type { Log, RunOrder } from '../../ingestion/ports.ts';
import type { StructuredLog } from '../../ingestion/runtime/logger.ts';
import { parseRunRequest } from '../../ingestion/runtime/request-schema.ts';
import { parseRunMessage } from '../../ingestion/runtime/run-message-schema.ts';
import { fateAfter, fateAfterError, type MessageFate } from './fate.ts';
import type { Delivery, WorkerQueue } from './worker-queue.ts';

export type WorkerDependencies = {
  readonly queue: WorkerQueue;
  readonly universe: Universe;
  /** Works on one hop of a run. @throws whatever keeps it from a verdict. */
  readonly runHop: (order: RunOrder, log: Log) => Promise<RunResult>;
  readonly log: StructuredLog;
};

/**
 * Works on one message, from its body to its fate. Nothing that goes wrong leaves it as an exception: a failure that is
 * dealt with is none of the function's.
 * @returns whether the message is done with, so that it may be deleted; else it comes back, or ends as a dead letter.
 */
export async function processMessage(delivery: Delivery, dependencies: WorkerDependencies): Promise<boolean> {
  const { queue } = dependencies;
  const { fate, log } = await workOn(delivery, dependencies);
  log.info('Fate of the message', { fate });
  try {
    return await carryOut(fate, delivery, queue);
  } catch (error) {
    log.error('The queue refused; the message stays where it is', { fate, error });
    await postponeAnyway(delivery, queue, fateAfterError(error, delivery.receiveCount), log);
    return false;
  }
}

/** @property log names the run and the hop, where the message could be read. */
async function workOn(
  { messageId, receiveCount, body }: Delivery,
  dependencies: WorkerDependencies,
): Promise<{ fate: MessageFate; log: Log }> {
  const { universe, runHop } = dependencies;
  let log = dependencies.log.with({ messageId, receiveCount });
  try {
    const message = parseRunMessage(body);
    log = log.with({ runId: message.runId, hop: message.hop });
    const result = await runHop(orderOf(message, universe), log);
    // The series have lines of their own.
    const { series, ...verdict } = result.verdict;
    const { stoppedBy, failures, retryAfterMs } = result;
    log.info('Hop done', { ...verdict, stoppedBy, failures, retryAfterMs });
    return { fate: fateAfter(result, message, receiveCount), log };
  } catch (error) {
    if (error instanceof LockTakenError) log.warn('Another ingestion is at work', { error });
    else if (error instanceof IngestionError) log.error('The hop failed', { error });
    else log.error('The hop failed for an unforeseen reason', { error });
    return { fate: fateAfterError(error, receiveCount), log };
  }
}

/** @throws RequestError when the universe no longer has what is asked for. */
function orderOf({ runId, triggerKey, trigger, dueAt, request, hop }: RunMessage, universe: Universe): RunOrder {
  const due = Date.parse(dueAt);
  // Its days were judged when it was accepted, and are judged as of then again.
  return { runId, triggerKey, trigger, dueAt: due, request: parseRunRequest(request, { universe, now: due }), hop };
}

async function carryOut(fate: MessageFate, delivery: Delivery, queue: WorkerQueue): Promise<boolean> {
  switch (fate.kind) {
    case 'delete':
      return true;
    case 'continue':
      await queue.send(fate.next);
      return true;
    case 'dead-letter':
      await queue.bury(delivery, fate.reason);
      return true;
    case 'retry':
      await queue.postpone(delivery, fate.delayMs);
      return false;
  }
}

/** Where even that is refused, the message comes back when the queue's own visibility timeout is over. */
async function postponeAnyway(delivery: Delivery, queue: WorkerQueue, fate: MessageFate, log: Log): Promise<void> {
  try {
    await carryOut(fate, delivery, queue);
  } catch (error) {
    log.warn('The message could not be postponed', { error });
  }
}
