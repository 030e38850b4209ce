import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createRunQueue, createWorkerQueue, type Delivery, firstHop } from '../../functions/common/run-queue.ts';
import { MAX_RECEIVES } from '../../ingestion/contract/limits.ts';
import { MESSAGE_GROUP_ID } from '../../ingestion/contract/run-request.ts';
import { LockTakenError } from '../../ingestion/domain/failure.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { type LocalQueue, pollQueue, startLocalQueue } from '../../local/stack/local-queue.ts';
import { redrive } from '../../local/stack/move-dead-letters.ts';
import { findStacks, LOCAL_AWS } from '../../local/stack/queue-folder.ts';
import { AWS_CLIENT } from '../support/aws-client.ts';
import { ServiceError, startAwsJsonServer } from '../support/aws-json-server.ts';

let parent: string;
let folder: string;
let open: LocalQueue[];
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'queues-'));
  folder = join(parent, 'kept');
  open = [];
});
afterEach(async () => {
  for (const queue of open) await queue.close();
  await rm(parent, { recursive: true });
});

async function start(where: string | null = folder): Promise<LocalQueue> {
  const queue = await startLocalQueue(where);
  open.push(queue);
  return queue;
}
async function close(queue: LocalQueue) {
  open.splice(open.indexOf(queue), 1);
  return await queue.close();
}
const send = ({ client, queueUrl }: LocalQueue, key: string) =>
  createRunQueue(client, queueUrl).send(
    firstHop({ trigger: 'http', triggerKey: `key:${key}`, dueAt: '2026-11-23T02:00:00Z', request: {} }),
  );

async function receive({ client, queueUrl }: LocalQueue, { url = queueUrl, waitSeconds = 3 } = {}) {
  const { Messages: [message] = [] } = await client.send(
    new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: waitSeconds, MessageSystemAttributeNames: ['All'] }),
  );
  const { MessageId: messageId = '', ReceiptHandle: receiptHandle = '', Body: body = '{}' } = message ?? {};
  const delivery: Delivery = {
    messageId,
    receiptHandle,
    body,
    receiveCount: Number(message?.Attributes?.ApproximateReceiveCount),
  };
  return { delivery, key: (JSON.parse(body) as { triggerKey?: string }).triggerKey };
}

test('what waited, was in hand or postponed is there at the next start, in order, with its receive count', async () => {
  const before = await start();
  for (const key of ['one', 'two']) await send(before, key);
  const { delivery } = await receive(before);
  await createWorkerQueue(before.client, before).postpone(delivery, 3_600_000);
  expect(await close(before)).toEqual({ runs: 2, deadLetters: 0 });

  // Left by Finder, as in any folder that somebody looks at.
  for (const place of [parent, folder]) await writeFile(join(place, '.DS_Store'), '');
  const next = await start();
  expect(next.counts()).toEqual({ runs: 2, deadLetters: 0 });
  const first = await receive(next);
  expect([first.key, first.delivery.receiveCount]).toEqual(['key:one', 2]);
  // The group is in hand: the second waits for the first, as on AWS.
  expect((await receive(next, { waitSeconds: 0 })).key).toBeUndefined();
});

test('a message that gives up at its last receive is a dead letter, also at the next start', async () => {
  let queue = await start();
  await send(queue, 'one');
  for (let count = 1; count <= MAX_RECEIVES; count += 1) {
    expect((await receive(queue)).delivery.receiveCount).toBe(count);
    await close(queue);
    queue = await start();
  }
  expect((await receive(queue, { waitSeconds: 2 })).key).toBeUndefined();
  expect(await close(queue)).toEqual({ runs: 0, deadLetters: 1 });
  const next = await start();
  expect((await receive(next, { url: next.deadLetterQueueUrl })).key).toBe('key:one');
});

test('a second one on its folder is refused with the address of the first, which others can find', async () => {
  const first = await start();
  await expect(startLocalQueue(folder)).rejects.toThrow(/ It is starting or stopping\.$/);
  await first.announce('http://127.0.0.1:8080/');
  const refusal = await startLocalQueue(folder).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(LockTakenError);
  expect(String(refusal)).toContain('Another npm start is running on this database');
  expect(String(refusal)).toContain('http://127.0.0.1:8080/');

  const elsewhere = await start(join(parent, 'other'));
  await elsewhere.announce('http://127.0.0.1:8081/');
  await writeFile(join(parent, '.DS_Store'), '');
  expect((await findStacks(parent)).map(({ url }) => url).sort()).toEqual([
    'http://127.0.0.1:8080/',
    'http://127.0.0.1:8081/',
  ]);
  await close(first);
  expect(await findStacks(parent)).toEqual([
    { url: 'http://127.0.0.1:8081/', endpoint: elsewhere.endpoint, queueUrl: elsewhere.queueUrl },
  ]);
});

test('a folder that holds something else is refused in a sentence', async () => {
  await close(await start());
  await writeFile(join(folder, '1', 'fauxqs.db'), 'no database, and longer than the header of one would be');
  await expect(startLocalQueue(folder)).rejects.toThrow(
    /^The queue's messages in .*kept can't be used: .*\. Make the folder writable, or move it away/,
  );
});

test('a queue that can not be asked for a while is asked again, and its message delivered', async () => {
  const { promise: deleted, resolve: onDeleted } = Promise.withResolvers<unknown>();
  let receives = 0;
  const queue = await startAwsJsonServer({
    ReceiveMessage() {
      receives += 1;
      if (receives < 3) throw new ServiceError('ServiceUnavailable', 'Not now.');
      const Body = 'a message';
      const MD5OfBody = createHash('md5').update(Body).digest('hex');
      return { Messages: [{ MessageId: 'id', ReceiptHandle: 'receipt', Body, MD5OfBody }] };
    },
    DeleteMessage(input) {
      onDeleted(input['ReceiptHandle']);
      return {};
    },
  });
  const errors: unknown[] = [];
  const slept: number[] = [];
  const stop = pollQueue({
    client: new SQSClient({ ...AWS_CLIENT, endpoint: queue.url, maxAttempts: 1 }),
    queueUrl: `${queue.url}/runs.fifo`,
    clock: {
      async sleep(durationMs) {
        slept.push(durationMs);
      },
    },
    handle: async () => true,
    onError: (error) => errors.push(error),
  });
  expect(await deleted).toBe('receipt');
  await stop();
  await queue.close();
  expect(errors.slice(0, 2).map(String)).toEqual(['ServiceUnavailable: Not now.', 'ServiceUnavailable: Not now.']);
  expect(slept.slice(0, 2)).toEqual([1_000, 1_000]);
});

describe('redrive', () => {
  const LOCAL = { ...LOCAL_AWS, maxAttempts: 1 };
  const moveBack = ({ endpoint }: LocalQueue, url: string) => redrive({ ...LOCAL, endpoint }, url);
  const kill = async ({ client, deadLetterQueueUrl }: LocalQueue, ...bodies: readonly string[]) => {
    for (const body of bodies) {
      const ids = { MessageGroupId: MESSAGE_GROUP_ID, MessageDeduplicationId: randomUUID() };
      await client.send(new SendMessageCommand({ QueueUrl: deadLetterQueueUrl, MessageBody: body, ...ids }));
    }
  };

  test('moves every dead letter in its order, two of one run too, and once more minutes later', async () => {
    const queue = await start(null);
    for (const moved of [1, 2]) {
      await kill(queue, 'A', 'A', 'B', 'C');
      expect(await moveBack(queue, queue.queueUrl)).toEqual(['A', 'A', 'B', 'C']);
      expect(queue.counts()).toEqual({ runs: 4 * moved, deadLetters: 0 });
    }
  });

  test('leaves one that fails again in the meantime, where it can be seen', async () => {
    const queue = await start(null);
    await kill(queue, 'A', 'B');
    const worked: string[] = [];
    const stop = pollQueue({
      client: queue.client,
      queueUrl: queue.queueUrl,
      clock: systemClock,
      onError: (error) => worked.push(String(error)),
      async handle({ body }) {
        worked.push(body);
        await kill(queue, body);
        return true;
      },
    });
    expect(await moveBack(queue, queue.queueUrl)).toEqual(['A', 'B']);
    while (worked.length < 2) await systemClock.sleep(10);
    await stop();
    expect(worked).toEqual(['A', 'B']);
    expect(queue.counts()).toEqual({ runs: 0, deadLetters: 2 });
  });

  test('refuses a queue without a dead-letter queue', async () => {
    const queue = await start(null);
    await expect(moveBack(queue, queue.deadLetterQueueUrl)).rejects.toThrow(
      'has no dead-letter queue; give the queue of runs',
    );
  });
});
