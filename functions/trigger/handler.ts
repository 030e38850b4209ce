import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import middy from '@middy/core';
import { ENDPOINT_TIMEOUT_MS } from '../../ingestion/contract/limits.ts';
import { readUniverse } from '../../ingestion/read-settings.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { createSqsClient } from '../common/aws-calls.ts';
import { emit, metrics } from '../common/emit-metrics.ts';
import { readEnvironment } from '../common/invocation.ts';
import { log, logInvocation } from '../common/logger.ts';
import { createRunQueue } from '../common/run-queue.ts';
import { createCronSecretReader } from '../common/secrets.ts';
import { failure, type HttpResponse } from './http-call.ts';
import { createTrigger, type Trigger } from './trigger.ts';

/** 1.5 s of what an API destination waits are for the cold start and the way there and back. Each call gets half of the rest. */
const CALL_TIMEOUT_MS = (ENDPOINT_TIMEOUT_MS - 1_500) / 2;

/** The time limits of the endpoint's AWS clients. Its caller waits: when one attempt hangs, the next must be in time. */
const ENDPOINT_CLIENT = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 800, requestTimeout: 1_000, throwOnRequestTimeout: true },
};

function makeTrigger(): Trigger {
  const { queueUrl, cronSecretId: secretId } = readEnvironment('queueUrl', 'cronSecretId');
  const [client, clock] = [new SecretsManagerClient(ENDPOINT_CLIENT), systemClock];
  return createTrigger({
    secrets: createCronSecretReader({ client, secretId, clock, timeoutMs: CALL_TIMEOUT_MS }),
    queue: createRunQueue(createSqsClient(ENDPOINT_CLIENT), queueUrl),
    queueTimeoutMs: CALL_TIMEOUT_MS,
    universe: readUniverse(process.env),
    clock,
    emit,
  });
}

/** Kept while the instance is warm. An instance whose environment is wrong tries again with each call. */
let trigger: Trigger | undefined;

/** The endpoint, behind an HTTP API with payload version 2.0. */
export const handler = middy<unknown, HttpResponse>()
  .use(logInvocation('The call failed'))
  .use(logMetrics(metrics))
  .onError((request) => {
    request.response = failure(500, 'Internal Server Error');
  })
  .handler((event) => {
    trigger ??= makeTrigger();
    return trigger(event, log);
  });
