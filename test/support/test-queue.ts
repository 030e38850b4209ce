import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { startFauxqs } from 'fauxqs';
import { createWorkerQueue, type Delivery } from '../../functions/common/run-queue.ts';
import { MAX_RECEIVES } from '../../ingestion/contract/limits.ts';
import { MESSAGE_GROUP_ID } from '../../ingestion/contract/run-request.ts';
import { AWS_CLIENT } from './aws-client.ts';

export type TestQueue = Awaited<ReturnType<typeof startTestQueue>>;

/** A queue of runs and its dead-letter queue, over HTTP, as the stack makes them. */
export async function startTestQueue() {
  const sqs = await startFauxqs({ port: 0, logger: false });
  const deadQueue = sqs.createQueue('dead.fifo', { attributes: { FifoQueue: 'true' } });
  const policy = { deadLetterTargetArn: deadQueue.queueArn, maxReceiveCount: MAX_RECEIVES };
  const runs = sqs.createQueue('runs.fifo', {
    attributes: { FifoQueue: 'true', VisibilityTimeout: '1200', RedrivePolicy: JSON.stringify(policy) },
  });
  const urls = { queueUrl: runs.queueUrl, deadLetterQueueUrl: deadQueue.queueUrl };
  const client = new SQSClient({ ...AWS_CLIENT, endpoint: sqs.address });
  const queue = createWorkerQueue(client, urls);
  const missing = runs.queueUrl.replace('runs', 'nowhere');
  let inHand: Delivery | null = null;
  let sent = 0;

  const held = (name: string) =>
    (sqs.inspectQueue(name)?.messages.ready ?? []).map(({ body, messageAttributes }) => ({
      body,
      reason: messageAttributes['reason']?.StringValue,
    }));

  return {
    queue,
    /** The same, of which the named one refuses everything. */
    without: (which: 'runs' | 'dead') =>
      createWorkerQueue(client, { ...urls, [which === 'runs' ? 'queueUrl' : 'deadLetterQueueUrl']: missing }),
    send(body: string) {
      sent += 1;
      const ids = { messageGroupId: MESSAGE_GROUP_ID, messageDeduplicationId: `test-${sent}` };
      sqs.sendMessage('runs.fifo', body, ids);
    },
    /**
     * Hands the next message to a worker, and deletes it if the worker says so.
     * @returns what the worker said; null where the queue gave no message.
     */
    async deliver(work: (delivery: Delivery) => Promise<boolean>): Promise<boolean | null> {
      const { Messages: [message] = [] } = await client.send(
        new ReceiveMessageCommand({ QueueUrl: runs.queueUrl, MessageSystemAttributeNames: ['All'] }),
      );
      if (!message) return null;
      const { MessageId: messageId = '', ReceiptHandle: receiptHandle = '', Body: body = '' } = message;
      inHand = { messageId, receiptHandle, body, receiveCount: Number(message.Attributes?.ApproximateReceiveCount) };
      const isDone = await work(inHand);
      if (isDone)
        await client.send(new DeleteMessageCommand({ QueueUrl: runs.queueUrl, ReceiptHandle: receiptHandle }));
      return isDone;
    },
    /** Makes a postponed message visible at once. */
    async hurry() {
      if (inHand) await queue.postpone(inHand, 0);
    },
    /** For how many seconds the message in hand is hidden, about; undefined where there is none. */
    hiddenFor() {
      const [message] = sqs.inspectQueue('runs.fifo')?.messages.inflight ?? [];
      return message && Math.round((message.visibilityDeadline - Date.now()) / 1000);
    },
    waiting: () => held('runs.fifo'),
    dead: () => held('dead.fifo'),
    reset: () => sqs.reset(),
    close: () => sqs.stop(),
  };
}
