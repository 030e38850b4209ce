import { describe, expect, test } from '@jest/globals';
import {
  FUNCTIONS,
  type FunctionName,
  functionOf,
  nameOf,
  propertiesOf,
  resource,
  templateOf,
  testsOf,
} from './templates.ts';

const prod = templateOf('webhook');
const staging = templateOf('staging');
const dev = templateOf('dev');

/** Ids of which some begin so. */
const startingWith = (...prefixes: string[]) =>
  expect.arrayContaining(prefixes.map((prefix) => expect.stringMatching(`^${prefix}`)));

describe('the schedule', () => {
  test.each([
    ['prod', prod, '', 'cron(0 2 * * ? *)'],
    ['staging', staging, '-staging', 'rate(12 hours)'],
    ['dev with a schedule', templateOf('scheduledDev'), '-dev-alice', 'rate(166 hours)'],
  ])('in %s the rule calls the API destination', (_, template, suffix, expression) => {
    expect(resource(template, 'AWS::Events::Rule', 'Schedule').Properties).toMatchObject({
      Name: `crypto-dashboard-daily-fetch${suffix}`,
      ScheduleExpression: expression,
      State: 'ENABLED',
    });
    expect(resource(template, 'AWS::Events::ApiDestination').Properties).toMatchObject({
      Name: `crypto-dashboard-api${suffix}`,
      HttpMethod: 'POST',
      InvocationRateLimitPerSecond: 1,
      InvocationEndpoint: { 'Fn::Join': ['', [expect.anything(), '/api/cron/fetch-data']] },
    });
    expect(resource(template, 'AWS::Events::Connection').Properties.Name).toBe(`crypto-dashboard-auth${suffix}`);
  });

  test('dev has no rule and no run at deploy, but the connection that a rotation needs', () => {
    const rules = propertiesOf(dev, 'AWS::Events::Rule').map(({ Name }) => Name);
    expect(rules).toEqual(['crypto-prices-connection-deauthorized-dev']);
    expect(propertiesOf(dev, 'AWS::Events::ApiDestination')).toEqual([]);
    expect(propertiesOf(dev, 'Custom::Trigger')).toHaveLength(1);
    expect(resource(dev, 'AWS::Events::Connection').Properties.Name).toBe('crypto-dashboard-auth-dev');
  });

  test("the call's body tells the moment that the schedule meant", () => {
    const [target] = resource(prod, 'AWS::Events::Rule', 'Schedule').Properties.Targets;
    expect(target.InputTransformer).toEqual({
      InputPathsMap: { time: '$.time' },
      InputTemplate: '{"source":"aws.events","detail-type":"Scheduled Event","triggered_at":<time>}',
    });
  });

  test('a call is retried 3 times within the hour, then kept in a standard queue that EventBridge may write to', () => {
    const rule = resource(prod, 'AWS::Events::Rule', 'Schedule');
    const [target] = rule.Properties.Targets;
    expect(target.RetryPolicy).toEqual({ MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 3 });
    const queue = resource(prod, 'AWS::SQS::Queue', 'ScheduleUndelivered');
    expect(target.DeadLetterConfig.Arn).toEqual({ 'Fn::GetAtt': [queue.id, 'Arn'] });
    expect(queue.Properties.FifoQueue).toBeUndefined();
    const policy = propertiesOf(prod, 'AWS::SQS::QueuePolicy').find(({ Queues: [one] }) => one.Ref === queue.id);
    expect(policy.PolicyDocument.Statement).toContainEqual(
      expect.objectContaining({
        Effect: 'Allow',
        Action: 'sqs:SendMessage',
        Principal: { Service: 'events.amazonaws.com' },
        Resource: { 'Fn::GetAtt': [queue.id, 'Arn'] },
        Condition: { ArnEquals: { 'aws:SourceArn': { 'Fn::GetAtt': [rule.id, 'Arn'] } } },
      }),
    );
  });

  test("the connection sends the secret as a bearer token, and the template doesn't hold it", () => {
    const { Properties } = resource(prod, 'AWS::Events::Connection');
    expect(Properties.AuthorizationType).toBe('API_KEY');
    const secret = resource(prod, 'AWS::SecretsManager::Secret', 'CronSecret');
    expect(Properties.AuthParameters.ApiKeyAuthParameters).toEqual({
      ApiKeyName: 'Authorization',
      ApiKeyValue: {
        'Fn::Join': ['', ['Bearer {{resolve:secretsmanager:', { Ref: secret.id }, ':SecretString:::}}']],
      },
    });
  });
});

const queue = resource(prod, 'AWS::SQS::Queue', 'QueuesRuns');
const dead = resource(prod, 'AWS::SQS::Queue', 'QueuesDeadRuns');
const FIFO = { FifoQueue: true, MessageRetentionPeriod: 14 * 24 * 3600, QueueName: expect.stringMatching(/\.fifo$/) };
const arnOf = ({ id }: { id: string }) => ({ 'Fn::GetAtt': [id, 'Arn'] });

/** Tests what the one resource of the type is given. */
const has = testsOf(prod);

has('the endpoint has one path', 'ApiGatewayV2::Route', '', { RouteKey: 'ANY /api/cron/fetch-data' });
has('the trigger gets a call in the form that it reads', 'ApiGatewayV2::Integration', '', {
  PayloadFormatVersion: '2.0',
});
has('calls are throttled before the function is called', 'ApiGatewayV2::Stage', '', {
  StageName: '$default',
  DefaultRouteSettings: { ThrottlingRateLimit: 5, ThrottlingBurstLimit: 10 },
});
has('the trigger is done before an API destination hangs up', 'Lambda::Function', 'Endpoint', { Timeout: 5 });
has(
  'a message stays hidden for longer than its worker may run, and its fifth receive without success is the last',
  'SQS::Queue',
  'QueuesRuns',
  {
    ...FIFO,
    VisibilityTimeout: 20 * 60,
    RedrivePolicy: { deadLetterTargetArn: arnOf(dead), maxReceiveCount: 5 },
  },
);
has('a worker ends before that', 'Lambda::Function', 'Worker', { Timeout: 15 * 60, RecursiveLoop: 'Allow' });
has('dead letters are kept in order, for 14 days', 'SQS::Queue', 'QueuesDeadRuns', FIFO);
has('the worker takes one message at a time, and says itself which failed', 'Lambda::EventSourceMapping', '', {
  EventSourceArn: arnOf(queue),
  FunctionName: { Ref: functionOf(prod, 'worker').id },
  BatchSize: 1,
  FunctionResponseTypes: ['ReportBatchItemFailures'],
});
has('the cron secret is generated, without signs that a header would mind', 'SecretsManager::Secret', 'CronSecret', {
  GenerateSecretString: { ExcludePunctuation: true, PasswordLength: 48 },
});
has('the cron secret is rotated every 90 days, and not by the first deploy', 'SecretsManager::RotationSchedule', '', {
  SecretId: { Ref: resource(prod, 'AWS::SecretsManager::Secret', 'CronSecret').id },
  RotationLambdaARN: arnOf(functionOf(prod, 'rotate-secret')),
  RotationRules: { ScheduleExpression: 'rate(90 days)' },
  RotateImmediatelyOnUpdate: false,
});
has("only this account's Secrets Manager may call the rotation", 'Lambda::Permission', 'CronSecretRotation', {
  FunctionName: arnOf(functionOf(prod, 'rotate-secret')),
  Principal: 'secretsmanager.amazonaws.com',
  SourceAccount: { Ref: 'AWS::AccountId' },
});
has('a connection that EventBridge gives up is repaired', 'Events::Rule', 'ConnectionRepair', {
  EventPattern: {
    source: ['aws.events'],
    'detail-type': ['Connection Deauthorized'],
    detail: { ConnectionName: ['crypto-dashboard-auth'] },
  },
  Targets: [{ Arn: arnOf(functionOf(prod, 'repair-connection')) }],
});

test("the endpoint's access log names the caller and not the secret", () => {
  const { AccessLogSettings: log } = resource(prod, 'AWS::ApiGatewayV2::Stage').Properties;
  expect(nameOf(log.DestinationArn)).toBe('EndpointAccessLog');
  const noted = Object.keys(JSON.parse(log.Format));
  expect(noted).toEqual(expect.arrayContaining(['requestId', 'sourceIp', 'method', 'path', 'status']));
  expect(log.Format.toLowerCase()).not.toContain('authorization');
});

test('one at a time comes from the queue: no function reserves concurrency', () => {
  expect(JSON.stringify(propertiesOf(prod, 'AWS::Lambda::Function'))).not.toContain('ReservedConcurrentExecutions');
});

describe('the functions', () => {
  const names = Object.keys(FUNCTIONS) as FunctionName[];

  test.each(names)('%s: Node 24 on arm64, JSON logs that expire, tracing', (name) => {
    const { Properties } = functionOf(prod, name);
    expect(Properties).toMatchObject({
      FunctionName: `crypto-prices-${name}`,
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      LoggingConfig: { LogFormat: 'JSON' },
      TracingConfig: { Mode: 'Active' },
      Environment: { Variables: { STAGE: 'prod' } },
    });
    // The trigger's caller hangs up after 5 s, and the maps take some of a cold start.
    const options = { trigger: undefined, worker: '--enable-source-maps --max-semi-space-size=8' };
    expect(Properties.Environment.Variables.NODE_OPTIONS).toBe(
      name in options ? options[name as keyof typeof options] : '--enable-source-maps',
    );
    const log = resource(prod, 'AWS::Logs::LogGroup', `${FUNCTIONS[name]}FunctionLog`);
    expect(Properties.LoggingConfig.LogGroup).toEqual({ Ref: log.id });
    expect(log.Properties).toMatchObject({ LogGroupName: `/aws/lambda/crypto-prices-${name}`, RetentionInDays: 90 });
  });

  test('those in the VPC reach the database: they verify its certificate, and read its password from a secret', () => {
    const users = names.filter((name) => functionOf(prod, name).Properties.VpcConfig !== undefined);
    expect(users).toEqual(['worker', 'migrate', 'status']);
    for (const name of users) {
      const { Environment, VpcConfig } = functionOf(prod, name).Properties;
      expect(VpcConfig.SecurityGroupIds.map(nameOf)).toEqual(['DatabaseFunctionsSecurityGroup']);
      const subnets = ['NetworkVpcPrivateSubnet1Subnet', 'NetworkVpcPrivateSubnet2Subnet'];
      expect(VpcConfig.SubnetIds.map(nameOf)).toEqual(subnets);
      expect(Environment.Variables).toMatchObject({
        NODE_EXTRA_CA_CERTS: '/var/runtime/ca-cert.pem',
        DATABASE_NAME: 'crypto_prices',
        DATABASE_SECRET_ID: { 'Fn::GetAtt': [expect.any(String), 'MasterUserSecret.SecretArn'] },
      });
      expect(Environment.Variables.DATABASE_TLS).toBeUndefined();
    }
  });

  test('the settings of the API and the universe reach the functions that need them', () => {
    const template = templateOf('custom');
    expect(functionOf(template, 'worker').Properties.Environment.Variables).toMatchObject({
      COINGECKO_PLAN: 'paid',
      COINGECKO_REQUESTS_PER_MINUTE: '500',
      COINGECKO_MONTHLY_CREDITS: '500000',
      COINGECKO_HISTORY_DAYS: '400',
      COINGECKO_CROSS_RATES: 'on',
      LATEST_PRICES: 'off',
      COINGECKO_BASE_URL: 'https://prices.example.com/api/v3',
    });
    for (const name of ['trigger', 'worker', 'status'] as const)
      expect(functionOf(template, name).Properties.Environment.Variables.UNIVERSE).toBe('/var/task/universe.json');
  });

  test("what isn't set is left to the program", () => {
    const variables = Object.keys(functionOf(prod, 'worker').Properties.Environment.Variables);
    expect(variables.filter((name) => /^COINGECKO_|^LATEST_PRICES$/.test(name))).toEqual(['COINGECKO_SECRET_ID']);
  });
});

describe('a deploy', () => {
  const dependenciesOf = (id: string) => prod.Resources[id]?.DependsOn ?? [];
  const trigger = (idPrefix: string) => resource(prod, 'Custom::Trigger', idPrefix);

  test('migrates after database and way out are there, and before the worker may run', () => {
    const migrations = trigger('Migrations');
    expect(migrations.DependsOn).toEqual(
      startingWith(
        ...['DatabaseInstance', 'DatabaseSecurityGroupfrom', 'NetworkVpcPublicSubnet1NATGateway'],
        ...['NetworkVpcPrivateSubnet1DefaultRoute', 'NetworkVpcPrivateSubnet2DefaultRoute'],
      ),
    );
    expect(dependenciesOf(resource(prod, 'AWS::Lambda::EventSourceMapping').id)).toContain(migrations.id);
    expect(dependenciesOf(functionOf(prod, 'worker').id)).toContain(migrations.id);
  });

  test('that takes functions away keeps their roles until their security group, and so their interfaces, are gone', () => {
    const { DependsOn } = resource(prod, 'AWS::EC2::SecurityGroup', 'DatabaseFunctions');
    const roles = ['Worker', 'Migrations', 'Status'].flatMap((name) => [
      `${name}FunctionRole`,
      `${name}FunctionRoleDefaultPolicy`,
    ]);
    expect(DependsOn).toEqual(startingWith(...roles.map((id) => `${id}\\w{8}$`)));
  });

  test('waits for the migrations as long as they may take, and fails with them', () => {
    const { Properties } = trigger('Migrations');
    const { Timeout } = functionOf(prod, 'migrate').Properties;
    expect(Timeout).toBe(14 * 60);
    expect(Properties).toMatchObject({ InvocationType: 'RequestResponse', Timeout: String(Timeout * 1000) });
  });

  test('ends by queueing a run, in stages with a schedule', () => {
    for (const template of [prod, staging]) {
      const source = resource(template, 'AWS::Lambda::EventSourceMapping');
      const first = [source.id, resource(template, 'Custom::Trigger', 'Migrations').id];
      const { DependsOn } = resource(template, 'Custom::Trigger', 'DeployRun');
      expect(DependsOn).toEqual(expect.arrayContaining(first));
    }
  });

  test('of the same commit is the same template; of another it changes the function that queues the run, and the last step', () => {
    expect(templateOf('again')).toEqual(prod);
    const { Resources } = templateOf('nextCommit');
    const propertiesIn = (resources: typeof Resources, id: string) => JSON.stringify(resources[id]?.Properties);
    const isChanged = (id: string) => propertiesIn(Resources, id) !== propertiesIn(prod.Resources, id);
    const { id } = functionOf(prod, 'queue-run');
    const changed = Object.keys({ ...prod.Resources, ...Resources }).filter(isChanged);
    expect(changed.map((one) => one.replace(/CurrentVersion.*/, '')).sort()).toEqual(
      expect.arrayContaining([id, resource(prod, 'Custom::AWS', 'ProtectionStack').id]),
    );
    expect(changed.filter((one) => !/^(DeployRun|ProtectionStack)/.test(one))).toEqual([]);
  });
});

describe('the secrets', () => {
  test('the schedule of the rotation waits for what its trial calls: the function, the permission, the endpoint', () => {
    expect(resource(prod, 'AWS::SecretsManager::RotationSchedule').DependsOn).toEqual(
      startingWith('CronSecretRotationFunctionRotate', 'EndpointStage', 'EndpointApiANYapicronfetchdata\\w{8}$'),
    );
  });

  test("CoinGecko's key is created without a value, and outlives the stack in prod", () => {
    const { Properties, DeletionPolicy } = resource(prod, 'AWS::SecretsManager::Secret', 'CoingeckoKey');
    expect(Properties.SecretString).toBeUndefined();
    expect(Properties.GenerateSecretString).toBeUndefined();
    expect(DeletionPolicy).toBe('RetainExceptOnCreate');
    expect(resource(dev, 'AWS::SecretsManager::Secret', 'CoingeckoKey').DeletionPolicy).toBe('Delete');
  });
});

describe('the outputs', () => {
  const { Outputs: outputs = {} } = prod;
  const textOf = (name: string) => JSON.stringify(outputs[name]?.Value);

  test('name what a person needs', () => {
    const names = `AskStatus ClientSecurityGroupId ClientSubnetId CoingeckoKeyArn CronSecretArn DashboardUrl DatabaseHost DatabaseName DatabasePort
      DatabaseSecretArn EndpointUrl FireRun QueueUrl SetCoingeckoKey VpcId`;
    expect(Object.keys(outputs).sort()).toEqual(names.split(/\s+/));
  });

  test('hold commands with the names of this stack', () => {
    expect(textOf('AskStatus')).toContain(functionOf(prod, 'status').id);
    expect(textOf('SetCoingeckoKey')).toContain(resource(prod, 'AWS::SecretsManager::Secret', 'CoingeckoKey').id);
    expect(textOf('FireRun')).toContain(resource(prod, 'AWS::SecretsManager::Secret', 'CronSecret').id);
    expect(textOf('DashboardUrl')).toContain('#dashboards/dashboard/crypto-prices-runs-');
  });

  test('where mails are named, confirm one so that no scanner of mail can unsubscribe', () => {
    const { Value } = templateOf('custom').Outputs?.['ConfirmMail'] ?? {};
    expect(JSON.stringify(Value)).toContain('--authenticate-on-unsubscribe true');
    expect(textOf('ConfirmMail')).toBeUndefined();
  });

  test('hold no secret, not even by reference', () => {
    expect(JSON.stringify(outputs)).not.toContain('{{resolve');
  });
});
