// Every handler as it is deployed: bundled, in a process of its own, against services over HTTP. What the functions
// behind the handlers do in each case is tested in test/integration, in the tests' own process.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { METRIC_NAMESPACE, METRICS, SERVICE_NAME } from '../../ingestion/contract/names.ts';
import type { Universe } from '../../ingestion/contract/universe-schema.ts';
import { createDatabase } from '../../ingestion/database/connection.ts';
import { parseRunMessage, runIdOf } from '../../ingestion/message/run-message.ts';
import { readTriagedStatus } from '../../ingestion/triage.ts';
import { MIGRATIONS } from '../../migrations/index.ts';
import { type Simulator, startSimulator } from '../../simulator/server.ts';
import { ALARM, snsEvent } from '../support/alarm-event.ts';
import { bundleHandlers, HANDLERS } from '../support/bundle.ts';
import { type Cloud, startCloud } from '../support/cloud.ts';
import { FIRST_RUN_DAYS } from '../support/first-run.ts';
import { invokeHandler, REQUEST_ID, startHandler } from '../support/handler-process.ts';
import { startOneSecret } from '../support/secrets-manager.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { DEFAULT_UNIVERSE, writeUniverse } from '../support/universe.ts';
import { startWebhooks, type WebhookServer } from '../support/webhook-server.ts';

/** Of two series. */
const EXPECTED_DAYS = 2 * FIRST_RUN_DAYS;

const CRON_SECRET = `cron-${randomUUID()}`;
const STRANGERS_SECRET = `stranger-${randomUUID()}`;
const API_KEY = `CG-${randomUUID()}`;
const WEBHOOK = `https://hooks.slack.com/services/T0/B0/${randomUUID()}`;

const UNIVERSE: Universe = { coins: DEFAULT_UNIVERSE.coins.slice(0, 2), currencies: [{ code: 'usd', name: 'Dollar' }] };
const runId = runIdOf('http:call-1');

let folder: string;
let cloud: Cloud;
let simulator: Simulator;
let database: TestDatabase;
let webhooks: WebhookServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bundles-'));
  [cloud, webhooks, database, simulator] = await Promise.all([
    startCloud(),
    startWebhooks(),
    createTestDatabase({ isEmpty: true }),
    // It takes only the key that the secret holds.
    startSimulator({ plan: 'demo', keys: [API_KEY], requestsPerMinute: null, disturbedShare: 0 }),
    bundleHandlers(folder),
  ]);
  cloud.secrets.cron.put(randomUUID(), CRON_SECRET);
  cloud.secrets.coingecko.put(randomUUID(), `${API_KEY}\n`);
  cloud.secrets.webhook.put(randomUUID(), WEBHOOK);
});
afterAll(() =>
  Promise.all([
    ...[cloud.close(), simulator.close(), database.drop(), webhooks.close()],
    rm(folder, { recursive: true }),
  ]),
);

const bundle = (name: string): string => join(folder, `${name}.mjs`);

const environment = (changes: Record<string, string> = {}): Record<string, string> => ({
  ...cloud.environment(database.url),
  UNIVERSE: writeUniverse(UNIVERSE),
  COINGECKO_BASE_URL: simulator.baseUrl,
  COINGECKO_REQUESTS_PER_MINUTE: '10000',
  POWERTOOLS_LOG_LEVEL: 'DEBUG',
  AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
  AWS_MAX_ATTEMPTS: '1',
  NODE_OPTIONS: '--enable-source-maps',
  ...changes,
});

const invoked = new Set<string>();
/** What all of them printed, at the level that tells most. */
const everything: Record<string, unknown>[] = [];

async function invoke(name: string, events: readonly unknown[], changes?: Record<string, string>) {
  const { outcomes, lines } = await invokeHandler(events, bundle(name), environment(changes));
  invoked.add(name);
  everything.push(...lines);
  return { outcomes, lines, results: outcomes.map(({ result }) => result) };
}

const failed = (text: string) => ({ error: expect.stringContaining(text) });
const messageOf = (triggerKey: string, request: object = {}) =>
  JSON.stringify({
    ...{ version: 1, runId: runIdOf(triggerKey), triggerKey, trigger: 'http', hop: 0, request },
    dueAt: new Date().toISOString(),
  });
const record = (body: string, messageId = 'message-1') => ({
  ...{ messageId, receiptHandle: 'receipt', body, attributes: { ApproximateReceiveCount: '1' } },
});
const delivery = (body: string, messageId?: string) => ({ Records: [record(body, messageId)] });
const queued = () => cloud.sqs.inspectQueue('runs.fifo')?.messages.ready.map(({ body }) => parseRunMessage(body)) ?? [];
const call = (secret: string, body?: string) => ({
  version: '2.0',
  headers: { authorization: `Bearer ${secret}` },
  requestContext: { requestId: 'call-1', http: { method: 'POST', sourceIp: '203.0.113.7' } },
  ...(body === undefined ? {} : { body }),
});

// In this order, for they work on one database.

test('migrate brings an empty database up to date, and does nothing the second time', async () => {
  const { results } = await invoke('migrate', [{}, {}]);
  expect(results).toEqual([
    { applied: Object.keys(MIGRATIONS), isNewer: false },
    { applied: [], isNewer: false },
  ]);
});

test('trigger answers, and logs JSON lines of one call each', async () => {
  const events = [call(CRON_SECRET), call(STRANGERS_SECRET), call(CRON_SECRET, '{'), { CRON_SECRET }];
  const { results, lines } = await invoke('trigger', events);
  expect(results).toMatchObject([
    { statusCode: 202 },
    { statusCode: 401 },
    { statusCode: 400 },
    { statusCode: 500, body: '{"success":false,"error":"Internal Server Error"}' },
  ]);
  expect(queued()).toMatchObject([{ runId, trigger: 'http', request: {} }]);
  const fields = { service: SERVICE_NAME, stage: 'dev', function_request_id: REQUEST_ID };
  for (const message of ['Run queued', 'Unauthorized call', 'Bad request', 'The call failed'])
    expect(lines).toContainEqual(expect.objectContaining({ message, ...fields }));
  expect(lines.filter((line) => 'runId' in line)).toHaveLength(1);
});

test('trigger answers within 5 s, its own start included, while Secrets Manager is slow', async () => {
  const slow = await startOneSecret(Date.now);
  slow.put('version-1', CRON_SECRET);
  let answered = 0;
  // The labels come just in time, the value too late.
  slow.around = () => (answered++ < 2 ? Promise.resolve() : new Promise(() => {}));
  const began = performance.now();
  const { results } = await invoke('trigger', [call(CRON_SECRET)], { AWS_ENDPOINT_URL_SECRETS_MANAGER: slow.url });
  await slow.close();
  expect(results).toMatchObject([{ statusCode: 500 }]);
  expect(performance.now() - began).toBeLessThan(5_000);
});

test('queue-run queues one run of a deploy, the same one when it is repeated', async () => {
  const { results } = await invoke('queue-run', [{}, {}]);
  const deploy = { runId: runIdOf(`deploy:${REQUEST_ID}`) };
  expect(results).toEqual([deploy, deploy]);
  expect(queued().filter(({ trigger }) => trigger === 'deploy')).toHaveLength(1);
});

test('worker works on a warm instance with the key of the secret, and counts each invocation once', async () => {
  const worker = startHandler(bundle('worker'), environment());
  const [message] = queued();
  const done = { result: { batchItemFailures: [] } };
  expect(await worker.invoke(delivery(JSON.stringify(message)))).toEqual(done);
  // The second coin is gone, and the first one's prices have a spike.
  simulator.setFaults(({ path }) =>
    path.includes('ethereum') ? { kind: 'reply', status: 404, body: { error: 'coin not found' } } : { kind: 'spike' },
  );
  const days = { from: daysAgo(3), to: daysAgo(2), refetch: true };
  expect(await worker.invoke(delivery(messageOf('key:partial', days), 'message-2'))).toEqual(done);
  simulator.setFaults([]);
  cloud.secrets.coingecko.put(randomUUID(), `CG-${randomUUID()}`);
  expect(await worker.invoke(delivery(messageOf('key:wrong-key', days)))).toEqual(done);
  cloud.secrets.coingecko.put(randomUUID(), API_KEY);
  expect(await worker.invoke(delivery('{'))).toEqual({
    result: { batchItemFailures: [{ itemIdentifier: 'message-1' }] },
  });
  const malformed = [
    {},
    { Records: [] },
    { Records: [record(''), record('')] },
    { Records: [{ messageId: 'message-1' }] },
  ];
  for (const event of malformed)
    expect(await worker.invoke(event)).toEqual(failed('This is not an event of a queue with a batch size of 1'));

  const lines = await worker.end();
  invoked.add('worker');
  everything.push(...lines);
  const dead = cloud.sqs.inspectQueue('dead.fifo')?.messages.ready.map(({ messageAttributes }) => messageAttributes);
  expect(dead).toMatchObject([{ reason: { StringValue: 'not_found' } }, { reason: { StringValue: 'wrong_key' } }]);
  // Metrics that have a further dimension stand on a line of their own; the others of an invocation share one.
  expect(lines.filter((line) => '_aws' in line)).toMatchObject([
    { [METRICS.runsComplete]: 1, [METRICS.fullRunsComplete]: 1, [METRICS.daysExpected]: EXPECTED_DAYS },
    { rule: 'outliers', [METRICS.findings]: 1 },
    { rule: 'worse_answer', [METRICS.findings]: 1 },
    { [METRICS.runsPartial]: 1 },
    { [METRICS.runsFailed]: 1 },
    { [METRICS.runsWaiting]: 1 },
  ]);
  const coldStarts = ['message-1', 'message-2'].map(
    (id) => lines.find((line) => line['messageId'] === id)?.['cold_start'],
  );
  expect(coldStarts).toEqual([true, false]);
  expect(JSON.stringify(lines)).toMatch(/ingestion\/message\/run-message\.ts:\d+/);
});

test('worker that Lambda tells to end stores what it has in hand', async () => {
  const variables = { UNIVERSE: writeUniverse(DEFAULT_UNIVERSE), COINGECKO_REQUESTS_PER_MINUTE: '10' };
  const worker = startHandler(bundle('worker'), environment(variables));
  simulator.setFaults((_request, index) => {
    if (index === 0) worker.terminate();
    return { kind: 'latency', durationMs: 200 };
  });
  // Fewer requests at once than the run needs: something is left to begin.
  await worker.invoke(delivery(messageOf('key:told-to-end')));
  simulator.setFaults([]);
  const done = (await worker.end()).find(({ message }) => message === 'Hop done');
  expect(done).toMatchObject({ status: 'interrupted', stoppedBy: 'interrupt' });
  expect(done?.['rowsWritten']).toBeGreaterThan(0);
});

test('status answers what npm run status -- --json prints, of one run too', async () => {
  const opened = createDatabase({ url: database.url });
  const now = Date.now();
  const question = { now, universe: UNIVERSE, scheduledAt: null };
  const [all, one] = [
    await readTriagedStatus(opened, question),
    await readTriagedStatus(opened, { ...question, runId }),
  ];
  await opened.close();
  const events = [{}, { runId }, null, { runId: 'the last one' }, { run: 'x' }];
  const { outcomes, results } = await invoke('status', events, { SCHEDULE: 'none' });
  // They were asked a moment apart.
  const withoutClock = (status: unknown) => ({
    ...(status as object),
    now: null,
    hoursSinceComplete: null,
    priceAgeHours: null,
  });
  expect(results.slice(0, 3).map(withoutClock)).toEqual([all, one, all].map((one) => withoutClock(asJson(one))));
  expect(one.runs).toMatchObject([{ runId, status: 'complete', storedDays: EXPECTED_DAYS }]);
  const refused = 'This is not a question for the status: ';
  expect(outcomes.slice(3)).toEqual([
    failed(`${refused}runId`),
    failed(`${refused}the event: Unrecognized key: "run"`),
  ]);
});

test('rotate-secret does its steps, however AWS spells them, and throws one that fails', async () => {
  const versionId = randomUUID();
  cloud.secrets.cron.beginRotation(versionId);
  const step = (name: string) => ({ Step: name, SecretId: 'cron', ClientRequestToken: versionId });
  const finish = { step: 'finishsecret', secretId: 'cron', clientRequestToken: versionId, RotationToken: 'x' };
  const events = [
    step('createSecret'),
    step('test_secret'),
    finish,
    { Step: 'x' },
    { Step: 'setSecret', SecretId: '' },
  ];
  cloud.eventBridge.authorizingFor = 0;
  const { outcomes } = await invoke('rotate-secret', events);
  const malformed = (field: string) => failed(`This is not an event of a rotation by Secrets Manager: ${field}`);
  expect(outcomes).toEqual([{}, failed('fetch failed'), {}, malformed('step'), malformed('secretid')]);
  const current = cloud.secrets.cron.labelled('AWSCURRENT') ?? '';
  expect(current).toMatch(/^[\w-]{43}$/);
  expect(cloud.eventBridge.authorization).toBe(`Bearer ${current}`);
});

test('repair-connection counts a de-authorised connection, and throws what keeps it from repairing', async () => {
  cloud.eventBridge.state = 'DEAUTHORIZED';
  // Without a queue it fails before it waits.
  const nowhere = { AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:1' };
  const { outcomes, lines } = await invoke('repair-connection', [{ id: 'event-1' }, { detail: {} }], nowhere);
  expect(outcomes).toEqual([failed('ECONNREFUSED'), failed('This is not an event of EventBridge: id')]);
  expect(lines.filter(({ message }) => message === 'The connection could not be repaired')).toHaveLength(2);
});

test('alarm-webhook posts an alarm', async () => {
  const { outcomes } = await invoke('alarm-webhook', [snsEvent(ALARM)], webhooks.environment);
  expect(outcomes).toEqual([{}]);
  expect(webhooks.posts).toMatchObject([{ url: WEBHOOK }]);
});

test('every function was invoked', () => {
  expect([...invoked].sort()).toEqual([...HANDLERS].sort());
});

test('none of them printed a secret', () => {
  const password = decodeURIComponent(new URL(database.url).password);
  const made = cloud.secrets.cron.labelled('AWSCURRENT') ?? '';
  // A test server may let everybody in without a password.
  const secrets = [CRON_SECRET, STRANGERS_SECRET, API_KEY, WEBHOOK, made, ...(password ? [password] : [])];
  const text = JSON.stringify(everything);
  expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
});

/** CloudWatch's dimensions are part of a metric's name: alarms watch it with exactly these. */
test('each metric of the program is really emitted, with the dimensions service and stage', () => {
  const emitted = new Set<string>();
  for (const line of everything) {
    const { CloudWatchMetrics = [] } = (line['_aws'] ?? {}) as { CloudWatchMetrics?: Emf[] };
    for (const { Namespace, Dimensions, Metrics } of CloudWatchMetrics) {
      expect({ Namespace, stage: line['stage'], service: line['service'] }).toEqual({
        ...{ Namespace: METRIC_NAMESPACE, stage: 'dev', service: SERVICE_NAME },
      });
      for (const { Name } of Metrics) emitted.add(`${Name} by ${Dimensions.join()}`);
    }
  }
  const { findings, ...others } = METRICS;
  const expected = Object.values(others).map((name) => `${name} by service,stage`);
  expect([...emitted].sort()).toEqual([...expected, `${findings} by service,stage,rule`].sort());
});

type Emf = {
  readonly Namespace: string;
  readonly Dimensions: readonly (readonly string[])[];
  readonly Metrics: readonly { readonly Name: string }[];
};

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
