import { ChangeMessageVisibilityCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { MESSAGE_GROUP_ID, REASON_ATTRIBUTE } from '../../ingestion/contract/run-request.ts';
import { createRunQueue } from '../common/run-queue.ts';

/** A message as the queue delivers it. @property receiveCount from 1. */
export type Delivery = {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly receiveCount: number;
};

export type WorkerQueue = ReturnType<typeof createWorkerQueue>;

/** What the worker does with the queue. Deleting is left to whoever delivered the message. */
export const createWorkerQueue = (
  client: SQSClient,
  { queueUrl, deadLetterQueueUrl }: { queueUrl: string; deadLetterQueueUrl: string },
) => ({
  send: createRunQueue(client, queueUrl).send,
  /** Hides the message for that long, from now on. */
  async postpone({ receiptHandle }: Delivery, delayMs: number): Promise<void> {
    const hidden = { QueueUrl: queueUrl, ReceiptHandle: receiptHandle, VisibilityTimeout: Math.ceil(delayMs / 1000) };
    await client.send(new ChangeMessageVisibilityCommand(hidden));
  },
  /** Puts a copy of the message into the dead-letter queue, with the reason beside it. */
  async sendToDeadLetterQueue({ messageId, body }: Delivery, reason: string): Promise<void> {
    const letter = new SendMessageCommand({
      QueueUrl: deadLetterQueueUrl,
      MessageBody: body,
      MessageGroupId: MESSAGE_GROUP_ID,
      // Not the hop's own id: when a hop is moved back and fails again within 5 minutes, its copy would be dropped as a repeat.
      MessageDeduplicationId: messageId,
      MessageAttributes: { [REASON_ATTRIBUTE]: { DataType: 'String', StringValue: reason } },
    });
    await client.send(letter);
  },
});
