import { createHash } from 'node:crypto';
import { SQSClient } from '@aws-sdk/client-sqs';
import { expect, test } from '@jest/globals';
import { pollQueue } from '../../local/stack/queue-poller.ts';
import { AWS_CLIENT } from '../support/aws-client.ts';
import { ServiceError, startAwsJsonServer } from '../support/aws-json-server.ts';

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
    client: new SQSClient({ ...AWS_CLIENT, endpoint: queue.url }),
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
