import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import middy from '@middy/core';
import * as z from 'zod';
import { systemClock } from '../../ingestion/system-clock.ts';
import { BACKGROUND_CLIENT } from '../common/aws-client.ts';
import { emit, metrics } from '../common/emit-metrics.ts';
import { readEnvironment } from '../common/environment.ts';
import { createConnection } from '../common/eventbridge-connection.ts';
import { log, logInvocation } from '../common/logger.ts';
import { parseEvent } from '../common/parse-event.ts';
import { createRunQueue } from '../common/run-queue.ts';
import { createSqsClient } from '../common/sqs-client.ts';
import { repairConnection } from './repair.ts';

const stateChange = z.object({ id: z.string().min(1).max(200) });

/** EventBridge calls it when it has de-authorised the connection. */
export const handler = middy<unknown, void>()
  .use(logInvocation('The connection could not be repaired'))
  .use(logMetrics(metrics))
  .handler(async (event) => {
    const { connectionName, cronSecretId, queueUrl } = readEnvironment('connectionName', 'cronSecretId', 'queueUrl');
    const { id } = parseEvent(stateChange, event, 'an event of EventBridge');
    await repairConnection(id, {
      client: new SecretsManagerClient(BACKGROUND_CLIENT),
      secretId: cronSecretId,
      connection: createConnection(new EventBridgeClient(BACKGROUND_CLIENT), connectionName, systemClock),
      queue: createRunQueue(createSqsClient(BACKGROUND_CLIENT), queueUrl),
      clock: systemClock,
      emit,
      log,
    });
  });
