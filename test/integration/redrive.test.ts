import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type FauxqsServer, startFauxqs } from 'fauxqs';
import { MAX_RECEIVES } from '../../ingestion/contract/limits.ts';
import { MESSAGE_GROUP_ID } from '../../ingestion/contract/run-request.ts';
import { redrive } from '../../local/stack/move-dead-letters.ts';
import { AWS_CLIENT } from '../support/aws-client.ts';

let sqs: FauxqsServer;
let queueUrl: string;
let deadQueueUrl: string;
beforeAll(async () => {
  sqs = await startFauxqs({ port: 0, logger: false, defaultRegion: AWS_CLIENT.region });
});
afterAll(() => sqs.stop());
beforeEach(() => {
  sqs.purgeAll();
  const dead = sqs.createQueue('dead.fifo', { attributes: { FifoQueue: 'true' } });
  const policy = JSON.stringify({ deadLetterTargetArn: dead.queueArn, maxReceiveCount: MAX_RECEIVES });
  const runs = sqs.createQueue('runs.fifo', { attributes: { FifoQueue: 'true', RedrivePolicy: policy } });
  queueUrl = runs.queueUrl;
  deadQueueUrl = dead.queueUrl;
});

let sent = 0;
const sendToDeadLetterQueue = (body: string) => {
  sent += 1;
  const attributes = { reason: { DataType: 'String', StringValue: 'wrong_key' } };
  const ids = { messageGroupId: MESSAGE_GROUP_ID, messageDeduplicationId: `test-${sent}` };
  sqs.sendMessage('dead.fifo', body, { ...ids, messageAttributes: attributes });
};
const bodies = (name: string) => sqs.inspectQueue(name)?.messages.ready.map(({ body }) => body);
const moveBack = (url = queueUrl) => redrive({ ...AWS_CLIENT, endpoint: sqs.address }, url);

test('every dead letter goes back in its order, and can be moved again minutes later', async () => {
  for (const again of [false, true]) {
    if (again) sqs.reset();
    for (const body of ['one', 'two', 'three']) sendToDeadLetterQueue(body);
    expect(await moveBack()).toEqual(['one', 'two', 'three']);
    expect(bodies('runs.fifo')).toEqual(['one', 'two', 'three']);
    expect(bodies('dead.fifo')).toEqual([]);
  }
});

test('one that dies again in the meantime is left, and can be seen', async () => {
  sendToDeadLetterQueue('one');
  sendToDeadLetterQueue('one');
  expect(await moveBack()).toEqual(['one']);
  expect(bodies('runs.fifo')).toEqual(['one']);
  const [left] = sqs.inspectQueue('dead.fifo')?.messages.inflight ?? [];
  expect(left?.message.body).toBe('one');
  // It is seen again in a moment.
  expect(left?.visibilityDeadline).toBeLessThanOrEqual(Date.now() + 1_000);
});

test('a queue without a dead-letter queue is refused', async () => {
  await expect(moveBack(deadQueueUrl)).rejects.toThrow('has no dead-letter queue; give the queue of runs');
});
