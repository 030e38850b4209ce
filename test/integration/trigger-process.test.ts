import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type FauxqsServer, startFauxqs } from 'fauxqs';
import { METRIC_NAMESPACE, METRICS, SERVICE_NAME } from '../../ingestion/contract/names.ts';
import { runIdOf } from '../../ingestion/message/run-id.ts';
import { parseRunMessage } from '../../ingestion/message/run-message.ts';
import { invokeHandler } from '../support/invoke-handler.ts';
import { type SecretsManagerServer, startSecretsManager } from '../support/secrets-manager-server.ts';
import { writeUniverse } from '../support/universe.ts';

const SECRET = 'a-secret-that-nobody-may-read';
const requestId = 'a1b2c3d4-0000-4000-8000-000000000001';

let sqs: FauxqsServer;
let secretsManager: SecretsManagerServer;
let environment: Record<string, string>;

beforeAll(async () => {
  sqs = await startFauxqs({ port: 0, logger: false });
  secretsManager = await startSecretsManager(Date.now);
  secretsManager.put('version-1', SECRET);
  const { queueUrl } = sqs.createQueue('runs.fifo', { attributes: { FifoQueue: 'true' } });
  environment = {
    STAGE: 'dev',
    QUEUE_URL: queueUrl,
    CRON_SECRET_ID: 'cron',
    AWS_ENDPOINT_URL_SQS: sqs.address,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
  };
});
afterAll(() => Promise.all([sqs.stop(), secretsManager.close()]));

const event = (authorization: string, body?: string) => ({
  version: '2.0',
  headers: { authorization },
  requestContext: { requestId: 'call-1', http: { method: 'POST', sourceIp: '203.0.113.7' } },
  ...(body === undefined ? {} : { body }),
  isBase64Encoded: false,
});

const metric = (name: string) => ({
  _aws: {
    Timestamp: expect.any(Number),
    CloudWatchMetrics: [
      { Namespace: METRIC_NAMESPACE, Dimensions: [['service', 'stage']], Metrics: [{ Name: name, Unit: 'Count' }] },
    ],
  },
  service: SERVICE_NAME,
  stage: 'dev',
  [name]: 1,
});

describe('the trigger in a process of its own', () => {
  test('answers, logs JSON lines with the request id, emits its metrics and tells no secret', async () => {
    const universe = {
      coins: [{ id: 'monero', symbol: 'xmr', name: 'Monero' }],
      currencies: [{ code: 'usd', name: 'US dollar' }],
    };
    const [accepted, refused, broken, unforeseen] = await invokeHandler(
      'functions/trigger/handler.ts',
      [
        event(`Bearer ${SECRET}`, '{"coins":["monero"]}'),
        event(`Bearer ${SECRET}x`),
        event(`Bearer ${SECRET}`, '{'),
        { SECRET },
      ],
      { ...environment, UNIVERSE: writeUniverse(universe) },
    );
    expect([accepted, refused, broken, unforeseen].map((invocation) => invocation?.result)).toMatchObject([
      { statusCode: 202 },
      { statusCode: 401 },
      { statusCode: 400 },
      { statusCode: 500, body: '{"success":false,"error":"Internal Server Error"}' },
    ]);
    const runId = runIdOf('http:call-1');
    const [message] = sqs.inspectQueue('runs.fifo')?.messages.ready ?? [];
    expect(parseRunMessage(message?.body ?? '')).toMatchObject({ runId, request: { coins: ['monero'] } });

    const lines = accepted?.lines ?? [];
    expect(lines).toHaveLength(6);
    expect(lines).toContainEqual(metric(METRICS.runsQueued));
    expect(lines).toContainEqual(metric(METRICS.unauthorizedCalls));
    const logged = (message: string, fields: object) =>
      expect(lines).toContainEqual(
        expect.objectContaining({
          message,
          service: SERVICE_NAME,
          stage: 'dev',
          function_request_id: requestId,
          ...fields,
        }),
      );
    logged('Run queued', { level: 'INFO', runId, sourceIp: '203.0.113.7' });
    logged('Unauthorized call', { level: 'WARN', sourceIp: '203.0.113.7' });
    logged('Bad request', { level: 'WARN', field: 'body' });
    logged('The call failed', { level: 'ERROR' });
    // No field of one call is on a line of another.
    expect(lines.filter((line) => 'runId' in line)).toHaveLength(1);
    expect(JSON.stringify(lines)).not.toContain(SECRET);
  });

  test('is answered within 5 s, its own start included, while Secrets Manager and the queue are slow', async () => {
    const slow = await startSecretsManager(Date.now);
    slow.put('version-1', SECRET);
    let answered = 0;
    // The labels come just in time, the value too late.
    slow.around = () => (answered++ < 2 ? Promise.resolve() : new Promise(() => {}));
    const began = performance.now();
    const [invocation] = await invokeHandler('functions/trigger/handler.ts', [event(`Bearer ${SECRET}`)], {
      ...environment,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: slow.url,
    });
    await slow.close();
    expect(invocation?.result).toMatchObject({ statusCode: 500 });
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  test('names every setting that the stack should have made', async () => {
    const [invocation] = await invokeHandler('functions/trigger/handler.ts', [event(`Bearer ${SECRET}`)], {
      STAGE: 'dev',
    });
    expect(invocation?.result).toMatchObject({ statusCode: 500 });
    const text = JSON.stringify(invocation?.lines);
    expect(text).toContain('QUEUE_URL is not set');
    expect(text).toContain('CRON_SECRET_ID is not set');
  });
});

test('a deployment queues one run, the same one when it is repeated', async () => {
  const [first, again] = await invokeHandler('functions/queue-run/handler.ts', [{}, {}], environment);
  expect(first?.result).toStrictEqual({ runId: runIdOf(`deploy:${requestId}`) });
  expect(again?.result).toStrictEqual(first?.result);
  const messages = sqs.inspectQueue('runs.fifo')?.messages.ready ?? [];
  expect(messages.map(({ body }) => parseRunMessage(body)).filter(({ trigger }) => trigger === 'deploy')).toHaveLength(
    1,
  );
});
