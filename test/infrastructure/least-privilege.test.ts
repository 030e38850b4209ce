import { describe, expect, test } from '@jest/globals';
import { DEPLOYMENT_NAMES, type DeploymentName, STAGES } from './deployments.ts';
import {
  type FunctionName,
  grantsOf,
  nameOf,
  propertiesOf,
  resource,
  resourcesOf,
  type Statement,
  templateOf,
} from './templates.ts';

const prod = templateOf('webhook');

/** @returns grants as `grantsOf` shows them. */
const on = (name: string, ...actions: string[]) => actions.map((action) => `${action} on ${name}`);

/** What every function may do: its own log, its traces. */
const own = (construct: string) => [
  ...on(`${construct}FunctionLog`, 'logs:CreateLogStream', 'logs:PutLogEvents'),
  ...on('*', 'xray:PutTelemetryRecords', 'xray:PutTraceSegments'),
];

const reading = (secret: string) => on(secret, 'secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue');

/** What a function in the VPC needs besides: Lambda places it with the function's own role. */
const usingTheDatabase = [
  ...on('*', 'ec2:AssignPrivateIpAddresses', 'ec2:UnassignPrivateIpAddresses', 'ec2:DescribeSubnets'),
  ...on('*', 'ec2:CreateNetworkInterface', 'ec2:DeleteNetworkInterface', 'ec2:DescribeNetworkInterfaces'),
  ...reading('DatabaseInstance.MasterUserSecret.SecretArn'),
];

const SECRETS = 'arn:AWS::Partition:secretsmanager:AWS::Region:AWS::AccountId:secret';

/** EventBridge keeps the connection's value in a secret, on behalf of whoever gives it one. */
const updatingTheConnection = [
  ...on('CronSecretConnection', 'events:DescribeConnection', 'events:UpdateConnection'),
  ...on('CronSecretConnection.ArnForPolicy', 'events:DescribeConnection', 'events:UpdateConnection'),
  ...['CreateSecret', 'DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecret'].flatMap((action) =>
    on(`${SECRETS}:events!connection/crypto-dashboard-auth/*`, `secretsmanager:${action}`),
  ),
];

const GRANTS: Readonly<Record<FunctionName, string[]>> = {
  trigger: [
    ...own('Endpoint'),
    ...reading('CronSecret'),
    ...on('QueuesRuns', 'sqs:SendMessage', 'sqs:GetQueueAttributes'),
  ],
  worker: [
    ...own('Worker'),
    ...usingTheDatabase,
    ...reading('CoingeckoKey'),
    ...on('QueuesRuns', 'sqs:ChangeMessageVisibility', 'sqs:DeleteMessage', 'sqs:ReceiveMessage', 'sqs:SendMessage'),
    ...on('QueuesRuns', 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl'),
    ...on('QueuesDeadRuns', 'sqs:SendMessage'),
  ],
  migrate: [...own('Migrations'), ...usingTheDatabase],
  status: [...own('Status'), ...usingTheDatabase],
  'rotate-secret': [
    ...own('CronSecretRotation'),
    ...updatingTheConnection,
    ...reading('CronSecret'),
    ...on('CronSecret', 'secretsmanager:PutSecretValue', 'secretsmanager:UpdateSecretVersionStage'),
  ],
  'repair-connection': [
    ...own('ConnectionRepair'),
    ...updatingTheConnection,
    ...reading('CronSecret'),
    ...on('QueuesRuns', 'sqs:SendMessage'),
  ],
  'queue-run': [...own('DeployRun'), ...on('QueuesRuns', 'sqs:SendMessage')],
  'alarm-webhook': [...own('AlarmWebhook'), ...reading(`${SECRETS}:crypto-prices-webhook-??????`)],
};

describe('what each function may do, and nothing else', () => {
  test.each(Object.entries(GRANTS))('%s', (name, grants) => {
    expect(grantsOf(prod, name as FunctionName)).toEqual(grants.sort());
  });

  test.each(DEPLOYMENT_NAMES)('in %s, no role has a policy of AWS', (name) => {
    const roles = Object.entries(resourcesOf(templateOf(name), 'AWS::IAM::Role'));
    expect(roles.filter(([, { Properties }]) => Properties.ManagedPolicyArns).map(([id]) => id)).toEqual([]);
  });

  test('no action is a *, save for denials and for the account on its own key', () => {
    const statements = Object.values(prod.Resources)
      .filter(({ Type }) => Type !== 'AWS::KMS::Key')
      .flatMap(({ Properties = {} }) => Object.values<{ Statement?: Statement[] }>(Properties))
      .flatMap((value) => value?.Statement ?? [])
      .filter(({ Effect }) => Effect === 'Allow');
    expect(statements.length).toBeGreaterThan(20);
    expect(statements.filter(({ Action }) => [Action].flat().some((action) => action.includes('*')))).toEqual([]);
  });

  test('EventBridge may call the one API destination', () => {
    const { Properties } = resource(prod, 'AWS::IAM::Policy', 'ScheduleDestination');
    const Resource = { 'Fn::GetAtt': [resource(prod, 'AWS::Events::ApiDestination').id, 'Arn'] };
    const { Statement } = Properties.PolicyDocument;
    expect(Statement).toEqual([{ Effect: 'Allow', Action: 'events:InvokeApiDestination', Resource }]);
  });
});

describe('who reaches the database', () => {
  type Ports = { FromPort: number; ToPort: number };
  type Ingress = Ports & { GroupId: unknown; SourceSecurityGroupId?: unknown; CidrIp?: string };

  /** @returns whoever a group lets in, by the rules in it and beside it. */
  function openTo(name: DeploymentName): unknown[] {
    const template = templateOf(name);
    const group = resource(template, 'AWS::EC2::SecurityGroup', 'DatabaseSecurityGroup');
    const beside = propertiesOf(template, 'AWS::EC2::SecurityGroupIngress');
    const inside: Ingress[] = group.Properties.SecurityGroupIngress ?? [];
    const rules = [...inside, ...beside.filter(({ GroupId }) => nameOf(GroupId) === 'DatabaseSecurityGroup')];
    expect(rules.every(({ FromPort, ToPort }) => FromPort === 5432 && ToPort === 5432)).toBe(true);
    return rules.map(({ SourceSecurityGroupId, CidrIp }) => CidrIp ?? nameOf(SourceSecurityGroupId)).sort();
  }

  test.each([
    ...STAGES.map((stage) => [stage, []] as const),
    ['custom', ['10.20.0.0/16', '10.30.0.0/24', 'sg-0a1b2c3d']],
  ] as const)("in %s, this stack's functions, and the clients that the settings name: %j", (name, clients) => {
    expect(openTo(name)).toEqual([...clients, 'DatabaseFunctionsSecurityGroup'].sort());
  });

  test("the functions themselves reach the database's port and HTTPS", () => {
    const group = resource(prod, 'AWS::EC2::SecurityGroup', 'DatabaseFunctions').Properties;
    expect(group.SecurityGroupIngress).toBeUndefined();
    expect(group.SecurityGroupEgress.map(({ FromPort, ToPort }: Ports) => [FromPort, ToPort])).toEqual([[443, 443]]);
    const { Properties: rule } = resource(prod, 'AWS::EC2::SecurityGroupEgress');
    expect(rule).toMatchObject({ FromPort: 5432, ToPort: 5432 });
    expect(nameOf(rule.DestinationSecurityGroupId)).toBe('DatabaseSecurityGroup');
  });
});

describe('encryption', () => {
  const OVER_PLAIN_HTTP = { Bool: { 'aws:SecureTransport': 'false' } };

  test('every queue is encrypted and refuses plain HTTP', () => {
    const policies = propertiesOf(prod, 'AWS::SQS::QueuePolicy');
    for (const [id, { Properties }] of Object.entries(resourcesOf(prod, 'AWS::SQS::Queue'))) {
      expect(Properties.SqsManagedSseEnabled).toBe(true);
      const { PolicyDocument } = policies.find(({ Queues: [queue] }) => queue.Ref === id);
      expect(PolicyDocument.Statement).toContainEqual(
        expect.objectContaining({ Effect: 'Deny', Action: 'sqs:*', Condition: OVER_PLAIN_HTTP }),
      );
    }
  });

  test('the topic refuses plain HTTP, and its key and its policy let the alarms of this account publish', () => {
    const alarms = {
      Effect: 'Allow',
      Principal: { Service: 'cloudwatch.amazonaws.com' },
      Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
    };
    const key = resource(prod, 'AWS::KMS::Key');
    expect(resource(prod, 'AWS::SNS::Topic').Properties.KmsMasterKeyId).toEqual({ 'Fn::GetAtt': [key.id, 'Arn'] });
    expect(key.Properties.KeyPolicy.Statement).toContainEqual({
      ...alarms,
      Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      Resource: '*',
    });
    expect(resource(prod, 'AWS::SNS::TopicPolicy').Properties.PolicyDocument.Statement).toEqual([
      expect.objectContaining({ Effect: 'Deny', Condition: OVER_PLAIN_HTTP }),
      expect.objectContaining({ ...alarms, Action: 'sns:Publish' }),
    ]);
  });
});
