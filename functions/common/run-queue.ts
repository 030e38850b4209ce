import { GetQueueAttributesCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { deduplicationId, MESSAGE_GROUP_ID, type RunMessage } from '../../ingestion/contract/run-request.ts';
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
