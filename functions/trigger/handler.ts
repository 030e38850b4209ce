import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import middy from '@middy/core';
import { ENDPOINT_TIMEOUT_MS } from '../../ingestion/contract/limits.ts';
import { readUniverse } from '../../ingestion/settings.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { readEnvironment } from '../common/environment.ts';
import { createLog } from '../common/logger.ts';
import { createMetrics } from '../common/metrics.ts';
import { once } from '../common/once.ts';
import { createRunQueue } from '../common/run-queue.ts';
import { createCronSecretReader } from '../common/secrets.ts';
import { createSqsClient } from '../common/sqs-client.ts';
import { failure, type HttpResponse } from './http-response.ts';
import { createTrigger } from './trigger.ts';

/** What an API destination's patience leaves after the cold start and the way there and back: half for each call. */
const CALL_TIMEOUT_MS = (ENDPOINT_TIMEOUT_MS - 1_500) / 2;

/** One attempt may hang, and the next still be in time. */
const ENDPOINT_CLIENT = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 800, requestTimeout: 1_000, throwOnRequestTimeout: true },
};

const log = once(() => createLog());

const trigger = once(() => {
  const { stage, queueUrl, cronSecretId } = readEnvironment('stage', 'queueUrl', 'cronSecretId');
  return createTrigger({
    secrets: createCronSecretReader({
      client: new SecretsManagerClient(ENDPOINT_CLIENT),
      secretId: cronSecretId,
      clock: systemClock,
      timeoutMs: CALL_TIMEOUT_MS,
    }),
    queue: createRunQueue(createSqsClient(ENDPOINT_CLIENT), queueUrl),
    queueTimeoutMs: CALL_TIMEOUT_MS,
    universe: readUniverse(process.env),
    clock: systemClock,
    emit: createMetrics(stage),
  });
});

/** The endpoint, behind an HTTP API with payload version 2.0. */
export const handler = middy<unknown, HttpResponse>()
  .onError((request) => {
    log().error('The call failed', { requestId: request.context.awsRequestId, error: request.error });
    request.response = failure(500, 'Internal Server Error');
  })
  .handler((event, { awsRequestId }) => trigger()(event, log().with({ requestId: awsRequestId })));
