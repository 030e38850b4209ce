import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sourceSettings } from '../../functions/worker/handler.ts';
import { METRICS, SERVICE_NAME } from '../../ingestion/contract/names.ts';
import { runIdOf } from '../../ingestion/message/run-id.ts';
import { type Simulator, startSimulator } from '../../simulator/server.ts';
import { type Cloud, startCloud } from '../support/cloud.ts';
import { invokeHandler } from '../support/invoke-handler.ts';
import { sqsEvent } from '../support/sqs-event.ts';
import { createTestDatabase, useTestDatabase } from '../support/test-database.ts';
import { writeUniverse } from '../support/universe.ts';

const CRON_SECRET = `cron-${randomUUID()}`;
const API_KEY = `CG-${randomUUID()}`;
const STRANGERS_SECRET = `stranger-${randomUUID()}`;

const database = await useTestDatabase();
const password = decodeURIComponent(new URL(database.url).password);
let cloud: Cloud;
let simulator: Simulator;
beforeAll(async () => {
  cloud = await startCloud();
  cloud.secrets.cron.put(randomUUID(), CRON_SECRET);
  // It takes only the key that the secret holds.
  simulator = await startSimulator({ plan: 'demo', keys: [API_KEY], requestsPerMinute: null });
});
afterAll(() => Promise.all([cloud.close(), simulator.close()]));

const environment = (changes: Record<string, string> = {}) => ({
  ...cloud.environment(database.url),
  POWERTOOLS_LOG_LEVEL: 'DEBUG',
  COINGECKO_BASE_URL: simulator.baseUrl,
  COINGECKO_REQUESTS_PER_MINUTE: '10000',
  ...changes,
});

const eventOf = (body: string, receiveCount = 1) =>
  sqsEvent({ messageId: 'message-1', receiptHandle: 'receipt-1', body, receiveCount });
const bodyOf = (triggerKey: string, changes: object = {}) =>
  JSON.stringify({
    version: 1,
    runId: runIdOf(triggerKey),
    triggerKey,
    trigger: 'http',
    hop: 0,
    request: {},
    dueAt: new Date().toISOString(),
    ...changes,
  });

const work = (events: unknown[], changes?: Record<string, string>) =>
  invokeHandler('functions/worker/handler.ts', events, environment(changes));

describe('the worker in a process of its own', () => {
  test('uses the key of the secret, and logs neither it nor any other secret, at the level that tells most', async () => {
    cloud.secrets.coingecko.put(randomUUID(), `${API_KEY}\n`);
    const call = (secret: string, body?: string) => ({
      version: '2.0',
      headers: { authorization: `Bearer ${secret}` },
      requestContext: { requestId: 'call-1', http: { method: 'POST', sourceIp: '203.0.113.7' } },
      ...(body ? { body } : {}),
    });
    const [accepted, refused] = await invokeHandler(
      'functions/trigger/handler.ts',
      [call(CRON_SECRET), call(STRANGERS_SECRET), call(CRON_SECRET, '{')],
      environment(),
    );
    expect([accepted?.result, refused?.result]).toMatchObject([{ statusCode: 202 }, { statusCode: 401 }]);

    const [queued] = cloud.sqs.inspectQueue('runs.fifo')?.messages.ready ?? [];
    const [complete, unreadable] = await work([eventOf(queued?.body ?? ''), eventOf('{')]);
    expect(complete?.result).toEqual({ batchItemFailures: [] });
    expect(unreadable?.result).toEqual({ batchItemFailures: [{ itemIdentifier: 'message-1' }] });
    const [wrongKey] = await work([eventOf(bodyOf('key:wrong-key'))], { COINGECKO_PLAN: 'paid' });
    const [noDatabase] = await work([eventOf(bodyOf('key:no-database'))], { DATABASE_PORT: '1' });
    const [wrongSetting] = await work([eventOf(bodyOf('key:wrong-setting'))], { COINGECKO_PLAN: 'public' });

    const everything = [accepted, complete, wrongKey, noDatabase, wrongSetting].flatMap((one) => one?.lines ?? []);
    const messages = everything.map(({ message }) => message);
    expect(messages).toEqual(expect.arrayContaining(['Run queued', 'Hop done', 'The hop failed']));
    const text = JSON.stringify(everything);
    // A test server may let everybody in without a password.
    const secrets = [CRON_SECRET, API_KEY, STRANGERS_SECRET, ...(password ? [password] : [])];
    for (const secret of secrets) expect(text).not.toContain(secret);
  });

  test('prints the metrics of an invocation once, and takes only the first one for a cold start', async () => {
    cloud.secrets.coingecko.put(randomUUID(), API_KEY);
    const own = await createTestDatabase();
    const universe = {
      coins: [{ id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' }],
      currencies: [{ code: 'usd', name: 'US dollar' }],
    };
    const deliveries = ['message-1', 'message-2'].map((messageId) =>
      sqsEvent({ messageId, receiptHandle: 'receipt', body: bodyOf(`key:${messageId}`), receiveCount: 1 }),
    );
    simulator.setFaults([{ kind: 'spike' }]);
    try {
      const [invocation] = await work(deliveries, {
        ...cloud.environment(own.url),
        UNIVERSE: writeUniverse(universe),
        AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      });
      const lines = invocation?.lines ?? [];

      const run = { service: SERVICE_NAME, stage: 'dev', [METRICS.runsComplete]: 1, [METRICS.daysExpected]: 30 };
      const findings = { service: SERVICE_NAME, stage: 'dev', rule: 'outliers', [METRICS.findings]: 1 };
      expect(lines.filter((line) => '_aws' in line)).toMatchObject([findings, run, run]);
      expect(lines.find((line) => 'rule' in line)?.['_aws']).toMatchObject({
        CloudWatchMetrics: [{ Dimensions: [['service', 'stage', 'rule']], Metrics: [{ Name: METRICS.findings }] }],
      });

      const coldStarts = ['message-1', 'message-2'].map(
        (id) => new Set(lines.flatMap((line) => (line['messageId'] === id ? [line['cold_start']] : []))),
      );
      expect(coldStarts).toEqual([new Set([true]), new Set([false])]);
    } finally {
      simulator.setFaults([]);
      await own.drop();
    }
  });

  test.each(['', ' \n', '{}'])('a key of %j means the public plan, without what the stage set for the key', (key) => {
    const staged = { COINGECKO_PLAN: 'demo', COINGECKO_REQUESTS_PER_MINUTE: '500', COINGECKO_MONTHLY_CREDITS: '10' };
    expect(sourceSettings(staged, key)).toEqual(sourceSettings({}, null));
    expect(sourceSettings(staged, key)).toMatchObject({ plan: 'public', apiKey: null, requestsPerMinute: 10 });
  });

  test('what the stage sets for the public plan holds without a key', () => {
    const staged = { COINGECKO_PLAN: 'public', COINGECKO_REQUESTS_PER_MINUTE: '5' };
    expect(sourceSettings(staged, null)).toMatchObject({ plan: 'public', requestsPerMinute: 5 });
  });

  test('told to end by Lambda it stores what it has in hand', async () => {
    const own = await createTestDatabase();
    const underWay = Promise.withResolvers<void>();
    simulator.setFaults(() => {
      underWay.resolve();
      return { kind: 'latency', durationMs: 200 };
    });
    try {
      const [invocation] = await invokeHandler(
        'functions/worker/handler.ts',
        [eventOf(bodyOf('key:told-to-end'))],
        // Fewer at once than the run needs: something is left to begin.
        environment({ ...cloud.environment(own.url), COINGECKO_REQUESTS_PER_MINUTE: '10' }),
        { endWhen: underWay.promise },
      );
      const done = invocation?.lines.find(({ message }) => message === 'Hop done');
      expect(done).toMatchObject({ status: 'interrupted', stoppedBy: 'interrupt' });
      expect(done?.['rowsWritten']).toBeGreaterThan(0);
    } finally {
      simulator.setFaults([]);
      await own.drop();
    }
  });

  test.each([
    ['no records', {}],
    ['no record', { Records: [] }],
    ['two records, which a batch size of 1 never gives', { Records: [eventOf('').Records[0], eventOf('').Records[0]] }],
    ['a record without a body', { Records: [{ messageId: 'message-1' }] }],
  ])('an event with %s is an error of the function', async (_, event) => {
    const [invocation] = await work([event]);
    expect(invocation?.error).toContain('This is not an event of a queue with a batch size of 1');
  });

  test('without its environment it names everything that is missing', async () => {
    const [invocation] = await invokeHandler('functions/worker/handler.ts', [eventOf(bodyOf('key:x'))], {});
    for (const name of ['STAGE', 'QUEUE_URL', 'DEAD_LETTER_QUEUE_URL', 'COINGECKO_SECRET_ID']) {
      expect(invocation?.error).toContain(`${name} is not set`);
    }
  });
});
