import { SQSClient } from '@aws-sdk/client-sqs';
import { type FauxqsServer, startFauxqs } from 'fauxqs';
import { createRunQueue } from '../../functions/common/run-queue.ts';
import { createTrigger } from '../../functions/trigger/trigger.ts';
import { processMessage } from '../../functions/worker/process-message.ts';
import { runHop } from '../../functions/worker/run-hop.ts';
import { createWorkerQueue, type Delivery } from '../../functions/worker/worker-queue.ts';
import {
  ENDPOINT_TIMEOUT_MS,
  MAX_RECEIVES,
  QUEUE_RETENTION_DAYS,
  VISIBILITY_MINUTES,
  WORKER_TIMEOUT_MINUTES,
} from '../../ingestion/contract/limits.ts';
import { ENDPOINT_PATH } from '../../ingestion/contract/names.ts';
import type { Universe } from '../../ingestion/contract/universe.ts';
import { createDatabase } from '../../ingestion/database/connection.ts';
import { MINUTE_MS } from '../../ingestion/domain/day.ts';
import type { RunResult, Verdict } from '../../ingestion/domain/verdict.ts';
import type { Log, RunOrder } from '../../ingestion/ports.ts';
import type { SourceSettings } from '../../ingestion/settings.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { startHttpApi } from './http-api.ts';
import { LOCAL_AWS } from './local-aws.ts';
import { pollQueue } from './queue-poller.ts';

const HOP_TIMEOUT_MS = WORKER_TIMEOUT_MINUTES * MINUTE_MS;
const VISIBILITY_SECONDS = VISIBILITY_MINUTES * 60;
const RETENTION_SECONDS = QUEUE_RETENTION_DAYS * 24 * 60 * 60;

export type LocalStackOptions = {
  /** Names a database whose tables are up to date. */
  readonly databaseUrl: string;
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

export type LocalStack = {
  /** The page's address. */
  readonly url: string;
  readonly endpointUrl: string;
  readonly queue: { readonly endpoint: string; readonly queueUrl: string };
  /** Interrupts the run under way, which stores what it has in hand, and ends everything. */
  stop(): Promise<void>;
};

/**
 * Starts the deployed program on loopback: the trigger behind an HTTP server, the FIFO queue with its dead-letter queue,
 * and a worker that takes runs from it. These are the functions that the handlers of the cloud call, composed in this
 * process: see docs/adr/0012-local-stack.md.
 * @throws IngestionError when the port is taken.
 */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const { cronSecret, universe, log, onError } = options;
  const stops: (() => unknown)[] = [];
  const stop = async () => {
    for (const end of stops.splice(0).reverse()) await end();
  };
  try {
    const sqs = await startFauxqs({ port: 0, logger: false });
    stops.push(() => sqs.stop());
    const queues = createQueues(sqs);
    const client = new SQSClient({ ...LOCAL_AWS, endpoint: sqs.address });
    stops.push(() => client.destroy());

    const worker = createWorker(client, queues, options);
    stops.push(worker.close);
    const stopPolling = pollQueue({
      client,
      queueUrl: queues.queueUrl,
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
      queue: createRunQueue(client, queues.queueUrl),
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
    stops.push(() => api.close());
    return {
      url: `${api.url}/`,
      endpointUrl: `${api.url}${ENDPOINT_PATH}`,
      queue: { endpoint: sqs.address, queueUrl: queues.queueUrl },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Nobody collects metrics here. */
const ignoreMetrics = () => {};

type Queues = { readonly queueUrl: string; readonly deadLetterQueueUrl: string };

function createQueues(sqs: FauxqsServer): Queues {
  const fifo = { FifoQueue: 'true', MessageRetentionPeriod: String(RETENTION_SECONDS) };
  const dead = sqs.createQueue('runs-dead.fifo', { attributes: fifo });
  const runs = sqs.createQueue('runs.fifo', {
    attributes: {
      ...fifo,
      VisibilityTimeout: String(VISIBILITY_SECONDS),
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.queueArn, maxReceiveCount: MAX_RECEIVES }),
    },
  });
  return { queueUrl: runs.queueUrl, deadLetterQueueUrl: dead.queueUrl };
}

type Worker = {
  handle(delivery: Delivery): Promise<boolean>;
  /** Lets the hop under way finish what it has in hand, and begin nothing new. */
  interrupt(): void;
  close(): Promise<void>;
};

function createWorker(client: SQSClient, queues: Queues, options: LocalStackOptions): Worker {
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

  const queue = createWorkerQueue(client, queues);
  return {
    handle: (delivery) => processMessage(delivery, { queue, universe, log, emit: ignoreMetrics, runHop: runAndTell }),
    interrupt: () => interrupt.abort(),
    close: database.close,
  };
}
