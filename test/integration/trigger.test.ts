import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type FauxqsServer, startFauxqs } from 'fauxqs';
import { createSqsClient } from '../../functions/common/aws-calls.ts';
import { createRunQueue } from '../../functions/common/run-queue.ts';
import { createCronSecretReader } from '../../functions/common/secrets.ts';
import type { HttpResponse } from '../../functions/trigger/http-call.ts';
import { createTrigger, type Trigger } from '../../functions/trigger/trigger.ts';
import { METRICS } from '../../ingestion/contract/names.ts';
import { DAY_MS } from '../../ingestion/domain/day.ts';
import { parseRunMessage, runIdOf } from '../../ingestion/message/run-message.ts';
import { AWS_CLIENT } from '../support/aws-client.ts';
import { createRecordedLog } from '../support/recorded-log.ts';
import { type SecretsManagerServer, startOneSecret } from '../support/secrets-manager.ts';
import { DEFAULT_UNIVERSE } from '../support/universe.ts';

const SECRET = 'the-current-secret';
const QUEUE = 'runs.fifo';
const start = Date.parse('2026-03-15T09:30:00Z');
const BITCOIN = { coins: ['bitcoin'] };
const scheduled = { source: 'aws.events', 'detail-type': 'Scheduled Event', triggered_at: '2026-03-15T02:00:00Z' };

let now = start;
const clock = { now: () => now };
let sqs: FauxqsServer;
let queueUrl: string;
let secretsManager: SecretsManagerServer;
let log: ReturnType<typeof createRecordedLog>;
let emitted: object[];
let trigger: Trigger;

beforeAll(async () => {
  sqs = await startFauxqs({ port: 0, logger: false });
});
afterAll(() => sqs.stop());

beforeEach(async () => {
  now = start;
  sqs.reset();
  sqs.deleteQueue(QUEUE);
  ({ queueUrl } = sqs.createQueue(QUEUE, { attributes: { FifoQueue: 'true' } }));
  secretsManager = await startOneSecret(clock.now);
  secretsManager.put('version-1', SECRET);
  log = createRecordedLog();
  emitted = [];
  trigger = newInstance();
});
afterEach(() => secretsManager.close());

/** A warm instance of the function. */
function newInstance(options: { queueUrl?: string; sqsUrl?: string; timeoutMs?: number } = {}): Trigger {
  const { timeoutMs = 2_000 } = options;
  return createTrigger({
    secrets: createCronSecretReader({
      client: new SecretsManagerClient({ ...AWS_CLIENT, endpoint: secretsManager.url }),
      secretId: 'cron',
      clock,
      timeoutMs,
    }),
    queue: createRunQueue(
      createSqsClient({ ...AWS_CLIENT, endpoint: options.sqsUrl ?? sqs.address }),
      options.queueUrl ?? queueUrl,
    ),
    queueTimeoutMs: timeoutMs,
    universe: DEFAULT_UNIVERSE,
    clock,
    emit: (values) => emitted.push(values),
  });
}

let calls = 0;
type CallOptions = {
  method?: string;
  secret?: string | null;
  headers?: Record<string, string>;
  body?: unknown;
  event?: object;
};

function call(options: CallOptions = {}, instance: Trigger = trigger): Promise<HttpResponse> {
  const { method = 'POST', secret = SECRET, headers = {}, body, event } = options;
  return instance(
    {
      version: '2.0',
      headers: { ...(secret === null ? {} : { authorization: `Bearer ${secret}` }), ...headers },
      requestContext: { requestId: `call-${++calls}`, http: { method, sourceIp: '203.0.113.7' } },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      isBase64Encoded: false,
      ...event,
    },
    log,
  );
}

const bodyOf = (answer: HttpResponse) => JSON.parse(answer.body);
const queued = () => sqs.inspectQueue(QUEUE)?.messages.ready ?? [];
const queuedRuns = () => queued().map((message) => parseRunMessage(message.body));

describe('an accepted POST', () => {
  test('is answered with 202 and the id of the one run that it queued', async () => {
    const answer = await call({ headers: { 'idempotency-key': 'backfill-7' }, body: { coins: ['solana', 'bitcoin'] } });
    const runId = runIdOf('key:backfill-7');
    expect(answer.statusCode).toBe(202);
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json' });
    expect(bodyOf(answer)).toStrictEqual({
      success: true,
      data: { message: 'Data fetch queued', runId, timestamp: '2026-03-15T09:30:00.000Z' },
    });
    expect(queuedRuns()).toStrictEqual([
      {
        version: 1,
        runId,
        triggerKey: 'key:backfill-7',
        trigger: 'http',
        dueAt: '2026-03-15T09:30:00.000Z',
        request: { coins: ['bitcoin', 'solana'] },
        hop: 0,
      },
    ]);
    expect(emitted).toStrictEqual([{ [METRICS.runsQueued]: 1 }]);
    expect(log.lines).toMatchObject([{ level: 'info', message: 'Run queued', runId, sourceIp: '203.0.113.7' }]);
  });

  test('without a body and a key is a run of its own, named by the request id', async () => {
    await call();
    await call();
    const keys = queuedRuns().map(({ triggerKey }) => triggerKey);
    expect(keys).toStrictEqual([`http:call-${calls - 1}`, `http:call-${calls}`]);
  });

  test('of the schedule is due when it was triggered, not when it came', async () => {
    await call({ body: scheduled, headers: { 'idempotency-key': 'not-used' } });
    expect(queuedRuns()).toMatchObject([
      {
        trigger: 'schedule',
        triggerKey: 'schedule:2026-03-15T02:00:00Z',
        dueAt: '2026-03-15T02:00:00Z',
        request: {},
      },
    ]);
  });

  test.each<[string, CallOptions, object]>([
    ['a body in base64', { event: { body: btoa('{"coins":["bitcoin"]}'), isBase64Encoded: true } }, BITCOIN],
    [
      'a body that curl calls a form',
      { body: BITCOIN, headers: { 'content-type': 'application/x-www-form' } },
      BITCOIN,
    ],
    ['headers in capitals', { secret: null, headers: { AUTHORIZATION: `bearer ${SECRET}` }, body: BITCOIN }, BITCOIN],
    ['space around its JSON', { body: ' \n{"coins":["bitcoin"]}\n' }, BITCOIN],
    ['an empty body', { body: '' }, {}],
    ['a blank body', { body: ' ' }, {}],
    ['an empty object', { body: '{}' }, {}],
  ])('may come with %s', async (_name, options, request) => {
    expect((await call(options)).statusCode).toBe(202);
    expect(queuedRuns()).toMatchObject([{ request }]);
  });
});

describe('the same trigger again', () => {
  test.each<[string, CallOptions]>([
    ['of the schedule', { body: scheduled }],
    ['with a key', { headers: { 'Idempotency-Key': 'k' }, body: { coins: ['bitcoin', 'solana'] } }],
  ])('%s gets the same run id from any instance, and the queue has one message', async (_name, options) => {
    const answers = [await call(options), await call(options), await call(options, newInstance())];
    expect(answers.map(({ statusCode }) => statusCode)).toStrictEqual([202, 202, 202]);
    expect(new Set(answers.map((answer) => bodyOf(answer).data.runId)).size).toBe(1);
    expect(queued()).toHaveLength(1);
  });

  test('may say the same in another order; with another request it is a conflict, and queues nothing', async () => {
    const headers = { 'idempotency-key': 'k' };
    const body = { coins: ['bitcoin', 'solana'], currencies: ['usd'] };
    await call({ headers, body });
    const reordered = { currencies: ['usd'], coins: ['solana', 'bitcoin'] };
    expect((await call({ headers, body: reordered })).statusCode).toBe(202);
    const again = await call({ headers, body: { coins: ['solana'] } });
    expect(again.statusCode).toBe(409);
    expect(bodyOf(again)).toMatchObject({ success: false, error: expect.stringContaining('Idempotency-Key') });
    expect(queuedRuns()).toMatchObject([{ request: body }]);
  });

  test('is no conflict with one that the queue never took', async () => {
    const headers = { 'idempotency-key': 'k' };
    sqs.deleteQueue(QUEUE);
    expect((await call({ headers, body: { coins: ['bitcoin'] } })).statusCode).toBe(503);
    sqs.createQueue(QUEUE, { attributes: { FifoQueue: 'true' } });
    expect((await call({ headers, body: { coins: ['solana'] } })).statusCode).toBe(202);
  });
});

describe('a call without a good secret', () => {
  test.each<[string, Record<string, string>]>([
    ['no header', {}],
    ['a wrong secret', { authorization: 'Bearer wrong-secret' }],
    ['the secret cut short', { authorization: `Bearer ${SECRET.slice(0, -1)}` }],
    ['the secret and more', { authorization: `Bearer ${SECRET}x` }],
    ['the secret in capitals', { authorization: `Bearer ${SECRET.toUpperCase()}` }],
    ['no scheme', { authorization: SECRET }],
    ['another scheme', { authorization: `Basic ${SECRET}` }],
    ['an empty secret', { authorization: 'Bearer ' }],
    ['two secrets', { authorization: `Bearer ${SECRET}, Bearer wrong-secret` }],
    ['the secret in another header', { 'x-api-key': SECRET }],
  ])('(%s) is answered with 401, and logged with its source IP and without any secret', async (_name, headers) => {
    for (const method of ['GET', 'POST']) {
      const answer = await call({ method, secret: null, headers });
      expect(answer.statusCode).toBe(401);
      expect(bodyOf(answer)).toStrictEqual({ success: false, error: 'Unauthorized' });
    }
    expect(log.lines).toMatchObject([{ sourceIp: '203.0.113.7' }, { sourceIp: '203.0.113.7' }]);
    expect(log.text()).not.toMatch(/-secret/);
    expect(emitted).toStrictEqual([{ [METRICS.unauthorizedCalls]: 1 }, { [METRICS.unauthorizedCalls]: 1 }]);
    expect(queued()).toHaveLength(0);
  });

  test('makes nobody read the secret again within 5 s, however often it comes', async () => {
    await call({ secret: 'wrong' });
    const reads = secretsManager.actions.length;
    now += 4_999;
    for (let count = 0; count < 5; count += 1) await call({ secret: 'wrong' });
    expect(secretsManager.actions).toHaveLength(reads);
    now += 1;
    await call({ secret: 'wrong' });
    // The version's value can't have changed: only the labels are read.
    expect(secretsManager.actions.slice(reads)).toStrictEqual(['DescribeSecret']);
  });

  test('makes nobody read the secret again within 5 s while reading it fails', async () => {
    secretsManager.around = () => Promise.reject(new Error('The service is down.'));
    await call({ secret: 'wrong' });
    const reads = secretsManager.actions.length;
    await call({ secret: 'wrong' });
    expect(secretsManager.actions).toHaveLength(reads);
  });
});

describe('a secret', () => {
  const answers = async (secret: string) => (await call({ method: 'GET', secret })).statusCode;

  test('that was replaced by hand is good for 24 h, then dead', async () => {
    secretsManager.put('version-2', 'second');
    expect([await answers(SECRET), await answers('second')]).toStrictEqual([200, 200]);
    now = start + DAY_MS - 1;
    expect(await answers(SECRET)).toBe(200);
    now = start + DAY_MS + 5_000;
    expect([await answers(SECRET), await answers('second')]).toStrictEqual([401, 200]);
  });

  test('that a rotation replaced is good for 24 h from its end, however long ago the new one was made', async () => {
    secretsManager.beginRotation('version-2');
    now += 3 * DAY_MS;
    putPending('version-2', 'second');
    const move = { MoveToVersionId: 'version-2', RemoveFromVersionId: 'version-1' };
    secretsManager.perform.UpdateSecretVersionStage({ VersionStage: 'AWSCURRENT', ...move });
    secretsManager.endRotation();
    now += DAY_MS - 1;
    expect(await answers(SECRET)).toBe(200);
    now += 5_001;
    expect([await answers(SECRET), await answers('second')]).toStrictEqual([401, 200]);
  });

  test('that was replaced twice is dead at once', async () => {
    secretsManager.put('version-2', 'second');
    secretsManager.put('version-3', 'third');
    expect([await answers(SECRET), await answers('second'), await answers('third')]).toStrictEqual([401, 200, 200]);
  });

  test('that is pending is good while its rotation is under way', async () => {
    secretsManager.beginRotation('version-2');
    expect(await answers('second')).toBe(401);
    now += 5_000;
    putPending('version-2', 'second');
    expect([await answers(SECRET), await answers('second')]).toStrictEqual([200, 200]);
    now += 5_000;
    putPending('version-3', 'third');
    expect([await answers('second'), await answers('third')]).toStrictEqual([401, 200]);
  });

  const putPending = (id: string, value: string) =>
    secretsManager.perform.PutSecretValue({
      ...{ ClientRequestToken: id, SecretString: value, VersionStages: ['AWSPENDING'] },
    });
});

describe('a service that is not there', () => {
  const hang = () => new Promise<void>(() => {});
  const fail = () => Promise.reject(new Error('The service is down.'));

  test.each<[string, string, () => unknown]>([
    ['has no value', 'has no current value', () => secretsManager.close().then(startSecretsManager)],
    ["can't be read", "can't be read", () => Object.assign(secretsManager, { around: fail })],
    ['hangs', "can't be read", () => Object.assign(secretsManager, { around: hang })],
  ])('a secret that %s is a 500', async (_name, reason, breakIt) => {
    await breakIt();
    const answer = await call({}, newInstance({ timeoutMs: 100 }));
    expect(answer.statusCode).toBe(500);
    expect(bodyOf(answer)).toStrictEqual({ success: false, error: 'Cron job not configured' });
    expect(log.lines).toMatchObject([{ level: 'error', error: { message: expect.stringContaining(reason) } }]);
    expect(queued()).toHaveLength(0);
  });

  const startSecretsManager = async () => {
    secretsManager = await startOneSecret(clock.now);
  };

  test.each<[string, string, (hangingUrl: string) => Parameters<typeof newInstance>[0]]>([
    ['is gone', 'QueueDoesNotExist', () => ({ queueUrl: queueUrl.replace('runs', 'nowhere') })],
    ['hangs', 'TimeoutError', (sqsUrl) => ({ sqsUrl, timeoutMs: 100 })],
    ['listens nowhere', 'Error', () => ({ sqsUrl: 'http://127.0.0.1:1' })],
  ])('a queue that %s is a 503, of a run and of the health check', async (_name, error, options) => {
    const hanging = await startOneSecret(clock.now);
    hanging.around = hang;
    const instance = newInstance(options(hanging.url));
    const answers = [await call({ method: 'POST' }, instance), await call({ method: 'GET' }, instance)];
    await hanging.close();
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([503, 503]);
    expect(bodyOf(answers[0] as HttpResponse)).toStrictEqual({ success: false, error: 'Queue unavailable' });
    const line = { level: 'error', error: { name: expect.stringContaining(error) } };
    expect(log.lines).toMatchObject([line, line]);
  });
});

describe('a body that is not what the endpoint takes', () => {
  const nested = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
  test.each<[string, CallOptions, string]>([
    ['no JSON', { body: '{"coins":' }, 'body: found 9 bytes that are no JSON'],
    ['bytes that are no UTF-8', { event: { body: '/////w==', isBase64Encoded: true } }, 'no JSON'],
    ['64 KiB and more', { body: `{"coins":["${'x'.repeat(65_536)}"]}` }, 'bytes, expected at most 65536'],
    ['null', { body: 'null' }, 'body: found null'],
    ['a list that is nested 30,000 times', { body: nested }, 'body: found [[[…]]]'],
    ['a field that is nested so', { body: `{"from":${nested}}` }, 'from: found [[[…]]]'],
    ['a field named __proto__', { body: '{"__proto__":{"from":1}}' }, 'body: '],
    ['what may be a secret', { body: { from: 's3cret'.repeat(8) } }, 'from: found "s3cret'],
    ['an unknown field', { body: { coin: 'bitcoin' } }, '"coin"'],
    ['both kinds at once', { body: { ...scheduled, ...BITCOIN } }, 'body: found coins beside source'],
    ['a key with spaces', { headers: { 'idempotency-key': 'a b' } }, 'Idempotency-Key: found 3 characters'],
    ['an empty key', { headers: { 'idempotency-key': '' } }, 'Idempotency-Key'],
    ['an endless key', { headers: { 'idempotency-key': 'k'.repeat(201) } }, 'Idempotency-Key: found 201 characters'],
  ])('(%s) is answered with 400, naming the field and what was expected', async (_name, options, error) => {
    const answer = await call(options);
    expect(answer.statusCode).toBe(400);
    expect(bodyOf(answer)).toStrictEqual({ success: false, error: expect.stringContaining(error) });
    expect(answer.body).not.toContain('s3cret'.repeat(8));
    expect(queued()).toHaveLength(0);
  });
});

describe('another method', () => {
  test.each(['PUT', 'HEAD'])('%s is answered with 405 and what is allowed', async (method) => {
    const answer = await call({ method });
    expect(answer.statusCode).toBe(405);
    expect(answer.headers).toMatchObject({ allow: 'GET, POST' });
  });

  test('comes before a wrong secret, and a wrong secret before a wrong body', async () => {
    expect((await call({ method: 'PUT', secret: 'wrong', body: 'no JSON' })).statusCode).toBe(405);
    expect((await call({ secret: 'wrong', body: 'no JSON' })).statusCode).toBe(401);
    expect((await call({ body: 'no JSON' })).statusCode).toBe(400);
  });
});

describe('the health check', () => {
  test('tells that the queue is reached and how much is in it, and queues nothing', async () => {
    await call({ body: scheduled });
    const answer = await call({ method: 'GET' });
    expect(answer.statusCode).toBe(200);
    expect(bodyOf(answer)).toStrictEqual({
      success: true,
      data: { status: 'ready', timestamp: '2026-03-15T09:30:00.000Z', waiting: 1, inFlight: 0 },
    });
    expect(queued()).toHaveLength(1);
  });
});

test.each([{}, { version: '1.0', httpMethod: 'GET' }, null])(
  'an event of another kind (%j) is an error',
  async (event) => {
    await expect(trigger(event, log)).rejects.toThrow('not an event of an HTTP API');
  },
);
