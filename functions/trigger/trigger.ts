import { METRICS } from '../../ingestion/contract/names.ts';
import type { RunMessage, RunRequest } from '../../ingestion/contract/run-request.ts';
import type { Universe } from '../../ingestion/contract/universe-schema.ts';
import { parseTriggerBody, RequestError, sameRequest } from '../../ingestion/message/request.ts';
import type { Clock, Log } from '../../ingestion/ports.ts';
import { within } from '../common/aws-calls.ts';
import type { EmitMetrics } from '../common/emit-metrics.ts';
import { firstHop, type RunQueue } from '../common/run-queue.ts';
import { isOneOf, type SecretReader } from '../common/secrets.ts';
import {
  bearerToken,
  type Call,
  failure,
  type HttpResponse,
  idempotencyKey,
  jsonBody,
  readCall,
  success,
} from './http-call.ts';

/** More keys than a warm instance sees in its life. */
const MAX_KEYS = 1_000;

/** Answers one call of the endpoint. @throws only what nobody foresaw. */
export type Trigger = (event: unknown, log: Log) => Promise<HttpResponse>;

/** The endpoint: checks method, secret and body, in this order, and queues one run. */
export function createTrigger(dependencies: {
  readonly secrets: SecretReader;
  readonly queue: RunQueue;
  readonly queueTimeoutMs: number;
  readonly universe: Universe;
  readonly clock: Pick<Clock, 'now'>;
  readonly emit: EmitMetrics;
}): Trigger {
  const { secrets, queue, queueTimeoutMs, universe, clock, emit } = dependencies;
  const timestamp = () => new Date(clock.now()).toISOString();

  /**
   * The request that each trigger key came with, so that the same key with another request is answered with 409.
   *
   * The trigger has no store, so it knows only what this warm instance has seen. Another instance answers 202. Then the
   * queue drops the message as a repeat (within 5 minutes), or the worker refuses it, since the database keeps the
   * request of every key. In no case does a key start two runs.
   */
  const requests = new Map<string, RunRequest>();

  function remember(triggerKey: string, request: RunRequest): void {
    requests.delete(triggerKey);
    requests.set(triggerKey, request);
    const [oldest] = requests.keys();
    if (requests.size > MAX_KEYS && oldest !== undefined) requests.delete(oldest);
  }

  /** @returns the refusal; null where the caller has a good secret. */
  async function refuse(call: Call, log: Log): Promise<HttpResponse | null> {
    const token = bearerToken(call);
    try {
      // Without a token no secret is read: nobody needs to know one to be refused.
      if (token !== null && isOneOf(token, await secrets.read())) return null;
    } catch (error) {
      log.error('The cron secret could not be read', { error });
      return failure(500, 'Cron job not configured');
    }
    log.warn('Unauthorized call', { sourceIp: call.sourceIp, reason: token === null ? 'no secret' : 'wrong secret' });
    emit({ [METRICS.unauthorizedCalls]: 1 });
    return failure(401, 'Unauthorized');
  }

  async function checkHealth(log: Log): Promise<HttpResponse> {
    try {
      const { waiting, inFlight } = await within(queueTimeoutMs, (signal) => queue.depth(signal));
      return success(200, { status: 'ready', timestamp: timestamp(), waiting, inFlight });
    } catch (error) {
      log.error('The queue could not be reached', { error });
      return failure(503, 'Queue unavailable');
    }
  }

  async function queueRun(call: Call, log: Log): Promise<HttpResponse> {
    const message = readMessage(call);
    const { runId, triggerKey, trigger, dueAt, request } = message;
    const known = requests.get(triggerKey);
    if (known && !sameRequest(known, request)) {
      return failure(409, 'Idempotency-Key: found another request than the one it came with before; take a new key');
    }
    try {
      await within(queueTimeoutMs, (signal) => queue.send(message, signal));
    } catch (error) {
      log.error('The queue refused the run', { runId, triggerKey, error });
      return failure(503, 'Queue unavailable');
    }
    remember(triggerKey, request);
    log.info('Run queued', { runId, triggerKey, trigger, dueAt, request, sourceIp: call.sourceIp });
    emit({ [METRICS.runsQueued]: 1 });
    return success(202, { message: 'Data fetch queued', runId, timestamp: timestamp() });
  }

  /** @throws RequestError */
  function readMessage(call: Call): RunMessage {
    const now = clock.now();
    const key = idempotencyKey(call);
    const { request, triggeredAt: dueAt } = parseTriggerBody(jsonBody(call), { universe, now });
    if (dueAt !== null) return firstHop({ trigger: 'schedule', triggerKey: `schedule:${dueAt}`, dueAt, request });
    const triggerKey = key === null ? `http:${call.requestId}` : `key:${key}`;
    return firstHop({ trigger: 'http', triggerKey, dueAt: new Date(now).toISOString(), request });
  }

  return async (event, log) => {
    const call = readCall(event);
    if (call.method !== 'GET' && call.method !== 'POST') {
      return failure(405, 'Method Not Allowed', { allow: 'GET, POST' });
    }
    const refusal = await refuse(call, log);
    if (refusal) return refusal;
    if (call.method === 'GET') return checkHealth(log);
    try {
      return await queueRun(call, log);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      log.warn('Bad request', { sourceIp: call.sourceIp, field: error.field });
      return failure(400, error.message);
    }
  };
}
