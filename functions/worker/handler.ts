import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { parseUniverse } from '../../ingestion/settings.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { BACKGROUND_CLIENT } from '../common/aws-client.ts';
import { openDatabase } from '../common/database.ts';
import { readEnvironment } from '../common/environment.ts';
import type { Invocation } from '../common/invocation.ts';
import { createLog } from '../common/logger.ts';
import { createMetrics } from '../common/metrics.ts';
import { parseEvent } from '../common/parse-event.ts';
import { readSecret } from '../common/secrets.ts';
import { createSqsClient } from '../common/sqs-client.ts';
import { processMessage } from './process-message.ts';
import { runHop } from './run-hop.ts';
import { sourceSettings } from './source-settings.ts';
import { createWorkerQueue } from './worker-queue.ts';

const sqsEvent = z.object({
  Records: z.tuple([
    z.object({
      messageId: z.string().min(1),
      receiptHandle: z.string().min(1),
      body: z.string(),
      attributes: z.object({ ApproximateReceiveCount: z.coerce.number().int().min(1) }),
    }),
  ]),
});

/** Lambda signals the end of an instance: the hop finishes what it has in hand and begins nothing new. */
const interrupt = new AbortController();
process.once('SIGTERM', () => interrupt.abort());

type TimedInvocation = Invocation & { getRemainingTimeInMillis(): number };

/** The messages that the queue must not delete. */
type BatchResponse = { readonly batchItemFailures: readonly { readonly itemIdentifier: string }[] };

/** Works on one message of the queue: one hop of a run. */
export async function handler(event: unknown, invocation: TimedInvocation): Promise<BatchResponse> {
  const deadline = systemClock.monotonicMs() + invocation.getRemainingTimeInMillis();
  const [record] = parseEvent(sqsEvent, event, 'an event of a queue with a batch size of 1').Records;
  const environment = readEnvironment('stage', 'queueUrl', 'deadLetterQueueUrl', 'coingeckoSecretId');
  const universe = parseUniverse(process.env);
  const emit = createMetrics(environment.stage);
  const isDone = await processMessage(
    { ...record, receiveCount: record.attributes.ApproximateReceiveCount },
    {
      queue: createWorkerQueue(createSqsClient(BACKGROUND_CLIENT), environment),
      universe,
      emit,
      log: createLog({ requestId: invocation.awsRequestId }),
      async runHop(order, log) {
        const key = await readSecret(new SecretsManagerClient(BACKGROUND_CLIENT), environment.coingeckoSecretId);
        const source = sourceSettings(process.env, key?.value ?? null);
        const database = await openDatabase();
        try {
          const { signal } = interrupt;
          return await runHop(order, {
            ...{ source, universe, database, clock: systemClock, log, emit, interrupt: signal, deadline },
          });
        } finally {
          await database.close();
        }
      },
    },
  );
  return { batchItemFailures: isDone ? [] : [{ itemIdentifier: record.messageId }] };
}
