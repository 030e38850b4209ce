import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import middy from '@middy/core';
import { METRICS } from '../../ingestion/contract/names.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { BACKGROUND_CLIENT } from '../common/aws-client.ts';
import { emit, metrics } from '../common/emit-metrics.ts';
import { readEnvironment } from '../common/environment.ts';
import { createConnection } from '../common/eventbridge-connection.ts';
import { log, logInvocation } from '../common/logger.ts';
import { createRotation } from './rotation.ts';
import { parseRotationEvent } from './rotation-event.ts';

/** One step of the cron secret's rotation. Secrets Manager calls it, and repeats the rotation when a step fails. */
export const handler = middy<unknown, void>()
  .use(logInvocation('Rotation step failed'))
  .use(logMetrics(metrics))
  .onError(() => emit({ [METRICS.rotationFailed]: 1 }))
  .handler(async (event) => {
    const { connectionName, endpointUrl } = readEnvironment('connectionName', 'endpointUrl');
    const { step, ...secret } = parseRotationEvent(event);
    const rotation = createRotation({
      client: new SecretsManagerClient(BACKGROUND_CLIENT),
      connection: createConnection(new EventBridgeClient(BACKGROUND_CLIENT), connectionName, systemClock),
      endpointUrl,
      clock: systemClock,
    });
    await rotation[step](secret);
    log.info('Rotation step done', { step, ...secret });
  });
