import { ChangeMessageVisibilityCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type FauxqsServer, startFauxqs } from 'fauxqs';
import { MAX_RECEIVES, QUEUE_RETENTION_DAYS, VISIBILITY_MINUTES } from '../../ingestion/contract/limits.ts';
import { MESSAGE_GROUP_ID } from '../../ingestion/contract/run-request.ts';
import { IngestionError } from '../../ingestion/domain/failure.ts';
import { LOCAL_AWS, MIN_HIDDEN_SECONDS } from './local-aws.ts';
import { type OwnFolder, takeFolder } from './queue-folder.ts';

const RUNS = 'runs.fifo';
const DEAD = 'runs-dead.fifo';
const VISIBILITY_SECONDS = VISIBILITY_MINUTES * 60;
const RETENTION_SECONDS = QUEUE_RETENTION_DAYS * 24 * 60 * 60;

/** @property runs wait, are postponed or in hand. */
export type QueueCounts = { readonly runs: number; readonly deadLetters: number };

/** The queue of runs and its dead-letter queue, as the stack on AWS makes them, on loopback. */
export type LocalQueue = {
  readonly client: SQSClient;
  readonly endpoint: string;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
  counts(): QueueCounts;
  /** @returns what is kept for the next start. */
  close(): Promise<QueueCounts>;
};

/**
 * @param parent holds a folder for each queue. A message is on the disk there before it counts as accepted. What stacks that
 * have ended left there is taken up at once, also what a killed worker had in hand or a retry had postponed. With null
 * nothing is kept.
 * @throws IngestionError when the folder can't be used.
 */
export async function startLocalQueue(parent: string | null): Promise<LocalQueue> {
  if (parent === null) return serve(await startFauxqs({ port: 0, logger: false }), null);
  try {
    const { own, left } = await takeFolder(parent);
    const sqs = await openEmulator(own);
    for (const folder of left) await moveAll(folder, sqs);
    const queue = serve(sqs, own);
    await releaseAll(sqs, queue.client);
    return queue;
  } catch (error) {
    throw new IngestionError(
      `The queue's messages in ${parent} can't be used: ${(error as Error).message}. Make the folder writable, or move it ` +
        'away to start with an empty queue.',
      { cause: error },
    );
  }
}

const openEmulator = ({ path }: OwnFolder): Promise<FauxqsServer> =>
  startFauxqs({ port: 0, logger: false, dataDir: path });

function serve(sqs: FauxqsServer, folder: OwnFolder | null): LocalQueue {
  createQueues(sqs);
  const client = new SQSClient({ ...LOCAL_AWS, endpoint: sqs.address });
  const queueUrl = urlOf(sqs, RUNS);
  const counts = () => ({ runs: messagesOf(sqs, RUNS).length, deadLetters: messagesOf(sqs, DEAD).length });
  return {
    client,
    endpoint: sqs.address,
    queueUrl,
    deadLetterQueueUrl: urlOf(sqs, DEAD),
    counts,
    async close() {
      client.destroy();
      const left = counts();
      await sqs.stop();
      if (left.runs + left.deadLetters === 0) await folder?.remove();
      else folder?.close();
      return left;
    },
  };
}

/** Not those that are there already: made again, the emulator would delete their messages. */
function createQueues(sqs: FauxqsServer): void {
  const fifo = { FifoQueue: 'true', MessageRetentionPeriod: String(RETENTION_SECONDS) };
  if (!sqs.inspectQueue(DEAD)) sqs.createQueue(DEAD, { attributes: fifo });
  if (sqs.inspectQueue(RUNS)) return;
  const redrive = { deadLetterTargetArn: sqs.inspectQueue(DEAD)?.arn, maxReceiveCount: MAX_RECEIVES };
  sqs.createQueue(RUNS, {
    attributes: { ...fifo, VisibilityTimeout: String(VISIBILITY_SECONDS), RedrivePolicy: JSON.stringify(redrive) },
  });
}

/** The emulator knows a queue by its name, whatever stands before it. */
const urlOf = (sqs: FauxqsServer, name: string): string => new URL(`/000000000000/${name}`, sqs.address).href;

function messagesOf(sqs: FauxqsServer, name: string) {
  const { ready = [], inflight = [] } = sqs.inspectQueue(name)?.messages ?? {};
  return [...inflight.map(({ message }) => message), ...ready];
}

/** Nobody has a message in hand when the stack starts. */
async function releaseAll(sqs: FauxqsServer, client: SQSClient): Promise<void> {
  for (const name of [RUNS, DEAD]) {
    for (const { receiptHandle } of sqs.inspectQueue(name)?.messages.inflight ?? []) {
      const message = { QueueUrl: urlOf(sqs, name), ReceiptHandle: receiptHandle };
      await client.send(new ChangeMessageVisibilityCommand({ ...message, VisibilityTimeout: MIN_HIDDEN_SECONDS }));
    }
  }
}

/** Killed half-way, it leaves messages in both folders: a second delivery of a run finds nothing to do. */
async function moveAll(folder: OwnFolder, target: FauxqsServer): Promise<void> {
  createQueues(target);
  const source = await openEmulator(folder);
  for (const name of [RUNS, DEAD]) {
    for (const { body, messageAttributes, messageId } of messagesOf(source, name)) {
      const fifo = { messageGroupId: MESSAGE_GROUP_ID, messageDeduplicationId: messageId };
      target.sendMessage(name, body, { messageAttributes, ...fifo });
    }
  }
  await source.stop();
  await folder.remove();
}
