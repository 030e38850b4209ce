import { ChangeMessageVisibilityCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { MESSAGE_GROUP_ID, REASON_ATTRIBUTE } from '../../ingestion/contract/run-request.ts';
import { createRunQueue, type RunQueue } from '../common/run-queue.ts';

/** A message as the queue delivers it. @property receiveCount from 1. */
export type Delivery = {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly receiveCount: number;
};

/** What the worker does with the queue. Deleting is left to whoever delivered the message. */
export type WorkerQueue = Pick<RunQueue, 'send'> & {
  /** Hides the message for that long, from now on. */
  postpone(delivery: Delivery, delayMs: number): Promise<void>;
  /** Puts a copy of the message into the dead-letter queue, with the reason beside it. */
  sendToDeadLetterQueue(delivery: Delivery, reason: string): Promise<void>;
};

export const createWorkerQueue = (
  client: SQSClient,
  { queueUrl, deadLetterQueueUrl }: { queueUrl: string; deadLetterQueueUrl: string },
): WorkerQueue => ({
  send: createRunQueue(client, queueUrl).send,
  async postpone({ receiptHandle }, delayMs) {
    const hidden = { QueueUrl: queueUrl, ReceiptHandle: receiptHandle, VisibilityTimeout: Math.ceil(delayMs / 1000) };
    await client.send(new ChangeMessageVisibilityCommand(hidden));
  },
  async sendToDeadLetterQueue({ messageId, body }, reason) {
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
