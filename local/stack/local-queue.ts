import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { type FauxqsServer, startFauxqs } from 'fauxqs';
import type { Delivery } from '../../functions/common/run-queue.ts';
import { MAX_RECEIVES, QUEUE_RETENTION_DAYS, VISIBILITY_MINUTES } from '../../ingestion/contract/limits.ts';
import { IngestionError, LockTakenError } from '../../ingestion/domain/failure.ts';
import type { Clock } from '../../ingestion/ports.ts';
import { LOCAL_AWS, type QueueFolder, takeFolder } from './queue-folder.ts';

const RUNS = 'runs.fifo';
const DEAD = 'runs-dead.fifo';

/**
 * The emulator can't store that a message is hidden no longer (fauxqs 2.4.1: its table wants a receive count there). Its
 * own timer does without.
 */
export const MIN_HIDDEN_SECONDS = 1;

/** @property runs wait, are postponed or in hand. */
export type QueueCounts = { readonly runs: number; readonly deadLetters: number };

/** The queue of runs and its dead-letter queue, as the stack on AWS makes them, on loopback. */
export type LocalQueue = ReturnType<typeof serve>;

/**
 * @param folder keeps the queue of one database. A message is on the disk there before it counts as accepted. What an
 * earlier stack left there is taken up at once, also what a killed worker had in hand or a retry had postponed. With null
 * nothing is kept.
 * @throws LockTakenError when another stack is running on the folder.
 * @throws IngestionError when the folder can't be used.
 */
export async function startLocalQueue(folder: string | null): Promise<LocalQueue> {
  if (folder === null) return serve(await startFauxqs({ port: 0, logger: false }), null);
  let own: QueueFolder | null = null;
  try {
    own = await takeFolder(folder);
    const queue = serve(await startFauxqs({ port: 0, logger: false, dataDir: own.path }), own);
    await queue.releaseAll();
    return queue;
  } catch (error) {
    own?.close();
    if (error instanceof LockTakenError) throw error;
    throw new IngestionError(
      `The queue's messages in ${folder} can't be used: ${(error as Error).message}. Make the folder writable, or move it ` +
        'away to start with an empty queue.',
      { cause: error },
    );
  }
}

function serve(sqs: FauxqsServer, folder: QueueFolder | null) {
  createQueues(sqs);
  const client = new SQSClient({ ...LOCAL_AWS, endpoint: sqs.address });
  // The emulator knows a queue by its name, whatever stands before it.
  const urlOf = (name: string) => new URL(`/000000000000/${name}`, sqs.address).href;
  const queueUrl = urlOf(RUNS);
  const messagesOf = (name: string) => sqs.inspectQueue(name)?.messages ?? { ready: [], inflight: [] };
  const countOf = (name: string) => messagesOf(name).ready.length + messagesOf(name).inflight.length;
  const counts = (): QueueCounts => ({ runs: countOf(RUNS), deadLetters: countOf(DEAD) });
  return {
    client,
    endpoint: sqs.address,
    queueUrl,
    deadLetterQueueUrl: urlOf(DEAD),
    counts,
    /** Tells other processes that this queue is served, and where the stack's page is. */
    announce: async (url: string) => await folder?.announce({ url, endpoint: sqs.address, queueUrl }),
    /** Nobody has a message in hand when the stack starts. */
    async releaseAll() {
      for (const name of [RUNS, DEAD]) {
        for (const { receiptHandle } of messagesOf(name).inflight) {
          const message = { QueueUrl: urlOf(name), ReceiptHandle: receiptHandle };
          await client.send(new ChangeMessageVisibilityCommand({ ...message, VisibilityTimeout: MIN_HIDDEN_SECONDS }));
        }
      }
    },
    /** @returns what is kept for the next start. */
    async close() {
      client.destroy();
      const left = counts();
      await sqs.stop();
      folder?.close();
      return left;
    },
  };
}

/** Not those that are there already: made again, the emulator would delete their messages. */
function createQueues(sqs: FauxqsServer): void {
  const fifo = { FifoQueue: 'true', MessageRetentionPeriod: `${QUEUE_RETENTION_DAYS * 24 * 60 * 60}` };
  if (!sqs.inspectQueue(DEAD)) sqs.createQueue(DEAD, { attributes: fifo });
  if (sqs.inspectQueue(RUNS)) return;
  const redrive = { deadLetterTargetArn: sqs.inspectQueue(DEAD)?.arn, maxReceiveCount: MAX_RECEIVES };
  sqs.createQueue(RUNS, {
    attributes: { ...fifo, VisibilityTimeout: `${VISIBILITY_MINUTES * 60}`, RedrivePolicy: JSON.stringify(redrive) },
  });
}

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
    if (!message) return null;
    const { MessageId: messageId = '', ReceiptHandle: receiptHandle = '', Body: body = '' } = message;
    return { messageId, receiptHandle, body, receiveCount: Number(message.Attributes?.ApproximateReceiveCount ?? 1) };
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
