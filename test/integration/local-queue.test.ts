import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startFauxqs } from 'fauxqs';
import { type Delivery, firstHop } from '../../functions/common/run-queue.ts';
import { MAX_RECEIVES } from '../../ingestion/contract/limits.ts';
import { MESSAGE_GROUP_ID } from '../../ingestion/contract/run-request.ts';
import { LockTakenError } from '../../ingestion/domain/failure.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { type LocalQueue, pollQueue, redriveLocally, startLocalQueue } from '../../local/stack/local-queue.ts';
import { redrive } from '../../local/stack/move-dead-letters.ts';
import { AWS_CLIENT } from '../support/aws-client.ts';

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
const messageOf = (key: string) =>
  firstHop({ trigger: 'http', triggerKey: `key:${key}`, dueAt: '2026-11-23T02:00:00Z', request: {} });
const send = (queue: LocalQueue, key: string) => queue.send(messageOf(key));
const keyOf = ({ body }: Pick<Delivery, 'body'>) => (JSON.parse(body) as { triggerKey: string }).triggerKey;

function receive(queue: LocalQueue): Delivery {
  const delivery = queue.receive();
  if (!delivery) throw new Error('There is no message.');
  return delivery;
}

test('what waited, was in hand or postponed is there at the next start, in order, with its receive count', async () => {
  const before = await start();
  for (const key of ['one', 'two']) await send(before, key);
  await before.postpone(receive(before), 3_600_000);
  expect(await before.depth()).toEqual({ waiting: 1, inFlight: 1 });
  expect(before.receive()).toBeNull();
  expect(await close(before)).toEqual({ runs: 2, deadLetters: 0 });

  // Left by Finder, as in any folder that somebody looks at.
  for (const place of [parent, folder]) await writeFile(join(place, '.DS_Store'), '');
  const next = await start();
  expect(next.counts()).toEqual({ runs: 2, deadLetters: 0 });
  const first = receive(next);
  expect([keyOf(first), first.receiveCount]).toEqual(['key:one', 2]);
  // The group is in hand: the second waits for the first, as on AWS.
  expect(next.receive()).toBeNull();
  next.remove(first);
  expect(keyOf(receive(next))).toBe('key:two');
});

test('a repeat is dropped for 5 minutes, also when the first is done, and at the next start', async () => {
  const before = await start();
  for (const _ of [1, 2]) await send(before, 'one');
  before.remove(receive(before));
  await close(before);
  const next = await start();
  await send(next, 'one');
  expect(next.counts()).toEqual({ runs: 0, deadLetters: 0 });
});

test('whoever had a message in hand that came back can neither remove nor hide it', async () => {
  const queue = await start();
  await send(queue, 'one');
  const late = receive(queue);
  await queue.postpone(late, 0);
  const again = receive(queue);
  queue.remove(late);
  await queue.postpone(late, 0);
  expect(queue.receive()).toBeNull();
  queue.remove(again);
  expect(queue.counts()).toEqual({ runs: 0, deadLetters: 0 });
});

test('a message that gives up at its last receive is a dead letter, also at the next start', async () => {
  let queue = await start();
  await send(queue, 'one');
  for (let count = 1; count <= MAX_RECEIVES; count += 1) {
    expect(receive(queue).receiveCount).toBe(count);
    await close(queue);
    queue = await start();
  }
  expect(queue.receive()).toBeNull();
  expect(await close(queue)).toEqual({ runs: 0, deadLetters: 1 });
  expect((await start()).counts()).toEqual({ runs: 0, deadLetters: 1 });
});

test('a second one on its folder is refused with the address of the first', async () => {
  const first = await start();
  await expect(startLocalQueue(folder)).rejects.toThrow(/ It is starting or stopping\.$/);
  await first.announce('http://127.0.0.1:8080/');
  const refusal = await startLocalQueue(folder).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(LockTakenError);
  expect(String(refusal)).toContain(
    'Another npm start is running on this database: use it, or stop it first. Its page is http://127.0.0.1:8080/',
  );
});

test('a folder that holds something else is refused in a sentence', async () => {
  await close(await start());
  await writeFile(join(folder, '1', 'queue.db'), 'no database, and longer than the header of one would be');
  await expect(startLocalQueue(folder)).rejects.toThrow(
    /^The queue's messages in .*kept can't be used: .*\. Make the folder writable, or move it away/,
  );
});

test("what an earlier version's queue holds is taken up", async () => {
  const dataDir = join(folder, '1');
  await mkdir(dataDir, { recursive: true });
  const old = await startFauxqs({ port: 0, logger: false, dataDir });
  for (const name of ['runs.fifo', 'runs-dead.fifo']) {
    old.createQueue(name, { attributes: { FifoQueue: 'true' } });
    for (const key of ['one', 'two']) {
      const ids = { messageGroupId: MESSAGE_GROUP_ID, messageDeduplicationId: key };
      old.sendMessage(name, JSON.stringify(messageOf(key)), ids);
    }
  }
  await old.stop();
  const queue = await start();
  expect(queue.counts()).toEqual({ runs: 2, deadLetters: 2 });
  expect(keyOf(receive(queue))).toBe('key:one');
  expect(await readdir(dataDir)).not.toContain('fauxqs.db');
});

describe('the polling', () => {
  async function poll(options: Partial<Parameters<typeof pollQueue>[0]>) {
    const queue = await start();
    await send(queue, 'one');
    const { promise: removed, resolve } = Promise.withResolvers<void>();
    const errors: unknown[] = [];
    const slept: number[] = [];
    const stop = pollQueue({
      queue: { ...queue, remove: (delivery) => resolve(queue.remove(delivery)) },
      clock: {
        async sleep(durationMs) {
          slept.push(durationMs);
        },
      },
      isReady: async () => true,
      handle: async () => true,
      onError: (error) => errors.push(error),
      ...options,
    });
    await removed;
    await stop();
    return { queue, errors, slept };
  }

  test('a queue that can not be used for a while is asked again', async () => {
    let asked = 0;
    const { errors, slept } = await poll({
      async isReady() {
        asked += 1;
        if (asked < 3) throw new Error('Not now.');
        return true;
      },
    });
    expect(errors.map(String)).toEqual(['Error: Not now.', 'Error: Not now.']);
    expect(slept.slice(0, 2)).toEqual([1_000, 1_000]);
  });

  test('a message waits until all is ready, and loses no receive', async () => {
    let asked = 0;
    const handled: number[] = [];
    await poll({
      async isReady() {
        asked += 1;
        return asked > 20;
      },
      async handle({ receiveCount }) {
        handled.push(receiveCount);
        return true;
      },
    });
    expect(handled).toEqual([1]);
  });
});

describe('redrive of the local queue', () => {
  async function withDead(...keys: readonly string[]): Promise<LocalQueue> {
    const queue = await start();
    for (const key of keys) {
      await send(queue, key);
      await queue.sendToDeadLetterQueue(receive(queue), 'history');
    }
    return queue;
  }
  const keys = async () => (await redriveLocally(folder)).map((body) => keyOf({ body }));

  test('moves every dead letter in its order, behind what waits, while a stack runs and while none does', async () => {
    const queue = await withDead('one', 'two');
    await send(queue, 'three');
    expect(await keys()).toEqual(['key:one', 'key:two']);
    for (const key of ['three', 'one', 'two']) {
      const delivery = receive(queue);
      expect([keyOf(delivery), delivery.receiveCount]).toEqual([`key:${key}`, 1]);
      await queue.sendToDeadLetterQueue(delivery, 'history');
      // Done with, as the worker says: a dead letter stays one.
      queue.remove(delivery);
    }
    expect(await close(queue)).toEqual({ runs: 0, deadLetters: 3 });
    expect(await keys()).toEqual(['key:three', 'key:one', 'key:two']);
    expect((await start()).counts()).toEqual({ runs: 3, deadLetters: 0 });
  });

  test('finds nothing where there has been no queue', async () => {
    expect(await redriveLocally(folder)).toEqual([]);
  });
});

describe('redrive on AWS', () => {
  const fifo = { FifoQueue: 'true' };
  const HERE = { region: 'us-east-1', maxAttempts: 1 };
  let sqs: Awaited<ReturnType<typeof startFauxqs>>;
  let client: SQSClient;
  let queueUrl: string;
  let deadLetterQueueUrl: string;
  beforeEach(async () => {
    sqs = await startFauxqs({ port: 0, logger: false });
    client = new SQSClient({ ...AWS_CLIENT, endpoint: sqs.address });
    const dead = sqs.createQueue('dead.fifo', { attributes: fifo });
    const policy = JSON.stringify({ deadLetterTargetArn: dead.queueArn, maxReceiveCount: MAX_RECEIVES });
    deadLetterQueueUrl = dead.queueUrl;
    ({ queueUrl } = sqs.createQueue('runs.fifo', { attributes: { ...fifo, RedrivePolicy: policy } }));
  });
  afterEach(() => sqs.stop());
  const moveBack = (url: string) => redrive({ ...AWS_CLIENT, ...HERE, endpoint: sqs.address }, url);
  const kill = async (...bodies: readonly string[]) => {
    for (const body of bodies) {
      const ids = { MessageGroupId: MESSAGE_GROUP_ID, MessageDeduplicationId: randomUUID() };
      await client.send(new SendMessageCommand({ QueueUrl: deadLetterQueueUrl, MessageBody: body, ...ids }));
    }
  };
  const count = (name: string) => sqs.inspectQueue(name)?.messages.ready.length;

  test('moves every dead letter in its order, two of one run too, and once more minutes later', async () => {
    for (const moved of [1, 2]) {
      await kill('A', 'A', 'B', 'C');
      expect(await moveBack(queueUrl)).toEqual(['A', 'A', 'B', 'C']);
      expect([count('runs.fifo'), count('dead.fifo')]).toEqual([4 * moved, 0]);
    }
  });

  test('leaves one that fails again in the meantime, where it can be seen', async () => {
    await kill('A', 'B');
    const moving = moveBack(queueUrl);
    for (let looks = 0; count('runs.fifo') === 0 && looks < 5_000; looks += 1) await systemClock.sleep(1);
    await kill('A');
    expect(await moving).toEqual(['A', 'B']);
    expect(count('dead.fifo')).toBe(1);
  });

  test('refuses a queue without a dead-letter queue', async () => {
    await expect(moveBack(deadLetterQueueUrl)).rejects.toThrow('has no dead-letter queue; give the queue of runs');
  });
});
