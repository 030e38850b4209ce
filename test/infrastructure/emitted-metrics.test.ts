import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WORKER_TIMEOUT_MINUTES } from '../../ingestion/contract/limits.ts';
import { METRIC_NAMESPACE } from '../../ingestion/contract/names.ts';
import { MESSAGE_GROUP_ID, type RunMessage } from '../../ingestion/contract/run-message.ts';
import { runIdOf } from '../../ingestion/message/run-id.ts';
import { createFunction } from '../../local/stack/lambda-function.ts';
import { createSecret, type Secret, startSecretsManager } from '../../local/stack/secrets-manager.ts';
import { startSimulator } from '../../simulator/server.ts';
import { startEventBridge } from '../support/eventbridge-server.ts';
import { useTestDatabase } from '../support/test-database.ts';
import { DEFAULT_UNIVERSE, writeUniverse } from '../support/universe.ts';
import { resourcesOf, STAGES, templateOf } from './synthesise.ts';

/** A line of EMF, as CloudWatch reads it. */
type Emf = {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string }[];
    }[];
  };
} & Readonly<Record<string, unknown>>;

const STAGE = 'dev';
const database = await useTestDatabase();
const stops: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

/** What CloudWatch makes of the lines: namespace, name, and the dimensions with their values. */
const emitted = new Set<string>();

function collect(line: string): void {
  if (!line.startsWith('{"_aws"')) return;
  const emf = JSON.parse(line) as Emf;
  for (const { Namespace, Dimensions, Metrics } of emf._aws.CloudWatchMetrics) {
    for (const { Name } of Metrics) {
      for (const dimensions of Dimensions) {
        emitted.add(
          keyOf(
            Namespace,
            Name,
            dimensions.map((dimension) => [dimension, String(emf[dimension])]),
          ),
        );
      }
    }
  }
}

const keyOf = (namespace: string, name: string, dimensions: readonly (readonly [string, string])[]): string =>
  JSON.stringify([namespace, name, Object.fromEntries(dimensions.toSorted())]);

const message = (triggerKey: string): RunMessage => ({
  version: 1,
  runId: runIdOf(triggerKey),
  triggerKey,
  trigger: 'http',
  dueAt: new Date().toISOString(),
  request: {},
  hop: 0,
});

const delivery = (body: RunMessage) => ({
  Records: [
    {
      messageId: `message of ${body.triggerKey}`,
      receiptHandle: 'a receipt',
      body: JSON.stringify(body),
      attributes: { ApproximateReceiveCount: '1', MessageGroupId: MESSAGE_GROUP_ID },
    },
  ],
});

beforeAll(async () => {
  const { hostname, port, pathname, username, password } = new URL(database.url);
  const values: Record<string, string> = {
    cron: 'a-secret',
    database: JSON.stringify({
      username: decodeURIComponent(username),
      password: decodeURIComponent(password) || 'none',
    }),
  };
  const secrets = new Map<string, Secret>(
    Object.entries(values).map(([id, value]) => {
      const secret = createSecret(Date.now);
      secret.put('version-1', value);
      return [id, secret];
    }),
  );
  const secretsManager = await startSecretsManager((id) => secrets.get(id));
  const eventBridge = await startEventBridge();
  eventBridge.state = 'DEAUTHORIZED';
  const simulator = await startSimulator({ plan: null, disturbedShare: 0 });
  stops.push(secretsManager.close, eventBridge.close, simulator.close);

  const nobody = 'http://127.0.0.1:1';
  const environment = {
    STAGE,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_MAX_ATTEMPTS: '1',
    AWS_ENDPOINT_URL: nobody,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
    AWS_ENDPOINT_URL_EVENTBRIDGE: eventBridge.url,
    QUEUE_URL: `${nobody}/runs.fifo`,
    DEAD_LETTER_QUEUE_URL: `${nobody}/runs-dead.fifo`,
    CRON_SECRET_ID: 'cron',
    CONNECTION_NAME: 'crypto-dashboard-auth-dev',
    COINGECKO_SECRET_ID: 'coingecko',
    COINGECKO_PLAN: 'public',
    COINGECKO_BASE_URL: simulator.baseUrl,
    COINGECKO_REQUESTS_PER_MINUTE: '1000',
    COINGECKO_MONTHLY_CREDITS: '10000',
    DATABASE_SECRET_ID: 'database',
    DATABASE_HOST: hostname,
    DATABASE_PORT: port,
    DATABASE_NAME: pathname.slice(1),
    DATABASE_TLS: 'off',
  };
  async function invoke(name: string, event: unknown, universe: unknown): Promise<void> {
    const invoked = createFunction({
      name,
      file: new URL(`../../functions/${name}/handler.ts`, import.meta.url),
      environment: { ...environment, UNIVERSE: writeUniverse(universe) },
      timeoutMs: WORKER_TIMEOUT_MINUTES * 60_000,
      onLine: collect,
    });
    await invoked.invoke(event).catch(() => {});
    await invoked.stop();
  }
  const known = { coins: DEFAULT_UNIVERSE.coins.slice(0, 1), currencies: DEFAULT_UNIVERSE.currencies.slice(0, 1) };
  const delisted = { id: 'no-such-coin', symbol: 'nsc', name: 'No such coin' };
  await invoke('worker', delivery(message('http:partial')), { ...known, coins: [...known.coins, delisted] });
  await invoke('worker', delivery(message('http:complete')), known);
  await invoke('repair-connection', { id: 'event-1', source: 'aws.events', detail: {} }, known);
}, 60_000);

describe('what the handlers emit', () => {
  const alarms = STAGES.flatMap((stage) => Object.values(resourcesOf(templateOf({ stage }), 'AWS::CloudWatch::Alarm')))
    .map(({ Properties }) => Properties)
    .filter(({ Namespace }) => Namespace === METRIC_NAMESPACE);
  const watched = new Map(
    alarms.map(({ AlarmName, MetricName, Dimensions }) => [AlarmName, { MetricName, Dimensions }]),
  );

  test.each([...watched])('%s watches a metric that is really emitted so', (_, { MetricName, Dimensions }) => {
    const dimensions = Dimensions.map(({ Name, Value }: { Name: string; Value: string }) => [
      Name,
      // The handlers here run as one stage; the others differ in this value alone.
      Name === 'stage' ? STAGE : Value,
    ]);
    expect([...emitted]).toContain(keyOf(METRIC_NAMESPACE, MetricName, dimensions));
  });
});
