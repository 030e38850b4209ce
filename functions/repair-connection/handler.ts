import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import middy from '@middy/core';
import * as z from 'zod';
import { METRICS } from '../../ingestion/contract/names.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { BACKGROUND_CLIENT, createSqsClient } from '../common/aws-calls.ts';
import { emit, metrics } from '../common/emit-metrics.ts';
import { createConnection } from '../common/eventbridge-connection.ts';
import { parseEvent, readEnvironment } from '../common/invocation.ts';
import { log, logInvocation } from '../common/logger.ts';
import { createRunQueue, firstHop } from '../common/run-queue.ts';
import { readCurrentSecret, SECRET_KNOWN_AFTER_MS } from '../common/secrets.ts';

const stateChange = z.object({ id: z.string().min(1).max(200) });

/** EventBridge calls it when it has de-authorised the connection. */
export const handler = middy<unknown, void>()
  .use(logInvocation('The connection could not be repaired'))
  .use(logMetrics(metrics))
  .handler((event) => repairConnection(parseEvent(stateChange, event, 'an event of EventBridge').id, theWorld()));

function theWorld() {
  const { connectionName, cronSecretId, queueUrl } = readEnvironment('connectionName', 'cronSecretId', 'queueUrl');
  const client = new SecretsManagerClient(BACKGROUND_CLIENT);
  const connection = createConnection(new EventBridgeClient(BACKGROUND_CLIENT), connectionName, systemClock);
  const queue = createRunQueue(createSqsClient(BACKGROUND_CLIENT), queueUrl);
  return { client, secretId: cronSecretId, connection, queue, clock: systemClock, emit, log };
}

/**
 * Queues a run in place of the one whose call was refused, and authorises the connection with the current secret. The
 * connection's state decides whether there is anything left to repair: events come late, and twice.
 * @param eventId makes a repeat of the event the same run.
 * @throws what kept the connection from being authorised; Lambda repeats the event twice.
 */
export async function repairConnection(eventId: string, world: ReturnType<typeof theWorld>): Promise<void> {
  const { client, secretId, connection, queue, clock, emit, log } = world;
  emit({ [METRICS.connectionNotAuthorized]: 1 });
  // The run needs no connection, so it is queued first: a repair that fails costs no prices.
  const dueAt = new Date(clock.now()).toISOString();
  const message = firstHop({ trigger: 'repair', triggerKey: `repair:${eventId}`, dueAt, request: {} });
  await queue.send(message);
  const state = await connection.state();
  if (state !== 'DEAUTHORIZED') {
    log.info('The connection needs no repair any more; a run is queued', { state, runId: message.runId });
    return;
  }
  const secret = await readCurrentSecret(client, secretId);
  // The secret may have been put a moment ago, by the person who is mending this.
  await clock.sleep(SECRET_KNOWN_AFTER_MS);
  await connection.authorise(secret);
  log.warn('The connection was de-authorised and is repaired; a run is queued', { runId: message.runId });
}
