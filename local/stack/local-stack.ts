import type { EmitMetrics } from '../../functions/common/emit-metrics.ts';
import type { Delivery } from '../../functions/common/run-queue.ts';
import { failure } from '../../functions/trigger/http-call.ts';
import { createTrigger } from '../../functions/trigger/trigger.ts';
import { processMessage } from '../../functions/worker/process-message.ts';
import { runHop } from '../../functions/worker/run-hop.ts';
import { ENDPOINT_TIMEOUT_MS, WORKER_TIMEOUT_MINUTES } from '../../ingestion/contract/limits.ts';
import { ENDPOINT_PATH, METRICS } from '../../ingestion/contract/names.ts';
import type { Universe } from '../../ingestion/contract/universe-schema.ts';
import { createDatabase } from '../../ingestion/database/connection.ts';
import { MINUTE_MS } from '../../ingestion/domain/day.ts';
import { isFullRun } from '../../ingestion/domain/expected-days.ts';
import type { RunResult, Verdict } from '../../ingestion/domain/verdict.ts';
import type { Log, RunOrder } from '../../ingestion/ports.ts';
import type { SourceSettings } from '../../ingestion/read-settings.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { startHttpApi } from './http-api.ts';
import { type LocalQueue, pollQueue, startLocalQueue } from './local-queue.ts';

const HOP_TIMEOUT_MS = WORKER_TIMEOUT_MINUTES * MINUTE_MS;

export type LocalStackOptions = {
  /** Names a database whose tables are up to date. */
  readonly databaseUrl: string;
  /** The database's own: it keeps the queue's messages from one start to the next. Null where nothing is to be kept. */
  readonly queueFolder: string | null;
  readonly cronSecret: string;
  readonly source: SourceSettings;
  readonly universe: Universe;
  /** The address that page and endpoint listen on. The queue listens nowhere. @default 127.0.0.1 */
  readonly host?: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly log: Log;
  /** Makes the page that `GET /` answers with. */
  readonly renderPage: () => Promise<string>;
  /** Is told what fails outside of a run: the page, the queue, or that the database is away. */
  readonly onError: (error: unknown) => void;
  /** Is told how each full run ended that is not tried again. */
  readonly onFullRun?: (outcome: HopOutcome) => void;
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
 * @throws SettingError when it can't listen there.
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
      queue,
      clock: systemClock,
      isReady: worker.isReady,
      handle: worker.handle,
      onError,
    });
    stops.push(() => {
      worker.interrupt();
      return stopPolling();
    });

    const trigger = createTrigger({
      secrets: { read: async () => [cronSecret] },
      queue,
      queueTimeoutMs: ENDPOINT_TIMEOUT_MS,
      universe,
      clock: systemClock,
      emit: ignoreMetrics,
    });
    const api = await startHttpApi({
      ...(options.host !== undefined && { host: options.host }),
      port: options.port,
      routes: {
        [ENDPOINT_PATH]: async (event) => {
          const answer = await trigger(event, log);
          const isHealthy = answer.statusCode === 200;
          return isHealthy && !(await worker.isReady()) ? failure(503, 'Database unavailable') : answer;
        },
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

function createWorker(queue: LocalQueue, options: LocalStackOptions) {
  const { databaseUrl, source, universe, log, onHop, onError } = options;
  const database = createDatabase({ url: databaseUrl }, { log });
  const interrupt = new AbortController();

  let full: HopOutcome | null = null;
  /** A message's disposition is counted as on AWS: a run that goes on, or is tried again, alarms nobody. */
  const emit: EmitMetrics = (metrics) => {
    if (full && !(METRICS.runsWaiting in metrics)) options.onFullRun?.(full);
    full = null;
  };

  async function runAndTell(order: RunOrder, log: Log): Promise<RunResult> {
    const { runId } = order;
    const tell = (outcome: HopOutcome) => {
      if (isFullRun(order.request)) full = outcome;
      onHop(outcome);
    };
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
      tell({ runId, verdict: result.verdict });
      return result;
    } catch (error) {
      tell({ runId, error });
      throw error;
    }
  }

  let isAway = false;
  /** Whether the database answers. While it does not, that is told once. */
  async function isReady(): Promise<boolean> {
    try {
      await database.db.selectNoFrom(({ lit }) => lit(1).as('one')).execute();
      isAway = false;
    } catch (error) {
      if (!isAway) onError(error);
      isAway = true;
    }
    return !isAway;
  }

  const dependencies = { queue, universe, log, emit, runHop: runAndTell };
  return {
    isReady,
    handle: (delivery: Delivery) => processMessage(delivery, dependencies),
    /** Lets the hop under way finish what it has in hand, and begin nothing new. */
    interrupt: () => interrupt.abort(),
    close: database.close,
  };
}
