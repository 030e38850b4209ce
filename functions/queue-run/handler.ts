import { systemClock } from '../../ingestion/system-clock.ts';
import { readEnvironment } from '../common/environment.ts';
import type { Invocation } from '../common/invocation.ts';
import { createLog } from '../common/logger.ts';
import { createRunQueue, firstHop } from '../common/run-queue.ts';
import { createSqsClient } from '../common/sqs-client.ts';

/** Queues a run at the end of a deployment. A repeat of the invocation has the same request id, and is the same run. */
export async function handler(_event: unknown, { awsRequestId }: Invocation): Promise<{ runId: string }> {
  const { queueUrl } = readEnvironment('queueUrl');
  const message = firstHop({
    trigger: 'deploy',
    triggerKey: `deploy:${awsRequestId}`,
    dueAt: new Date(systemClock.now()).toISOString(),
    request: {},
  });
  await createRunQueue(createSqsClient(), queueUrl).send(message);
  createLog({ runId: message.runId }).info('Run queued', { triggerKey: message.triggerKey });
  return { runId: message.runId };
}
