import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import middy from '@middy/core';
import * as z from 'zod';
import { type Environment, parseSourceSettings, readUniverse } from '../../ingestion/read-settings.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { BACKGROUND_CLIENT, createSqsClient } from '../common/aws-calls.ts';
import { openDatabase } from '../common/connect.ts';
import { emit, metrics } from '../common/emit-metrics.ts';
import { FULL_TIME, type Invocation, parseEvent, readEnvironment } from '../common/invocation.ts';
import { log, logInvocation } from '../common/logger.ts';
import { createWorkerQueue } from '../common/run-queue.ts';
import { readSecret } from '../common/secrets.ts';
import { processMessage, type WorkerDependencies } from './process-message.ts';
import { runHop } from './run-hop.ts';

const record = z
  .object({
    messageId: z.string().min(1),
    receiptHandle: z.string().min(1),
    body: z.string(),
    attributes: z.object({ ApproximateReceiveCount: z.coerce.number().int().min(1) }),
  })
  .transform(({ attributes, ...rest }) => ({ ...rest, receiveCount: attributes.ApproximateReceiveCount }));

const sqsEvent = z.object({ Records: z.tuple([record]) });

/** Lambda tells an instance that it ends: what is in hand is finished, and nothing new is begun. */
const interrupt = new AbortController();
process.once('SIGTERM', () => interrupt.abort());

/** Works on one message of the queue: one hop of a run. What it answers with the queue does not delete. */
export const handler = middy<unknown, { batchItemFailures: { itemIdentifier: string }[] }>(FULL_TIME)
  .use(logInvocation('The message could not be worked on'))
  .use(logMetrics(metrics))
  .handler(async (event, { getRemainingTimeInMillis }: Invocation) => {
    const deadline = systemClock.monotonicMs() + getRemainingTimeInMillis();
    const [delivery] = parseEvent(sqsEvent, event, 'an event of a queue with a batch size of 1').Records;
    const isDone = await processMessage(delivery, dependencies(deadline));
    return { batchItemFailures: isDone ? [] : [{ itemIdentifier: delivery.messageId }] };
  });

function dependencies(deadline: number): WorkerDependencies {
  const environment = readEnvironment('queueUrl', 'deadLetterQueueUrl', 'coingeckoSecretId');
  const universe = readUniverse(process.env);
  return {
    queue: createWorkerQueue(createSqsClient(BACKGROUND_CLIENT), environment),
    universe,
    emit,
    log,
    async runHop(order, log) {
      const key = await readSecret(new SecretsManagerClient(BACKGROUND_CLIENT), environment.coingeckoSecretId);
      const source = sourceSettings(process.env, key?.value ?? null);
      const database = await openDatabase(log);
      try {
        const world = { source, universe, database, clock: systemClock, log, emit };
        return await runHop(order, { ...world, interrupt: interrupt.signal, deadline });
      } finally {
        await database.close();
      }
    },
  };
}

/**
 * @param secret the value of the secret that holds CoinGecko's key; null, blank or `{}` mean that there is none.
 * @returns how CoinGecko is asked with that key. Without a key the public plan is used. The stage's own settings hold for
 * it only where the stage names the public plan.
 * @throws SettingError naming every setting that is wrong.
 */
export function sourceSettings(environment: Environment, secret: string | null) {
  const key = secret?.trim() ?? '';
  if (key !== '' && key !== '{}') return parseSourceSettings({ ...environment, COINGECKO_API_KEY: key });
  if (environment['COINGECKO_PLAN'] === 'public')
    return parseSourceSettings({ ...environment, COINGECKO_API_KEY: undefined });
  const { COINGECKO_CROSS_RATES, LATEST_PRICES } = environment;
  return parseSourceSettings({ COINGECKO_CROSS_RATES, LATEST_PRICES });
}
