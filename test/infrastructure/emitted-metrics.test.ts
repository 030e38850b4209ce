import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { METRIC_NAMESPACE } from '../../ingestion/contract/names.ts';
import type { RunMessage } from '../../ingestion/contract/run-request.ts';
import { runIdOf } from '../../ingestion/message/run-id.ts';
import { startSimulator } from '../../simulator/server.ts';
import { startCloud } from '../support/cloud.ts';
import { invokeHandler } from '../support/invoke-handler.ts';
import { sqsEvent } from '../support/sqs-event.ts';
import { useTestDatabase } from '../support/test-database.ts';
import { DEFAULT_UNIVERSE, writeUniverse } from '../support/universe.ts';
import { STAGES } from './deployments.ts';
import { propertiesOf, templateOf } from './templates.ts';

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

function collect({ _aws: { CloudWatchMetrics }, ...values }: Emf): void {
  for (const { Namespace, Dimensions, Metrics } of CloudWatchMetrics) {
    for (const { Name } of Metrics) {
      for (const dimensions of Dimensions) {
        emitted.add(
          keyOf(
            Namespace,
            Name,
            dimensions.map((dimension) => [dimension, String(values[dimension])]),
          ),
        );
      }
    }
  }
}

const keyOf = (namespace: string, name: string, dimensions: readonly (readonly [string, string])[]): string =>
  JSON.stringify([namespace, name, Object.fromEntries(dimensions.toSorted())]);

function delivery(triggerKey: string) {
  const message: RunMessage = {
    version: 1,
    runId: runIdOf(triggerKey),
    triggerKey,
    trigger: 'http',
    dueAt: new Date().toISOString(),
    request: {},
    hop: 0,
  };
  return sqsEvent({ messageId: triggerKey, receiptHandle: 'receipt', body: JSON.stringify(message), receiveCount: 1 });
}

beforeAll(async () => {
  const cloud = await startCloud();
  cloud.eventBridge.state = 'DEAUTHORIZED';
  const simulator = await startSimulator({ plan: null, disturbedShare: 0 });
  stops.push(cloud.close, simulator.close);
  const environment = {
    ...cloud.environment(database.url),
    STAGE,
    // The queue can't be reached, so that the repair fails before it waits.
    AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:1',
    AWS_MAX_ATTEMPTS: '1',
    COINGECKO_PLAN: 'public',
    COINGECKO_BASE_URL: simulator.baseUrl,
    COINGECKO_REQUESTS_PER_MINUTE: '1000',
    COINGECKO_MONTHLY_CREDITS: '10000',
  };
  async function invoke(name: string, event: unknown, universe: unknown): Promise<void> {
    const variables = { ...environment, UNIVERSE: writeUniverse(universe) };
    const [{ lines } = { lines: [] }] = await invokeHandler(`functions/${name}/handler.ts`, [event], variables);
    for (const line of lines) if ('_aws' in line) collect(line as Emf);
  }
  const known = { coins: DEFAULT_UNIVERSE.coins.slice(0, 1), currencies: DEFAULT_UNIVERSE.currencies.slice(0, 1) };
  const delisted = { id: 'no-such-coin', symbol: 'nsc', name: 'No such coin' };
  await invoke('worker', delivery('http:partial'), { ...known, coins: [...known.coins, delisted] });
  await invoke('worker', delivery('http:complete'), known);
  await invoke('repair-connection', { id: 'event-1', source: 'aws.events', detail: {} }, known);
}, 60_000);

describe('what the handlers emit', () => {
  const alarms = STAGES.flatMap((stage) => propertiesOf(templateOf(stage), 'AWS::CloudWatch::Alarm')).filter(
    ({ Namespace }) => Namespace === METRIC_NAMESPACE,
  );
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
