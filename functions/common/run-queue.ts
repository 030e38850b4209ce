import {
  ChangeMessageVisibilityCommand,
  GetQueueAttributesCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import {
  deduplicationId,
  MESSAGE_GROUP_ID,
  REASON_ATTRIBUTE,
  type RunMessage,
} from '../../ingestion/contract/run-request.ts';
import { runIdOf } from '../../ingestion/message/run-message.ts';

export type RunQueue = ReturnType<typeof createRunQueue>;

export const createRunQueue = (client: SQSClient, queueUrl: string) => ({
  /** Resolves when the queue has taken the message, or has dropped it as a repeat of one from the last 5 minutes. */
  async send(message: RunMessage, abortSignal?: AbortSignal): Promise<void> {
    const command = new SendMessageCommand({
      QueueUrl: queueUrl,
      MessageBody: JSON.stringify(message),
      MessageGroupId: MESSAGE_GROUP_ID,
      MessageDeduplicationId: deduplicationId(message),
    });
    await client.send(command, { abortSignal });
  },
  /** @returns about how many messages wait, and about how many are being worked on. */
  async depth(abortSignal?: AbortSignal): Promise<{ waiting: number; inFlight: number }> {
    const [waiting, inFlight] = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
    const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [waiting, inFlight] });
    const { Attributes: found = {} } = await client.send(command, { abortSignal });
    return { waiting: Number(found[waiting] ?? 0), inFlight: Number(found[inFlight] ?? 0) };
  },
});

/** @returns the message that starts the trigger's run. */
export const firstHop = (order: Pick<RunMessage, 'trigger' | 'triggerKey' | 'dueAt' | 'request'>): RunMessage => ({
  ...{ version: 1, runId: runIdOf(order.triggerKey), hop: 0 },
  ...order,
});

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
