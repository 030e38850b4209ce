import middy from '@middy/core';
import { systemClock } from '../../ingestion/system-clock.ts';
import { BACKGROUND_CLIENT, createSqsClient } from '../common/aws-calls.ts';
import { type Invocation, readEnvironment } from '../common/invocation.ts';
import { log, logInvocation } from '../common/logger.ts';
import { createRunQueue, firstHop } from '../common/run-queue.ts';

/** Queues a run at the end of a deploy. A repeat of the invocation has the same request id, and is the same run. */
export const handler = middy<unknown, { runId: string }>()
  .use(logInvocation('The run could not be queued'))
  .handler(async (_event, { awsRequestId }: Invocation) => {
    const { queueUrl } = readEnvironment('queueUrl');
    const dueAt = new Date(systemClock.now()).toISOString();
    const message = firstHop({ trigger: 'deploy', triggerKey: `deploy:${awsRequestId}`, dueAt, request: {} });
    await createRunQueue(createSqsClient(BACKGROUND_CLIENT), queueUrl).send(message);
    const { runId, triggerKey } = message;
    log.info('Run queued', { runId, triggerKey });
    return { runId };
  });
