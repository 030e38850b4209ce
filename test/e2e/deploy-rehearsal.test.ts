import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
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
import type { App } from 'aws-cdk-lib';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import pg from 'pg';
import { MAX_RECEIVES } from '../../ingestion/contract/limits.ts';
import { retryUntil } from '../../ingestion/retry-until.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { redrive } from '../../local/stack/move-dead-letters.ts';
import { startSimulator } from '../../simulator/server.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { DEFAULT_UNIVERSE, writeUniverse } from '../support/universe.ts';

const address = process.env['AWS_ENDPOINT_URL'];
/** Any account will do: an emulator has them all. */
const EMULATED_AWS = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };

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

type TemplateResource = { readonly Type: string; Properties?: Record<string, unknown>; DependsOn?: string | string[] };

/** A template as CDK writes it. */
type DeployedTemplate = { Resources: Record<string, TemplateResource> };

/**
 * What stands in for the parts of AWS that an emulator lacks.
 * @property leftOut the resource types that CloudFormation is not given. Those that the emulator refuses are added.
 * @property valueFor gives what a reference to a resource becomes, `Ref` or an attribute; undefined where it stays.
 * @property change changes the template after that.
 */
type StandIns = {
  readonly leftOut: Set<string>;
  readonly valueFor: (resource: { id: string; type: string; attribute: string }) => unknown;
  readonly change: (template: DeployedTemplate) => void;
};

type Emulator = {
  /** Runs CDK's command line against the emulator. @throws with what it printed. */
  cdk(args: readonly string[]): Promise<string>;
  /** A stack whose first deploy failed is deleted. @returns the outputs of the stack. @throws what the command line printed, where anything fails but an unknown type. */
  deploy(app: App, standIns: StandIns): Promise<Record<string, string>>;
  /** Deletes the stack, with all that it made. */
  destroy(stackName: string): Promise<void>;
  /** @returns a function's environment. */
  variablesOf(functionName: string): Promise<Record<string, string> | undefined>;
  /** Gives a function another environment. */
  setVariables(functionName: string, variables: Record<string, string>): Promise<void>;
  /** Calls a function as the console does. @throws what the function threw. */
  invoke(functionName: string, event: unknown): Promise<unknown>;
};

const UNKNOWN_TYPE = /Unsupported resource type:? (AWS::\w+::\w+)/g;

/** @param folder where the command line may write. */
function useEmulator(endpoint: string, folder: string): Emulator {
  async function cdk(args: readonly string[]): Promise<string> {
    const { region, credentials } = EMULATED_AWS;
    const command = join(process.cwd(), 'node_modules/aws-cdk/bin/cdk');
    const { stdout } = await promisify(execFile)(process.execPath, [command, ...args, '--ci', '--no-notices'], {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        AWS_ENDPOINT_URL: endpoint,
        AWS_REGION: region,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_EC2_METADATA_DISABLED: 'true',
      },
      maxBuffer: 64 * 1024 ** 2,
      timeout: 180_000,
    }).catch((error: Error & { stdout?: string; stderr?: string }) => {
      throw new Error(`cdk ${args[0]} failed:\n${error.stdout ?? ''}\n${error.stderr ?? error.message}`);
    });
    return stdout;
  }

  /** The command line names a stack by its ARN, by which some emulators delete nothing. */
  async function destroy(stackName: string): Promise<void> {
    const scope = `20260101/${EMULATED_AWS.region}/cloudformation/aws4_request`;
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: {
        authorization: `AWS4-HMAC-SHA256 Credential=test/${scope}, SignedHeaders=host, Signature=none`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ Action: 'DeleteStack', StackName: stackName, Version: '2010-05-15' }),
    });
    if (!response.ok) throw new Error(`The emulator did not delete ${stackName}: ${await response.text()}`);
  }

  let isThere = false;
  return {
    cdk,
    destroy,

    async deploy(app, standIns) {
      const { directory, stacks } = app.synth();
      const [stack] = stacks;
      if (!stack) throw new Error('The app has no stack.');
      const original = readFileSync(stack.templateFullPath, 'utf8');
      const outputs = join(directory, 'outputs.json');
      for (;;) {
        const template: DeployedTemplate = standIn(JSON.parse(original), standIns);
        standIns.change(template);
        replaceTemplate(directory, stack.templateFile, JSON.stringify(template));
        try {
          // In some emulators the rollback of an update deletes what earlier deploys made.
          const flags = ['--require-approval=never', '--method=direct', ...(isThere ? ['--no-rollback'] : [])];
          await cdk(['deploy', '--app', directory, '--outputs-file', outputs, ...flags]);
          isThere = true;
          return JSON.parse(readFileSync(outputs, 'utf8'))[stack.stackName];
        } catch (error) {
          if (!isThere) await destroy(stack.stackName);
          const refused = [...String(error).matchAll(UNKNOWN_TYPE)].map(([, type = '']) => type);
          if (refused.length === 0) throw error;
          for (const type of refused) standIns.leftOut.add(type);
        }
      }
    },

    async variablesOf(functionName) {
      const response = await fetch(`${endpoint}/2015-03-31/functions/${functionName}/configuration`);
      const { Environment } = (await response.json()) as { Environment?: { Variables: Record<string, string> } };
      return Environment?.Variables;
    },

    async setVariables(functionName, Variables) {
      const url = `${endpoint}/2015-03-31/functions/${functionName}/configuration`;
      const body = JSON.stringify({ Environment: { Variables } });
      const response = await fetch(url, { method: 'PUT', body });
      if (!response.ok) throw new Error(`The environment of ${functionName} was not set: ${await response.text()}`);
    },

    async invoke(functionName, event) {
      const response = await fetch(`${endpoint}/2015-03-31/functions/${functionName}/invocations`, {
        method: 'POST',
        body: JSON.stringify(event),
      });
      const answer = await response.text();
      if (!response.ok || response.headers.has('x-amz-function-error')) {
        throw new Error(`The function ${functionName} failed: ${answer}`);
      }
      return answer === '' ? undefined : JSON.parse(answer);
    },
  };
}

/** @returns the template without the types that are left out, and with values in place of references. */
function standIn({ Resources, ...rest }: DeployedTemplate, { leftOut, valueFor }: StandIns): DeployedTemplate {
  const isKept = (id: string): boolean => !leftOut.has(Resources[id]?.Type ?? '');

  function resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(resolve);
    if (typeof value !== 'object' || value === null) return value;
    const [[intrinsic, argument] = []] = Object.entries(value);
    const [id, attribute] =
      intrinsic === 'Ref' ? [argument, 'Ref'] : intrinsic === 'Fn::GetAtt' ? (argument as string[]) : [];
    const type = Resources[id]?.Type;
    if (type === undefined) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolve(one)]));
    const stoodIn = valueFor({ id, type, attribute: attribute ?? '' });
    return stoodIn ?? (isKept(id) ? value : `left-out-${id}`);
  }

  const kept = Object.entries(Resources).filter(([id]) => isKept(id));
  return {
    ...(resolve(rest) as object),
    Resources: Object.fromEntries(
      kept.map(([id, { Properties, DependsOn = [], ...resource }]) => [
        id,
        {
          ...resource,
          Properties: resolve(Properties) as Record<string, unknown>,
          DependsOn: [DependsOn].flat().filter(isKept),
        },
      ]),
    ),
  };
}

/** Under a new name too: a template whose name is in the bucket is not uploaded again. */
function replaceTemplate(directory: string, file: string, text: string): void {
  writeFileSync(join(directory, file), text);
  const manifests = ['manifest.json', file.replace('.template.json', '.assets.json')];
  const [, former = ''] = /\/(\w{64})\.json/.exec(readFileSync(join(directory, 'manifest.json'), 'utf8')) ?? [];
  const hash = createHash('sha256').update(text).digest('hex');
  for (const manifest of manifests) {
    const path = join(directory, manifest);
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(former, hash));
  }
}
