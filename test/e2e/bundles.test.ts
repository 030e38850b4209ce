import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RunMessage } from '../../ingestion/contract/run-request.ts';
import { runIdOf } from '../../ingestion/message/run-id.ts';
import { MIGRATIONS } from '../../migrations/index.ts';
import { type Simulator, startSimulator } from '../../simulator/server.ts';
import { ALARM, snsEvent } from '../support/alarm-event.ts';
import { type Bundles, makeBundles } from '../support/bundle.ts';
import { type Cloud, startCloud } from '../support/cloud.ts';
import { invokeHandler } from '../support/invoke-handler.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { startWebhooks, type WebhookServer } from '../support/webhook-server.ts';

const SECRET = 'the-cron-secret';
const triggerKey = 'key:bundle';
const message: RunMessage = {
  ...{ version: 1, runId: runIdOf(triggerKey), triggerKey, trigger: 'http', hop: 0, request: {} },
  dueAt: new Date().toISOString(),
};
const sqsRecord = {
  ...{ messageId: 'message-1', receiptHandle: 'receipt-1', body: JSON.stringify(message) },
  attributes: { ApproximateReceiveCount: '1' },
};
const call = {
  version: '2.0',
  headers: { authorization: `Bearer ${SECRET}` },
  requestContext: { requestId: 'call-1', http: { method: 'POST', sourceIp: '203.0.113.7' } },
};
const rotation = { Step: 'createSecret', SecretId: 'cron', ClientRequestToken: 'a1b2c3d4-0000-4000-8000-000000000002' };

/** By folder: an event, and what the function answers. In this order, for they work on one database. */
const INVOCATIONS: Readonly<Record<string, { event: unknown; result: unknown }>> = {
  migrate: { event: {}, result: { applied: Object.keys(MIGRATIONS), isNewer: false } },
  trigger: { event: call, result: expect.objectContaining({ statusCode: 202 }) },
  worker: { event: { Records: [sqsRecord] }, result: { batchItemFailures: [] } },
  status: {
    event: { runId: message.runId },
    result: expect.objectContaining({ runs: [expect.objectContaining({ status: 'complete', storedDays: 1_320 })] }),
  },
  'queue-run': { event: {}, result: { runId: expect.any(String) } },
  'rotate-secret': { event: rotation, result: undefined },
  'repair-connection': { event: { id: 'event-1' }, result: undefined },
  'alarm-webhook': { event: snsEvent(ALARM), result: undefined },
};

let bundles: Bundles;
let cloud: Cloud;
let simulator: Simulator;
let testDatabase: TestDatabase;
let webhooks: WebhookServer;
beforeAll(async () => {
  bundles = await makeBundles();
  cloud = await startCloud();
  cloud.secrets.cron.put('a1b2c3d4-0000-4000-8000-000000000001', SECRET);
  cloud.secrets.cron.beginRotation(rotation.ClientRequestToken);
  cloud.secrets.webhook.put('a1b2c3d4-0000-4000-8000-000000000003', 'https://hooks.slack.com/services/T0/B0/a');
  webhooks = await startWebhooks();
  simulator = await startSimulator();
  testDatabase = await createTestDatabase({ isEmpty: true });
});
afterAll(() =>
  Promise.all([bundles.remove(), cloud.close(), simulator.close(), testDatabase.drop(), webhooks.close()]),
);

test('every function is invoked here', () => {
  const folders = readdirSync(join(import.meta.dirname, '../../functions')).filter((name) => name !== 'common');
  expect(Object.keys(INVOCATIONS).sort()).toEqual(folders.sort());
});

test.each(Object.entries(INVOCATIONS))(
  '%s works as a bundle, in a process of its own',
  async (folder, { event, result }) => {
    const [invocation] = await invokeHandler(await bundles.bundle(folder), [event], {
      ...cloud.environment(testDatabase.url),
      ...{ COINGECKO_PLAN: 'public', COINGECKO_BASE_URL: simulator.baseUrl, COINGECKO_REQUESTS_PER_MINUTE: '10000' },
      ...(folder === 'alarm-webhook' ? webhooks.environment : {}),
    });
    expect(invocation?.error).toBeUndefined();
    expect(invocation?.result).toEqual(result);
  },
);

test('an error in a bundle is logged with the line of the source', async () => {
  const event = { Records: [{ ...sqsRecord, body: '{' }] };
  const [invocation] = await invokeHandler(await bundles.bundle('worker'), [event], {
    ...cloud.environment(testDatabase.url),
    NODE_OPTIONS: '--enable-source-maps',
  });
  expect(invocation?.result).toEqual({ batchItemFailures: [{ itemIdentifier: 'message-1' }] });
  expect(JSON.stringify(invocation?.lines)).toMatch(/ingestion\/message\/run-message\.ts:\d+/);
});
