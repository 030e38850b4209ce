import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { systemClock } from '../../ingestion/system-clock.ts';
import { readEnvironment } from '../common/environment.ts';
import { createConnection } from '../common/eventbridge-connection.ts';
import type { Invocation } from '../common/invocation.ts';
import { createLog } from '../common/logger.ts';
import { createMetrics } from '../common/metrics.ts';
import { parseEvent } from '../common/parse-event.ts';
import { createRunQueue } from '../common/run-queue.ts';
import { createSqsClient } from '../common/sqs-client.ts';
import { repairConnection } from './repair.ts';

const stateChange = z.object({ id: z.string().min(1).max(200) });

/** Called by EventBridge when the connection's state changes. */
export async function handler(event: unknown, { awsRequestId }: Invocation): Promise<void> {
  const log = createLog({ requestId: awsRequestId });
  const environment = readEnvironment('stage', 'connectionName', 'cronSecretId', 'queueUrl');
  try {
    await repairConnection(parseEvent(stateChange, event, 'an event of EventBridge').id, {
      client: new SecretsManagerClient(),
      secretId: environment.cronSecretId,
      connection: createConnection(new EventBridgeClient(), environment.connectionName, systemClock),
      queue: createRunQueue(createSqsClient(), environment.queueUrl),
      clock: systemClock,
      emit: createMetrics(environment.stage),
      log,
    });
  } catch (error) {
    log.error('The connection could not be repaired', { error });
    throw error;
  }
}
