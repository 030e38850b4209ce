import { DeleteMessageCommand, type Message, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Delivery } from '../../functions/worker/worker-queue.ts';
import type { Clock } from '../../ingestion/ports.ts';

/** The longest that SQS lets one request wait for a message. */
const WAIT_SECONDS = 20;

/** The pause after a request that failed. */
const RETRY_MS = 1_000;

/**
 * Hands a queue's messages to `handle`, one at a time, and deletes each one that `handle` is done with. Any other
 * message stays hidden for as long as the queue, or `handle`, has set.
 *
 * @param options.handle returns whether the message may be deleted.
 * @param options.onError is told when the queue can't be reached, and when `handle` throws.
 * @returns a function that stops the polling. It waits for the message in hand.
 */
export function pollQueue(options: {
  readonly client: SQSClient;
  readonly queueUrl: string;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly handle: (delivery: Delivery) => Promise<boolean>;
  readonly onError: (error: unknown) => void;
}): () => Promise<void> {
  const { client, queueUrl, clock, handle, onError } = options;
  const stopped = new AbortController();

  async function receive(): Promise<Delivery | null> {
    const command = new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: 1,
      WaitTimeSeconds: WAIT_SECONDS,
      MessageSystemAttributeNames: ['ApproximateReceiveCount'],
    });
    const { Messages: [message] = [] } = await client.send(command, { abortSignal: stopped.signal });
    return message ? deliveryOf(message) : null;
  }

  async function poll(): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        const delivery = await receive();
        if (delivery === null || !(await handle(delivery))) continue;
        await client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: delivery.receiptHandle }));
      } catch (error) {
        if (stopped.signal.aborted) return;
        onError(error);
        await clock.sleep(RETRY_MS, stopped.signal).catch(() => {});
      }
    }
  }

  const ended = poll();
  return async () => {
    stopped.abort();
    await ended;
  };
}

const deliveryOf = (message: Message): Delivery => ({
  messageId: message.MessageId ?? '',
  receiptHandle: message.ReceiptHandle ?? '',
  body: message.Body ?? '',
  receiveCount: Number(message.Attributes?.ApproximateReceiveCount ?? 1),
});
