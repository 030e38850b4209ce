import { randomUUID } from 'node:crypto';
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  type SQSClientConfig,
} from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { MESSAGE_GROUP_ID } from '../../ingestion/contract/run-request.ts';
import { IngestionError } from '../../ingestion/domain/failure.ts';

const redrivePolicy = z.object({ deadLetterTargetArn: z.string() });

/**
 * Moves every message of a queue's dead-letter queue back, so that its run is tried again. The run fetches only what is
 * still missing. As many are moved as lie there at the start, in their order: one that fails again in the meantime comes
 * last, and stays. If this is killed half-way, a message may be in both queues: its second run finds nothing to do.
 *
 * @param config makes a client that reaches the queue.
 * @param queueUrl names the queue of runs, whose redrive policy names its dead-letter queue.
 * @returns the bodies of the messages that were moved.
 * @throws IngestionError when the queue has no dead-letter queue; whatever the SDK throws.
 */
export async function redrive(config: SQSClientConfig, queueUrl: string): Promise<string[]> {
  const client = new SQSClient(config);
  const deadLetterQueueUrl = await findDeadLetterQueue(client, queueUrl);
  const count = await countMessages(client, deadLetterQueueUrl);
  const moved: string[] = [];
  while (moved.length < count) {
    const message = await receive(client, deadLetterQueueUrl);
    if (!message) break;
    const { Body: body = '', ReceiptHandle: receipt } = message;
    await client.send(
      new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageBody: body,
        MessageGroupId: MESSAGE_GROUP_ID,
        // With its old id the queue would take it for a repeat, and drop it.
        MessageDeduplicationId: randomUUID(),
      }),
    );
    await client.send(new DeleteMessageCommand({ QueueUrl: deadLetterQueueUrl, ReceiptHandle: receipt }));
    moved.push(body);
  }
  return moved;
}

/** A message that somebody has in hand, such as a redrive that was killed, counts: it comes back. */
async function countMessages(client: SQSClient, queueUrl: string): Promise<number> {
  const command = new GetQueueAttributesCommand({
    QueueUrl: queueUrl,
    AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
  });
  const { Attributes: counts = {} } = await client.send(command);
  return Object.values(counts).reduce((sum, count) => sum + Number(count), 0);
}

async function findDeadLetterQueue(client: SQSClient, queueUrl: string): Promise<string> {
  const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['RedrivePolicy'] });
  const { Attributes: { RedrivePolicy: policy } = {} } = await client.send(command);
  if (!policy) throw new IngestionError(`The queue ${queueUrl} has no dead-letter queue; give the queue of runs.`);
  const [account, name] = redrivePolicy.parse(JSON.parse(policy)).deadLetterTargetArn.split(':').slice(-2);
  const { QueueUrl: url } = await client.send(
    new GetQueueUrlCommand({ QueueName: name, QueueOwnerAWSAccountId: account }),
  );
  if (!url) throw new IngestionError(`The dead-letter queue of ${queueUrl} does not exist.`);
  return url;
}

async function receive(client: SQSClient, queueUrl: string): Promise<Message | undefined> {
  // Without a wait, SQS asks only some of its servers and may find none of the messages.
  const command = new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 1, WaitTimeSeconds: 1 });
  const { Messages: [message] = [] } = await client.send(command);
  return message;
}
