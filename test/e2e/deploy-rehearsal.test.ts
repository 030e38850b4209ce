import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateApiDestinationCommand,
  CreateConnectionCommand,
  DeauthorizeConnectionCommand,
  DeleteApiDestinationCommand,
  DeleteConnectionCommand,
  DescribeConnectionCommand,
  EventBridgeClient,
  PutEventsCommand,
  UpdateApiDestinationCommand,
  UpdateConnectionCommand,
} from '@aws-sdk/client-eventbridge';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import pg from 'pg';
import { MAX_RECEIVES } from '../../ingestion/contract/limits.ts';
import { retryUntil } from '../../ingestion/retry-until.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { redrive } from '../../local/stack/move-dead-letters.ts';
import { startSimulator } from '../../simulator/server.ts';
import {
  type DeployedTemplate,
  EMULATED_AWS,
  type Emulator,
  type StandIns,
  useEmulator,
} from '../support/emulated-deploy.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { DEFAULT_UNIVERSE, writeUniverse } from '../support/universe.ts';

const address = process.env['AWS_ENDPOINT_URL'];

const UNIVERSE = { coins: DEFAULT_UNIVERSE.coins.slice(0, 2), currencies: DEFAULT_UNIVERSE.currencies.slice(0, 2) };
const TRACKED_DAYS = 30;
const SERIES = UNIVERSE.coins.length * UNIVERSE.currencies.length;

/** A deployment whose schedule is due within the minute. No emulator has the image of a NAT instance. */
const SETTINGS = {
  stage: 'staging',
  name: 'rehearsal',
  schedule: 'rate(1 minute)',
  network: 'nat-gateway',
  coingeckoPlan: 'public',
  coingeckoRequestsPerMinute: '1000',
  universe: writeUniverse(UNIVERSE),
};
const SUFFIX = `-${SETTINGS.stage}-${SETTINGS.name}`;
const CONNECTION = `crypto-dashboard-auth${SUFFIX}`;
const DESTINATION = `crypto-dashboard-api${SUFFIX}`;

/** An emulator that lacks one of these shows nothing. */
const NEEDED = [
  ...[
    'AWS::Lambda::Function',
    'AWS::Lambda::EventSourceMapping',
    'AWS::SQS::Queue',
    'AWS::Events::Rule',
    'AWS::IAM::Role',
  ],
  ...['AWS::SecretsManager::Secret', 'AWS::ApiGatewayV2::Api', 'AWS::CloudWatch::Alarm', 'AWS::Logs::LogGroup'],
];

if (address === undefined) {
  test.skip('the deploy rehearsal was NOT RUN: set AWS_ENDPOINT_URL to the address of an AWS emulator', () => {});
} else {
  describe('the stack, deployed to an AWS emulator by cdk deploy', () => rehearse(address));
}

/** Its tests are the steps of one rehearsal: each builds on those before it. */
function rehearse(endpoint: string): void {
  const secrets = new SecretsManagerClient({ ...EMULATED_AWS, endpoint });
  const events = new EventBridgeClient({ ...EMULATED_AWS, endpoint });
  const sqs = new SQSClient({ ...EMULATED_AWS, endpoint });
  const folder = mkdtempSync(join(tmpdir(), 'crypto-prices-rehearsal-'));
  const undo: (() => Promise<unknown>)[] = [async () => rmSync(folder, { recursive: true })];

  const emulator: Emulator = useEmulator(endpoint, folder);
  let database: TestDatabase;
  let standIns: StandIns;
  let outputs: Record<string, string>;
  let deploys = 0;

  /** @param change what the program differs in from the one that was deployed before. */
  async function deploy(settings: Record<string, string>, change: (migrations: LambdaFunction) => void = () => {}) {
    deploys += 1;
    const bundlesIn = join(folder, `deploy-${deploys}`);
    const { createStack } = await import('../infrastructure/synthesise.ts');
    const { app, stack } = createStack({ ...SETTINGS, ...settings }, { bundlesIn, commit: `deploy ${deploys}` });
    change(stack.node.findChild('Migrations').node.findChild('Function') as LambdaFunction);
    outputs = await emulator.deploy(app, standIns);
  }

  async function query<Row extends pg.QueryResultRow>(statement: string): Promise<Row[]> {
    const client = new pg.Client(database.url);
    await client.connect();
    return client
      .query<Row>(statement)
      .then(({ rows }) => rows)
      .finally(() => client.end());
  }

  const runsBy = (trigger: string) =>
    query<{ status: string; missing_days: number; trigger_key: string }>(
      `select status, missing_days, trigger_key from ingestion_runs where trigger = '${trigger}' order by due_at`,
    );

  /** Waits for as many runs as that to be complete. */
  const expectRuns = (trigger: string, atLeast: number) =>
    eventually(async () => {
      const runs = await runsBy(trigger);
      expect(runs.filter(({ status }) => status === 'complete').length).toBeGreaterThanOrEqual(atLeast);
      for (const run of runs) expect(run).toMatchObject({ status: 'complete', missing_days: 0 });
      return runs;
    });

  const currentSecret = async () =>
    (await secrets.send(new GetSecretValueCommand({ SecretId: outputs['CronSecretArn'] }))).SecretString ?? '';
  const call = (method: string, secret: string) =>
    fetch(outputs['EndpointUrl'] ?? '', { method, headers: { authorization: `Bearer ${secret}` } });
  const health = async (secret: string) => (await call('GET', secret)).status;
  const connectionState = async () =>
    (await events.send(new DescribeConnectionCommand({ Name: CONNECTION }))).ConnectionState;

  /** In place of CloudFormation, which reads the secret where the template refers to it. */
  const authorise = (secret: string) =>
    events.send(
      new UpdateConnectionCommand({
        Name: CONNECTION,
        AuthorizationType: 'API_KEY',
        AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: 'Authorization', ApiKeyValue: `Bearer ${secret}` } },
      }),
    );

  const queueUrl = async (name: string) =>
    (await sqs.send(new GetQueueUrlCommand({ QueueName: `crypto-prices-${name}` }))).QueueUrl ?? '';
  const attributesOf = async (QueueUrl: string): Promise<Record<string, string>> =>
    (await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }))).Attributes ?? {};

  const workerVariables = () => emulator.variablesOf(`crypto-prices-worker${SUFFIX}`);

  async function finalDays() {
    const [found] = await query<{ series: number; days: number }>(
      'select count(distinct (coin_id, currency))::int as series, count(*)::int as days from daily_prices where is_final',
    );
    return found;
  }

  beforeAll(async () => {
    database = await createTestDatabase({ isEmpty: true });
    undo.push(database.drop);
    const { hostname, port, pathname, username, password } = new URL(database.url);
    const simulator = await startSimulator({ plan: null, universe: UNIVERSE });
    undo.push(simulator.close);
    const login = { username: decodeURIComponent(username), password: decodeURIComponent(password) || 'none' };
    const { ARN: databaseSecret = '' } = await secrets.send(
      new CreateSecretCommand({ Name: randomUUID(), SecretString: JSON.stringify(login) }),
    );
    undo.push(() =>
      secrets.send(new DeleteSecretCommand({ SecretId: databaseSecret, ForceDeleteWithoutRecovery: true })),
    );
    const schedule = await createDestination();
    const values: Record<string, unknown> = {
      'AWS::RDS::DBInstance.Endpoint.Address': hostname,
      'AWS::RDS::DBInstance.Endpoint.Port': port,
      'AWS::RDS::DBInstance.MasterUserSecret.SecretArn': databaseSecret,
      'AWS::Events::Connection.Arn': schedule.connectionArn,
      'AWS::Events::ApiDestination.Arn': schedule.destinationArn,
    };
    standIns = {
      // The test's PostgreSQL takes the place of RDS. The last one's function needs the SDK that AWS's Lambda brings along.
      leftOut: new Set([
        ...['AWS::RDS::DBInstance', 'AWS::Events::Connection', 'AWS::Events::ApiDestination'],
        'Custom::VpcRestrictDefaultSG',
      ]),
      valueFor: ({ id, type, attribute }) =>
        type === 'AWS::ApiGatewayV2::Api' && attribute === 'ApiEndpoint'
          ? // Its own host name is one that only the emulator knows.
            { 'Fn::Join': ['', [`${endpoint}/_aws/execute-api/`, { Ref: id }, '/$default']] }
          : values[`${type}.${attribute}`],
      change: ({ Resources }) => {
        // A trigger runs again when its function has a new version, and those of the emulator have no ARNs of their own.
        for (const { Type, Properties } of Object.values(Resources))
          if (Type === 'Custom::Trigger')
            Object.assign(Properties ?? {}, { Version: JSON.stringify(Properties?.['HandlerArn']) });
        // EventBridge puts text between quotes where the template has none; emulators may not.
        for (const { InputTransformer: input } of inputsIn(Resources))
          if (input) input.InputTemplate = input.InputTemplate.replaceAll(/:<(\w+)>/g, ':"<$1>"');
        for (const variables of environmentsIn(Resources)) {
          if ('DATABASE_HOST' in variables)
            Object.assign(variables, { DATABASE_TLS: 'off', DATABASE_NAME: pathname.slice(1) });
          // The emulator unpacks functions elsewhere than Lambda.
          if ('UNIVERSE' in variables) variables['UNIVERSE'] = SETTINGS.universe;
          if ('COINGECKO_PLAN' in variables) variables['COINGECKO_BASE_URL'] = simulator.baseUrl;
        }
      },
    };
    undo.push(() => emulator.destroy('Stack'));
    await emulator.cdk(['bootstrap', `aws://000000000000/${EMULATED_AWS.region}`]);
  }, 60_000);

  /** In place of what CloudFormation makes: as the template says, but for secret and address, which come with the stack. */
  async function createDestination() {
    const { ConnectionArn: connectionArn = '' } = await events.send(
      new CreateConnectionCommand({
        Name: CONNECTION,
        AuthorizationType: 'API_KEY',
        AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: 'Authorization', ApiKeyValue: 'comes with the stack' } },
      }),
    );
    undo.push(() => events.send(new DeleteConnectionCommand({ Name: CONNECTION })));
    const { ApiDestinationArn: destinationArn = '' } = await events.send(
      new CreateApiDestinationCommand({
        Name: DESTINATION,
        ConnectionArn: connectionArn,
        InvocationEndpoint: 'https://comes.with.the.stack',
        HttpMethod: 'POST',
        InvocationRateLimitPerSecond: 1,
      }),
    );
    undo.push(() => events.send(new DeleteApiDestinationCommand({ Name: DESTINATION })));
    return { connectionArn, destinationArn };
  }

  afterAll(async () => {
    for (const step of undo.reverse()) await step();
  }, 60_000);

  test('a first deploy whose migration fails is refused with the reason', async () => {
    await query('create table daily_prices (of_another_program text)');
    await expect(deploy({})).rejects.toThrow(/The migration 0001_tables failed, and was undone: .*already exists/);
    await query('drop table daily_prices');
  }, 300_000);

  test('the same once more, after its cause is gone, makes all that the emulator can make', async () => {
    await deploy({});
    // Attributes that the emulator drops without a word.
    const hasRedrive = 'RedrivePolicy' in (await attributesOf(await queueUrl(`runs${SUFFIX}.fifo`)));
    const leftOut = [...standIns.leftOut, ...(hasRedrive ? [] : ['AWS::SQS::Queue, its RedrivePolicy'])];
    console.log(`Left out, for the emulator can't make it or the test stands in for it:\n${leftOut.sort().join('\n')}`);
    expect(NEEDED.filter((type) => standIns.leftOut.has(type))).toEqual([]);
    await authorise(await currentSecret());
    await events.send(
      new UpdateApiDestinationCommand({ Name: DESTINATION, InvocationEndpoint: outputs['EndpointUrl'] }),
    );
  }, 300_000);

  test('it migrates, and the run that it queues stores each expected day', async () => {
    await expectRuns('deploy', 1);
    expect(await finalDays()).toEqual({ series: SERIES, days: SERIES * TRACKED_DAYS });
  }, 150_000);

  test('the rule fires, and the endpoint takes its call for the run of that moment', async () => {
    const [first] = await expectRuns('schedule', 1);
    expect(first?.trigger_key).toMatch(/^schedule:\d{4}-/);
  }, 150_000);

  test('the status function tells of it', async () => {
    expect(JSON.stringify(await emulator.invoke(`crypto-prices-status${SUFFIX}`, {}))).toContain('"status":"complete"');
  });

  test('a rotation gives endpoint and connection another secret, and no call is refused', async () => {
    const former = await currentSecret();
    const version = randomUUID();
    const step = (Step: string) =>
      emulator.invoke(`crypto-prices-rotate-secret${SUFFIX}`, {
        Step,
        SecretId: outputs['CronSecretArn'],
        ClientRequestToken: version,
      });
    // In place of Secrets Manager, which first makes a version that has no value yet.
    await secrets.send(
      new PutSecretValueCommand({
        SecretId: outputs['CronSecretArn'] ?? '',
        ClientRequestToken: version,
        SecretString: randomUUID(),
        VersionStages: ['AWSPENDING'],
      }),
    );
    for (const one of ['createSecret', 'setSecret', 'testSecret', 'finishSecret']) await step(one);

    expect(await currentSecret()).not.toBe(former);
    expect(await connectionState()).toBe('AUTHORIZED');
    expect([await health(former), await health(await currentSecret()), await health('neither')]).toEqual([
      200, 200, 401,
    ]);
    await expectRuns('schedule', (await runsBy('schedule')).length + 1);
  }, 240_000);

  test('a connection that EventBridge gave up is repaired, and a run queued in place of the refused call', async () => {
    await events.send(new DeauthorizeConnectionCommand({ Name: CONNECTION }));
    expect(await connectionState()).toBe('DEAUTHORIZED');
    // In place of EventBridge, whose own event no emulator sends.
    await events.send(
      new PutEventsCommand({
        Entries: [
          {
            Source: 'aws.events',
            DetailType: 'Connection Deauthorized',
            Detail: JSON.stringify({ ConnectionName: CONNECTION }),
          },
        ],
      }),
    );
    await eventually(async () => expect(await connectionState()).toBe('AUTHORIZED'));
    await expectRuns('repair', 1);
    await expectRuns('schedule', (await runsBy('schedule')).length + 1);
  }, 240_000);

  test('a second deploy changes what its settings say, keeps secret and data, and queues a run', async () => {
    const secret = await currentSecret();
    await deploy({ coingeckoRequestsPerMinute: '900' });
    expect(await workerVariables()).toMatchObject({ COINGECKO_REQUESTS_PER_MINUTE: '900' });
    expect(await currentSecret()).toBe(secret);
    await expectRuns('deploy', 2);
    expect(await finalDays()).toEqual({ series: SERIES, days: SERIES * TRACKED_DAYS });
  }, 240_000);

  test('a later deploy whose migration fails changes no worker, and the program before it goes on working', async () => {
    // Its tables are there, but nothing says so: making them again fails.
    await query('delete from crypto_prices_migration');
    const another = (migrations: LambdaFunction) => migrations.addEnvironment('PROGRAM', 'another');
    const failed = deploy({ coingeckoRequestsPerMinute: '800' }, another);
    await expect(failed).rejects.toThrow(/The migration \w+ failed, and was undone: .*already exists/);
    expect(await workerVariables()).toMatchObject({ COINGECKO_REQUESTS_PER_MINUTE: '900' });
    expect((await call('POST', await currentSecret())).status).toBe(202);
    await expectRuns('http', 1);
  }, 150_000);

  test('a message that no worker can work on is dead after five receives; moved back, its run is complete', async () => {
    const [runs, dead] = [await queueUrl(`runs${SUFFIX}.fifo`), await queueUrl(`runs-dead${SUFFIX}.fifo`)];
    const { QueueArn: deadLetterTargetArn = '' } = await attributesOf(dead);
    // In place of CloudFormation, whose own attribute the emulator drops. Five receives shall not take two hours.
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: MAX_RECEIVES });
    const attributes = { RedrivePolicy, VisibilityTimeout: '2' };
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: runs, Attributes: attributes }));
    const { QUEUE_URL, ...without } = (await workerVariables()) ?? {};
    const worker = `crypto-prices-worker${SUFFIX}`;
    await emulator.setVariables(worker, without);
    expect((await call('POST', await currentSecret())).status).toBe(202);
    await eventually(async () =>
      expect(Number((await attributesOf(dead))['ApproximateNumberOfMessages'])).toBeGreaterThan(0),
    );
    await emulator.setVariables(worker, { ...without, QUEUE_URL: QUEUE_URL ?? '' });
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: runs, Attributes: { VisibilityTimeout: '1200' } }));
    expect(await redrive({ ...EMULATED_AWS, endpoint }, runs)).not.toEqual([]);
    await expectRuns('http', 2);
  }, 240_000);

  test('no message is left, in any queue', async () => {
    for (const name of [`runs${SUFFIX}.fifo`, `runs-dead${SUFFIX}.fifo`, `undelivered${SUFFIX}`]) {
      const url = await queueUrl(name);
      await eventually(async () => {
        const found = await attributesOf(url);
        const { ApproximateNumberOfMessages: waiting, ApproximateNumberOfMessagesNotVisible: hidden } = found;
        expect({ name, waiting, hidden }).toEqual({ name, waiting: '0', hidden: '0' });
      });
    }
  }, 150_000);

  // By the API: by the ARN, which cdk destroy gives, some emulators delete nothing.
  test('the stack can be taken away, with its queues and functions', async () => {
    await emulator.destroy('Stack');
    await eventually(async () => {
      await expect(queueUrl(`runs${SUFFIX}.fifo`)).rejects.toThrow();
      expect(await workerVariables()).toBeUndefined();
    });
  }, 150_000);
}

type Target = { readonly InputTransformer?: { InputTemplate: string } };

const inputsIn = (resources: DeployedTemplate['Resources']): Target[] =>
  Object.values(resources).flatMap(({ Type, Properties }) =>
    Type === 'AWS::Events::Rule' ? (Properties?.['Targets'] as Target[]) : [],
  );

const environmentsIn = (resources: DeployedTemplate['Resources']): Record<string, unknown>[] =>
  Object.values(resources).flatMap(({ Type, Properties }) => {
    const { Variables } = (Properties?.['Environment'] ?? {}) as { Variables?: Record<string, unknown> };
    return Type === 'AWS::Lambda::Function' && Variables ? [Variables] : [];
  });

const eventually = <Result>(attempt: () => Promise<Result>): Promise<Result> =>
  retryUntil(systemClock.monotonicMs() + 90_000, attempt, {
    everyMs: 1_000,
    clock: systemClock,
    isWaitedFor: () => true,
  });
