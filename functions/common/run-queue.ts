import { GetQueueAttributesCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { deduplicationId, MESSAGE_GROUP_ID, type RunMessage } from '../../ingestion/contract/run-request.ts';
import { runIdOf } from '../../ingestion/message/run-id.ts';

export type RunQueue = {
  /** Resolves when the queue has taken the message, or has dropped it as a repeat of one from the last 5 minutes. */
  send(message: RunMessage, abortSignal?: AbortSignal): Promise<void>;
  /** @returns about how many messages wait, and about how many are being worked on. */
  depth(abortSignal?: AbortSignal): Promise<{ waiting: number; inFlight: number }>;
};

export const createRunQueue = (client: SQSClient, queueUrl: string): RunQueue => ({
  async send(message, abortSignal) {
    const command = new SendMessageCommand({
      QueueUrl: queueUrl,
      MessageBody: JSON.stringify(message),
      MessageGroupId: MESSAGE_GROUP_ID,
      MessageDeduplicationId: deduplicationId(message),
    });
    await client.send(command, { abortSignal });
  },
  async depth(abortSignal) {
    const command = new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    });
    const { Attributes: attributes = {} } = await client.send(command, { abortSignal });
    return {
      waiting: Number(attributes['ApproximateNumberOfMessages'] ?? 0),
      inFlight: Number(attributes['ApproximateNumberOfMessagesNotVisible'] ?? 0),
    };
  },
});

/** @returns the message that starts the trigger's run. */
export const firstHop = (order: Pick<RunMessage, 'trigger' | 'triggerKey' | 'dueAt' | 'request'>): RunMessage => ({
  version: 1,
  runId: runIdOf(order.triggerKey),
  ...order,
  hop: 0,
});
