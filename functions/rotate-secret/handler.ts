import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { METRICS } from '../../ingestion/contract/names.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { readEnvironment } from '../common/environment.ts';
import { createConnection } from '../common/eventbridge-connection.ts';
import type { Invocation } from '../common/invocation.ts';
import { createLog } from '../common/logger.ts';
import { createMetrics } from '../common/metrics.ts';
import { createRotation } from './rotation.ts';
import { parseRotationEvent } from './rotation-event.ts';

/** One step of the cron secret's rotation, called by Secrets Manager. A failure is counted, and thrown for a repeat. */
export async function handler(event: unknown, { awsRequestId }: Invocation): Promise<void> {
  const log = createLog({ requestId: awsRequestId });
  const { stage, connectionName, endpointUrl } = readEnvironment('stage', 'connectionName', 'endpointUrl');
  try {
    const { step, ...secret } = parseRotationEvent(event);
    const rotation = createRotation({
      client: new SecretsManagerClient(),
      connection: createConnection(new EventBridgeClient(), connectionName, systemClock),
      endpointUrl,
      clock: systemClock,
    });
    await rotation[step](secret);
    log.info('Rotation step done', { step, ...secret });
  } catch (error) {
    log.error('Rotation step failed', { error });
    createMetrics(stage)({ [METRICS.rotationFailed]: 1 });
    throw error;
  }
}
