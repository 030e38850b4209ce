import { createRunQueue, createWorkerQueue, type Delivery } from '../../functions/common/run-queue.ts';
import { createTrigger } from '../../functions/trigger/trigger.ts';
import { processMessage } from '../../functions/worker/process-message.ts';
import { runHop } from '../../functions/worker/run-hop.ts';
import { ENDPOINT_TIMEOUT_MS, WORKER_TIMEOUT_MINUTES } from '../../ingestion/contract/limits.ts';
import { ENDPOINT_PATH } from '../../ingestion/contract/names.ts';
import type { Universe } from '../../ingestion/contract/universe-schema.ts';
import { createDatabase } from '../../ingestion/database/connection.ts';
import { MINUTE_MS } from '../../ingestion/domain/day.ts';
import type { RunResult, Verdict } from '../../ingestion/domain/verdict.ts';
import type { Log, RunOrder } from '../../ingestion/ports.ts';
import type { SourceSettings } from '../../ingestion/read-settings.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { startHttpApi } from './http-api.ts';
import { type LocalQueue, MIN_HIDDEN_SECONDS, pollQueue, startLocalQueue } from './local-queue.ts';

const HOP_TIMEOUT_MS = WORKER_TIMEOUT_MINUTES * MINUTE_MS;

export type LocalStackOptions = {
  /** Names a database whose tables are up to date. */
  readonly databaseUrl: string;
  /** The database's own: it keeps the queue's messages from one start to the next. Null where nothing is to be kept. */
  readonly queueFolder: string | null;
  readonly cronSecret: string;
  readonly source: SourceSettings;
  readonly universe: Universe;
  /** 0 takes a free port. */
  readonly port: number;
  readonly log: Log;
  /** Makes the page that `GET /` answers with. */
  readonly renderPage: () => Promise<string>;
  /** Is told what fails outside of a run: the page, or the queue. */
  readonly onError: (error: unknown) => void;
  /** Is told how each hop ended. */
  readonly onHop: (outcome: HopOutcome) => void;
};

/** How a hop ended: with a verdict, or with the error that kept it from one. */
export type HopOutcome = { readonly runId: string } & ({ readonly verdict: Verdict } | { readonly error: unknown });

/** @property url is the page's. @property takenUp is what an earlier start had left in the queues. */
export type LocalStack = Awaited<ReturnType<typeof startLocalStack>>;

/**
 * Starts the deployed program on loopback: the trigger behind an HTTP server, the FIFO queue with its dead-letter queue,
 * and a worker that takes runs from it. These are the functions that the handlers of the cloud call, composed in this
 * process: see docs/adr/0012-local-stack.md.
 * @throws LockTakenError when another stack is running on the queue's folder.
 * @throws IngestionError when the port is taken.
 */
export async function startLocalStack(options: LocalStackOptions) {
  const { cronSecret, universe, log, onError } = options;
  const queue = await startLocalQueue(options.queueFolder);
  const takenUp = queue.counts();
  const stops: (() => unknown)[] = [];
  /** Interrupts the run under way, which stores what it has in hand. @returns what the queues keep for the next start. */
  const stop = async () => {
    for (const end of stops.splice(0).reverse()) await end();
    return await queue.close();
  };
  try {
    const worker = createWorker(queue, options);
    stops.push(worker.close);
    const stopPolling = pollQueue({
      client: queue.client,
      queueUrl: queue.queueUrl,
      clock: systemClock,
      handle: worker.handle,
      onError,
    });
    stops.push(() => {
      worker.interrupt();
      return stopPolling();
    });

    const trigger = createTrigger({
      secrets: { read: async () => [cronSecret] },
      queue: createRunQueue(queue.client, queue.queueUrl),
      queueTimeoutMs: ENDPOINT_TIMEOUT_MS,
      universe,
      clock: systemClock,
      emit: ignoreMetrics,
    });
    const api = await startHttpApi({
      port: options.port,
      routes: {
        [ENDPOINT_PATH]: (event) => trigger(event, log),
        '/': async () => ({
          statusCode: 200,
          headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' },
          body: await options.renderPage(),
        }),
      },
      onError,
    });
    stops.push(api.close);
    const url = `${api.url}/`;
    await queue.announce(url);
    return {
      url,
      endpointUrl: `${api.url}${ENDPOINT_PATH}`,
      queueUrl: queue.queueUrl,
      takenUp,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Nobody collects metrics here. */
const ignoreMetrics = () => {};

function createWorker(local: LocalQueue, options: LocalStackOptions) {
  const { databaseUrl, source, universe, log, onHop } = options;
  const database = createDatabase({ url: databaseUrl }, { log });
  const interrupt = new AbortController();

  async function runAndTell(order: RunOrder, log: Log): Promise<RunResult> {
    const { runId } = order;
    try {
      const result = await runHop(order, {
        source,
        universe,
        database,
        clock: systemClock,
        log,
        emit: ignoreMetrics,
        interrupt: interrupt.signal,
        deadline: systemClock.monotonicMs() + HOP_TIMEOUT_MS,
      });
      onHop({ runId, verdict: result.verdict });
      return result;
    } catch (error) {
      onHop({ runId, error });
      throw error;
    }
  }

  const queue = createWorkerQueue(local.client, local);
  const postpone: typeof queue.postpone = (delivery, delayMs) =>
    queue.postpone(delivery, Math.max(delayMs, MIN_HIDDEN_SECONDS * 1000));
  const dependencies = { queue: { ...queue, postpone }, universe, log, emit: ignoreMetrics, runHop: runAndTell };
  return {
    handle: (delivery: Delivery) => processMessage(delivery, dependencies),
    /** Lets the hop under way finish what it has in hand, and begin nothing new. */
    interrupt: () => interrupt.abort(),
    close: database.close,
  };
}
