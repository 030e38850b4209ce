import { METRICS } from '../../ingestion/contract/names.ts';
import type { RunMessage } from '../../ingestion/contract/run-request.ts';
import type { Universe } from '../../ingestion/contract/universe-schema.ts';
import { IngestionError, LockTakenError } from '../../ingestion/domain/failure.ts';
import type { RunResult, RunStatus } from '../../ingestion/domain/verdict.ts';
import { parseRunRequest } from '../../ingestion/message/request.ts';
import { parseRunMessage } from '../../ingestion/message/run-message.ts';
import type { Log, RunOrder } from '../../ingestion/ports.ts';
import type { EmitMetrics } from '../common/emit-metrics.ts';
import type { Delivery, WorkerQueue } from '../common/run-queue.ts';
import { type Disposition, dispositionAfter, dispositionAfterError, isOverdue } from './disposition.ts';

export type WorkerDependencies = {
  readonly queue: WorkerQueue;
  readonly universe: Universe;
  /** Works on one hop of a run. @throws whatever keeps it from a verdict. */
  readonly runHop: (order: RunOrder, log: Log) => Promise<RunResult>;
  readonly emit: EmitMetrics;
  readonly log: Log;
};

/**
 * Works on one message, from its body to its disposition. It never throws: what goes wrong becomes a disposition, and is
 * no failure of the function.
 * @returns whether the message is done with, so that it may be deleted; else it comes back, or ends as a dead letter.
 */
export async function processMessage(delivery: Delivery, dependencies: WorkerDependencies): Promise<boolean> {
  const { queue, emit } = dependencies;
  const { disposition, status, log } = await workOn(delivery, dependencies);
  log.info('Disposition of the message', { disposition });
  emit({ [countOf(disposition, status)]: 1 });
  try {
    return await carryOut(disposition, delivery, queue);
  } catch (error) {
    log.error('The queue refused; the message stays where it is', { disposition, error });
    const postponed = carryOut(dispositionAfterError(error, delivery.receiveCount), delivery, queue);
    // Else the message comes back when its visibility timeout is over.
    await postponed.catch((error: unknown) => log.warn('The message could not be postponed', { error }));
    return false;
  }
}

/**
 * @returns `status`, in which the hop left the run (failed where it ended without a verdict), and a `log` that names the run and
 * the hop (where the message could be read).
 */
async function workOn(
  { messageId, receiveCount, body }: Delivery,
  { universe, runHop, ...dependencies }: WorkerDependencies,
): Promise<{ disposition: Disposition; status: RunStatus; log: Log }> {
  let log = withFields(dependencies.log, { messageId, receiveCount });
  if (isOverdue(receiveCount)) {
    log.error('The queue no longer moves messages to its dead-letter queue: put its redrive policy back, or deploy');
  }
  try {
    const message = parseRunMessage(body);
    log = withFields(log, { runId: message.runId, hop: message.hop });
    const result = await runHop(orderOf(message, receiveCount, universe), log);
    // The series have lines of their own.
    const { series, ...verdict } = result.verdict;
    const { stoppedBy, failures, retryAfterMs } = result;
    log.info('Hop done', { ...verdict, stoppedBy, failures, retryAfterMs });
    return { disposition: dispositionAfter(result, message, receiveCount), status: verdict.status, log };
  } catch (error) {
    if (error instanceof LockTakenError) log.warn('Another ingestion is running', { error });
    else if (error instanceof IngestionError) log.error('The hop failed', { error });
    else log.error('The hop failed for an unforeseen reason', { error });
    return { disposition: dispositionAfterError(error, receiveCount), status: 'failed', log };
  }
}

/** @throws RequestError when the universe no longer has what is asked for. */
function orderOf({ version, ...message }: RunMessage, receiveCount: number, universe: Universe): RunOrder {
  const dueAt = Date.parse(message.dueAt);
  // The request was judged when it was accepted, and is judged as of that moment again.
  const request = parseRunRequest(message.request, { universe, now: dueAt });
  return { ...message, dueAt, request, isRedelivery: receiveCount > 1 };
}

/** @returns the metric that counts the run. One that will be retried is not counted as partial yet, so that it alarms nobody. */
function countOf({ kind }: Disposition, status: RunStatus) {
  if (kind === 'delete') return METRICS.runsComplete;
  if (kind === 'continue' || kind === 'retry') return METRICS.runsWaiting;
  return status === 'partial' ? METRICS.runsPartial : METRICS.runsFailed;
}

async function carryOut(disposition: Disposition, delivery: Delivery, queue: WorkerQueue): Promise<boolean> {
  switch (disposition.kind) {
    case 'delete':
      return true;
    case 'continue':
      await queue.send(disposition.next);
      return true;
    case 'dead-letter':
      await queue.sendToDeadLetterQueue(delivery, disposition.reason);
      return true;
    case 'retry':
      await queue.postpone(delivery, disposition.delayMs);
      return false;
    case 'give-up':
      await queue.postpone(delivery, 0);
      return false;
  }
}

/**
 * @returns a log that adds the fields to each of its lines. Work side by side never shares fields. Powertools' child
 * loggers would do the same, but a child takes every invocation that makes it for a cold start.
 */
function withFields(log: Log, fields: Record<string, unknown>): Log {
  const adding = (level: keyof Log) => (message: string, more?: Record<string, unknown>) =>
    log[level](message, { ...fields, ...more });
  return { debug: adding('debug'), info: adding('info'), warn: adding('warn'), error: adding('error') };
}
