import { DeleteMessageCommand, type Message, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import type { Clock } from '../../ingestion/ports.ts';

const batchResponse = z.object({ batchItemFailures: z.array(z.object({ itemIdentifier: z.string() })) });

/** The longest that SQS lets one wait for a message. */
const WAIT_SECONDS = 20;

/** Before the queue is asked again, when it could not be asked. */
const RETRY_MS = 1_000;

/**
 * Feeds a function from a queue as Lambda's event source mapping does: one message at a time, deleted when the function
 * says that it is done with it. Otherwise it stays hidden for as long as the queue, or the function, has set.
 *
 * @param options.onSettled is told of each message after it is deleted or left.
 * @returns a function that ends the mapping, and waits for the message in hand.
 */
export function startEventSourceMapping(options: {
  readonly client: SQSClient;
  readonly queueUrl: string;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly invoke: (event: unknown) => Promise<unknown>;
  readonly onError: (error: unknown) => void;
  readonly onSettled: (body: string) => Promise<void> | void;
}): () => Promise<void> {
  const { client, queueUrl, clock, invoke, onError, onSettled } = options;
  const over = new AbortController();

  async function receive(): Promise<Message | undefined> {
    const command = new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: 1,
      WaitTimeSeconds: WAIT_SECONDS,
      MessageSystemAttributeNames: ['All'],
    });
    const { Messages: [message] = [] } = await client.send(command, { abortSignal: over.signal });
    return message;
  }

  async function handle(message: Message): Promise<void> {
    try {
      const { batchItemFailures } = batchResponse.parse(await invoke(eventOf(message)));
      if (batchItemFailures.some(({ itemIdentifier }) => itemIdentifier === message.MessageId)) return;
      await client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: message.ReceiptHandle }));
    } catch (error) {
      onError(error);
    } finally {
      await onSettled(message.Body ?? '');
    }
  }

  async function poll(): Promise<void> {
    while (!over.signal.aborted) {
      try {
        const message = await receive();
        if (message) await handle(message);
      } catch (error) {
        if (over.signal.aborted) return;
        onError(error);
        await clock.sleep(RETRY_MS, over.signal).catch(() => {});
      }
    }
  }

  const ended = poll();
  return async () => {
    over.abort();
    await ended;
  };
}

const eventOf = (message: Message) => ({
  Records: [
    {
      messageId: message.MessageId,
      receiptHandle: message.ReceiptHandle,
      body: message.Body,
      attributes: message.Attributes,
      messageAttributes: {},
      md5OfBody: message.MD5OfBody,
      eventSource: 'aws:sqs',
    },
  ],
});
