import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createRunQueue, firstHop } from '../../functions/common/run-queue.ts';
import { createWorkerQueue, type Delivery } from '../../functions/worker/worker-queue.ts';
import { MAX_RECEIVES } from '../../ingestion/contract/limits.ts';
import { type LocalQueue, startLocalQueue } from '../../local/stack/local-queue.ts';

let folder: string;
let open: LocalQueue[];
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'queue-')), 'kept');
  open = [];
});
afterEach(async () => {
  for (const queue of open) await queue.close();
  await rm(join(folder, '..'), { recursive: true });
});

async function start(): Promise<LocalQueue> {
  const queue = await startLocalQueue(folder);
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

/** Waits for the next message: one that was hidden is so for a second more. */
async function receive({ client, queueUrl }: LocalQueue, url = queueUrl) {
  const { Messages: [message] = [] } = await client.send(
    new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 3, MessageSystemAttributeNames: ['All'] }),
  );
  const { MessageId: messageId = '', ReceiptHandle: receiptHandle = '', Body: body = '{}' } = message ?? {};
  const delivery: Delivery = {
    messageId,
    receiptHandle,
    body,
    receiveCount: Number(message?.Attributes?.ApproximateReceiveCount),
  };
  return {
    delivery,
    key: (JSON.parse(body) as { triggerKey?: string }).triggerKey,
    reason: message?.MessageAttributes,
  };
}

test('what waited, was in hand or postponed is there at the next start, in order, with its receive count', async () => {
  const before = await start();
  for (const key of ['one', 'two']) await send(before, key);
  const { delivery } = await receive(before);
  await createWorkerQueue(before.client, before).postpone(delivery, 3_600_000);
  expect(await close(before)).toEqual({ runs: 2, deadLetters: 0 });

  const next = await start();
  expect(next.counts()).toEqual({ runs: 2, deadLetters: 0 });
  const first = await receive(next);
  expect([first.key, first.delivery.receiveCount]).toEqual(['key:one', 2]);
  // The group is in hand: the second waits for the first, as on AWS.
  expect((await receive(next)).key).toBeUndefined();
});

test('a message that gives up at its last receive is a dead letter, also at the next start', async () => {
  let queue = await start();
  await send(queue, 'one');
  for (let count = 1; count <= MAX_RECEIVES; count += 1) {
    expect((await receive(queue)).delivery.receiveCount).toBe(count);
    await close(queue);
    queue = await start();
  }
  expect((await receive(queue)).key).toBeUndefined();
  expect(await close(queue)).toEqual({ runs: 0, deadLetters: 1 });
  const next = await start();
  expect((await receive(next, next.deadLetterQueueUrl)).key).toBe('key:one');
});

test('each of two has a folder of its own, and the next one takes up what both left', async () => {
  const [one, other] = [await start(), await start()];
  await send(one, 'one');
  await send(other, 'other');
  await close(one);
  await close(other);
  const next = await start();
  expect(next.counts()).toEqual({ runs: 2, deadLetters: 0 });
  expect(await readdir(folder)).toEqual(['1']);
});

test('an empty one leaves nothing behind', async () => {
  expect(await close(await start())).toEqual({ runs: 0, deadLetters: 0 });
  expect(await readdir(folder)).toEqual([]);
});

test('a folder that holds something else is refused in a sentence', async () => {
  await close(await start());
  const one = await start();
  await send(one, 'one');
  await close(one);
  await writeFile(join(folder, '1', 'fauxqs.db'), 'no database, and longer than the header of one would be');
  await expect(startLocalQueue(folder)).rejects.toThrow(
    /^The queue's messages in .*kept can't be used: .*\. Make the folder writable, or move it away/,
  );
  expect(existsSync(join(folder, '1', 'fauxqs.db'))).toBe(true);
});
