import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  CreateApiDestinationCommand,
  CreateConnectionCommand,
  DeleteApiDestinationCommand,
  DeleteConnectionCommand,
  DeleteRuleCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { CreateQueueCommand, DeleteQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import pg from 'pg';
import type { HttpResponse } from '../../functions/trigger/http-response.ts';
import { ENDPOINT_PATH } from '../../ingestion/contract/names.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { startHttpApi } from '../../local/stack/http-api.ts';
import { pollQueue } from '../../local/stack/queue-poller.ts';
import { startSimulator } from '../../simulator/server.ts';
import { createStack, type FunctionName, functionOf, resource } from '../infrastructure/synthesise.ts';
import { invokeHandler } from '../support/invoke-handler.ts';
import { sqsEvent } from '../support/sqs-event.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { DEFAULT_UNIVERSE, writeUniverse } from '../support/universe.ts';

const emulator = process.env['AWS_ENDPOINT_URL'];

const UNIVERSE = { coins: DEFAULT_UNIVERSE.coins.slice(0, 2), currencies: DEFAULT_UNIVERSE.currencies.slice(0, 2) };
const TRACKED_DAYS = 30;

/** A deployment whose schedule is due within the minute. */
const SETTINGS = {
  stage: 'staging',
  schedule: 'rate(1 minute)',
  coingeckoPlan: 'public',
  coingeckoRequestsPerMinute: '1000',
  universe: writeUniverse(UNIVERSE),
};

type Invoke = (event: unknown) => Promise<unknown>;

const AWS = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };

if (emulator === undefined) {
  test.skip('the deploy rehearsal was NOT RUN: set AWS_ENDPOINT_URL to the address of an AWS emulator', () => {});
} else {
  describe('what the template says, deployed by hand to an AWS emulator', () => rehearse(emulator));
}

function rehearse(endpoint: string): void {
  const sqs = new SQSClient({ ...AWS, endpoint });
  const secrets = new SecretsManagerClient({ ...AWS, endpoint });
  const events = new EventBridgeClient({ ...AWS, endpoint });
  const folder = mkdtempSync(join(tmpdir(), 'crypto-prices-rehearsal-'));
  const template = (() => {
    const { app, stack } = createStack(SETTINGS, { bundlesIn: folder });
    app.synth();
    return Template.fromStack(stack);
  })();

  /** What the emulator, or this test in place of AWS, made of the resources: their Ref and attributes. */
  const made = new Map<string, Record<string, string>>();
  const undo: (() => Promise<unknown>)[] = [() => Promise.resolve(rmSync(folder, { recursive: true }))];
  const calls: { status: number; body: unknown }[] = [];
  const firstHop = Promise.withResolvers<void>();
  let database: TestDatabase;
  let status: Invoke;

  /** Resolves references as CloudFormation does. */
  function resolve(value: unknown): string {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
    const [[intrinsic, argument] = []] = Object.entries(value as Record<string, unknown>);
    if (intrinsic === 'Fn::Join') {
      const [separator, parts] = argument as [string, unknown[]];
      return parts.map(resolve).join(separator);
    }
    const [id, attribute] = intrinsic === 'Ref' ? [argument as string, 'Ref'] : (argument as [string, string]);
    const found = made.get(id)?.[attribute];
    if (found === undefined) throw new Error(`The template refers to ${id}.${attribute}, which was not made here.`);
    return found;
  }

  async function createSecret(idPrefix: string, value?: string): Promise<void> {
    const { id } = resource(template, 'AWS::SecretsManager::Secret', idPrefix);
    made.set(id, { Ref: await putSecret(value) });
  }

  async function putSecret(value?: string): Promise<string> {
    const { ARN: arn = '' } = await secrets.send(
      new CreateSecretCommand({ Name: randomUUID(), ...(value === undefined ? {} : { SecretString: value }) }),
    );
    undo.push(() => secrets.send(new DeleteSecretCommand({ SecretId: arn, ForceDeleteWithoutRecovery: true })));
    return arn;
  }

  async function createQueue(idPrefix: string): Promise<string> {
    const { id, Properties } = resource(template, 'AWS::SQS::Queue', idPrefix);
    const { QueueName, RedrivePolicy, ...attributes } = Properties;
    const { QueueUrl: url = '' } = await sqs.send(
      new CreateQueueCommand({
        QueueName,
        Attributes: {
          ...Object.fromEntries(
            Object.entries(attributes)
              .filter(([name]) => name !== 'Tags')
              .map(([name, value]) => [name, resolve(value)]),
          ),
          ...(RedrivePolicy
            ? {
                RedrivePolicy: JSON.stringify({
                  ...RedrivePolicy,
                  deadLetterTargetArn: resolve(RedrivePolicy.deadLetterTargetArn),
                }),
              }
            : {}),
        },
      }),
    );
    undo.push(() => sqs.send(new DeleteQueueCommand({ QueueUrl: url })));
    const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] });
    const { Attributes: { QueueArn: arn = '' } = {} } = await sqs.send(command);
    made.set(id, { Ref: url, Arn: arn });
    return url;
  }

  /**
   * Invokes the synthesised bundle, with the environment that the template gives it.
   * @param stoodIn variables of what no emulator has.
   */
  function functionWith(name: FunctionName, stoodIn: Record<string, string>): Invoke {
    const { Properties, Metadata } = functionOf(template, name);
    const variables = Object.entries(Properties.Environment.Variables).map(([key, value]) => [key, resolve(value)]);
    const bundle = pathToFileURL(join(folder, Metadata?.['aws:asset:path'] ?? '', 'index.mjs'));
    const environment = {
      ...Object.fromEntries(variables),
      // What Lambda sets.
      AWS_REGION: AWS.region,
      AWS_ACCESS_KEY_ID: AWS.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: AWS.credentials.secretAccessKey,
      AWS_ENDPOINT_URL: endpoint,
      ...stoodIn,
    };
    return async (event) => {
      const [{ result, error } = {}] = await invokeHandler(bundle.href, [event], environment);
      if (error !== undefined) throw new Error(`The function ${name} failed: ${error}`);
      return result;
    };
  }

  async function createSchedule(): Promise<void> {
    const { id: connectionId, Properties: connection } = resource(template, 'AWS::Events::Connection');
    const { ApiKeyName, ApiKeyValue } = connection.AuthParameters.ApiKeyAuthParameters;
    const { ConnectionArn = '' } = await events.send(
      new CreateConnectionCommand({
        Name: connection.Name,
        AuthorizationType: connection.AuthorizationType,
        AuthParameters: {
          ApiKeyAuthParameters: { ApiKeyName, ApiKeyValue: await resolveSecret(resolve(ApiKeyValue)) },
        },
      }),
    );
    undo.push(() => events.send(new DeleteConnectionCommand({ Name: connection.Name })));
    made.set(connectionId, { Arn: ConnectionArn });

    const { id: destinationId, Properties: destination } = resource(template, 'AWS::Events::ApiDestination');
    const { ApiDestinationArn = '' } = await events.send(
      new CreateApiDestinationCommand({
        Name: destination.Name,
        ConnectionArn: resolve(destination.ConnectionArn),
        InvocationEndpoint: resolve(destination.InvocationEndpoint),
        HttpMethod: destination.HttpMethod,
        InvocationRateLimitPerSecond: destination.InvocationRateLimitPerSecond,
      }),
    );
    undo.push(() => events.send(new DeleteApiDestinationCommand({ Name: destination.Name })));
    made.set(destinationId, { Arn: ApiDestinationArn });

    const { Properties: rule } = resource(template, 'AWS::Events::Rule', 'Schedule');
    const [target] = rule.Targets;
    await events.send(
      new PutRuleCommand({ Name: rule.Name, ScheduleExpression: rule.ScheduleExpression, State: rule.State }),
    );
    await events.send(
      new PutTargetsCommand({
        Rule: rule.Name,
        Targets: [
          {
            Id: target.Id,
            Arn: resolve(target.Arn),
            RoleArn: 'arn:aws:iam::000000000000:role/events',
            RetryPolicy: target.RetryPolicy,
            DeadLetterConfig: { Arn: resolve(target.DeadLetterConfig.Arn) },
            InputTransformer: {
              InputPathsMap: target.InputTransformer.InputPathsMap,
              // EventBridge puts text between quotes where the template has none; emulators may not.
              InputTemplate: target.InputTransformer.InputTemplate.replaceAll(/:<(\w+)>/g, ':"<$1>"'),
            },
          },
        ],
      }),
    );
    undo.push(async () => {
      await events.send(new RemoveTargetsCommand({ Rule: rule.Name, Ids: [target.Id] }));
      await events.send(new DeleteRuleCommand({ Name: rule.Name }));
    });
  }

  /** Replaces a dynamic reference by the secret's value, as CloudFormation does. */
  async function resolveSecret(text: string): Promise<string> {
    const reference = /\{\{resolve:secretsmanager:(.+):SecretString:::\}\}/.exec(text);
    if (!reference) throw new Error(`The connection's value holds no reference to a secret: ${text}`);
    const { SecretString: value = '' } = await secrets.send(new GetSecretValueCommand({ SecretId: reference[1] }));
    return text.replace(reference[0], value);
  }

  beforeAll(async () => {
    database = await createTestDatabase({ isEmpty: true });
    undo.push(database.drop);
    const { hostname, port, pathname, username, password } = new URL(database.url);
    const simulator = await startSimulator({ plan: null, universe: UNIVERSE });
    undo.push(simulator.close);

    // RDS and its password are no emulator's: the test's PostgreSQL takes their place.
    const login = { username: decodeURIComponent(username), password: decodeURIComponent(password) || 'none' };
    made.set(resource(template, 'AWS::RDS::DBInstance').id, {
      'Endpoint.Address': hostname,
      'Endpoint.Port': port,
      'MasterUserSecret.SecretArn': await putSecret(JSON.stringify(login)),
    });
    await createSecret('CronSecret', randomUUID());
    await createSecret('CoingeckoKey');
    await createQueue('QueuesDeadRuns');
    const queueUrl = await createQueue('QueuesRuns');
    await createQueue('ScheduleUndelivered');

    const stoodIn = { COINGECKO_BASE_URL: simulator.baseUrl, DATABASE_TLS: 'off', DATABASE_NAME: pathname.slice(1) };
    await functionWith('migrate', stoodIn)({});
    status = functionWith('status', stoodIn);
    const trigger = functionWith('trigger', stoodIn);
    const api = await startHttpApi({
      port: 0,
      routes: {
        [ENDPOINT_PATH]: async (event) => {
          const answer = (await trigger(event)) as HttpResponse;
          calls.push({ status: answer.statusCode, body: JSON.parse(answer.body) });
          return answer;
        },
      },
      onError: firstHop.reject,
    });
    undo.push(api.close);
    made.set(resource(template, 'AWS::ApiGatewayV2::Api').id, { ApiEndpoint: api.url });

    const worker = functionWith('worker', stoodIn);
    const stopPolling = pollQueue({
      client: sqs,
      queueUrl,
      clock: systemClock,
      async handle(delivery) {
        const { batchItemFailures } = (await worker(sqsEvent(delivery))) as { batchItemFailures: unknown[] };
        firstHop.resolve();
        return batchItemFailures.length === 0;
      },
      onError: firstHop.reject,
    });
    undo.push(stopPolling);
    await createSchedule();
    await firstHop.promise;
    // Its message is deleted now.
    await stopPolling();
  }, 180_000);

  afterAll(async () => {
    for (const step of undo.reverse()) await step();
  }, 60_000);

  test('the rule fires, and the endpoint takes its call for the run of that moment', () => {
    expect(calls).toEqual([
      { status: 202, body: { success: true, data: expect.objectContaining({ runId: expect.any(String) }) } },
    ]);
  });

  test('the run is complete, and its final rows are in PostgreSQL', async () => {
    const client = new pg.Client(database.url);
    await client.connect();
    try {
      const runs = await client.query('select trigger, trigger_key, status, missing_days from ingestion_runs');
      expect(runs.rows).toEqual([
        {
          trigger: 'schedule',
          trigger_key: expect.stringMatching(/^schedule:\d{4}-/),
          status: 'complete',
          missing_days: 0,
        },
      ]);
      const prices = await client.query(
        'select coin_id, currency, count(*)::int as days from daily_prices where is_final group by 1, 2 order by 1, 2',
      );
      expect(prices.rows).toEqual(
        UNIVERSE.coins
          .flatMap(({ id }) =>
            UNIVERSE.currencies.map(({ code }) => ({ coin_id: id, currency: code, days: TRACKED_DAYS })),
          )
          .toSorted((one, other) =>
            `${one.coin_id}/${one.currency}`.localeCompare(`${other.coin_id}/${other.currency}`),
          ),
      );
    } finally {
      await client.end();
    }
  });

  test('the status function tells of it', async () => {
    expect(JSON.stringify(await status({}))).toContain('"status":"complete"');
  });

  test('no message is left, in any queue', async () => {
    for (const idPrefix of ['QueuesRuns', 'QueuesDeadRuns', 'ScheduleUndelivered']) {
      const { id } = resource(template, 'AWS::SQS::Queue', idPrefix);
      const {
        Attributes: { ApproximateNumberOfMessages: waiting, ApproximateNumberOfMessagesNotVisible: hidden } = {},
      } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: made.get(id)?.['Ref'], AttributeNames: ['All'] }));
      expect([waiting, hidden]).toEqual(['0', '0']);
    }
  });
}
