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

/** What every function may do: its own log, its traces. */
const own = (construct: string) => [
  `logs:CreateLogStream on ${construct}FunctionLog`,
  `logs:PutLogEvents on ${construct}FunctionLog`,
  'xray:PutTelemetryRecords on *',
  'xray:PutTraceSegments on *',
];

/** What a function in the VPC needs besides: Lambda places it with the function's own role. */
const placement = [
  'ec2:AssignPrivateIpAddresses on *',
  'ec2:CreateNetworkInterface on *',
  'ec2:DeleteNetworkInterface on *',
  'ec2:DescribeNetworkInterfaces on *',
  'ec2:DescribeSubnets on *',
  'ec2:UnassignPrivateIpAddresses on *',
];

const reading = (secret: string) => [
  `secretsmanager:DescribeSecret on ${secret}`,
  `secretsmanager:GetSecretValue on ${secret}`,
];

const COPIES =
  'arn:AWS::Partition:secretsmanager:AWS::Region:AWS::AccountId:secret:events!connection/crypto-dashboard-auth/*';

/** EventBridge keeps the connection's value in a secret, on behalf of whoever gives it one. */
const updatingTheConnection = [
  ...['CronSecretConnection', 'CronSecretConnection.ArnForPolicy'].flatMap((arn) => [
    `events:DescribeConnection on ${arn}`,
    `events:UpdateConnection on ${arn}`,
  ]),
  ...['CreateSecret', 'DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecret'].map(
    (action) => `secretsmanager:${action} on ${COPIES}`,
  ),
];

const GRANTS: Readonly<Record<FunctionName, string[]>> = {
  trigger: [
    ...own('Endpoint'),
    ...reading('CronSecret'),
    'sqs:SendMessage on QueuesRuns',
    'sqs:GetQueueAttributes on QueuesRuns',
  ],
  worker: [
    ...own('Worker'),
    ...placement,
    ...reading('DatabaseInstance.MasterUserSecret.SecretArn'),
    ...reading('CoingeckoKey'),
    'sqs:ChangeMessageVisibility on QueuesRuns',
    'sqs:DeleteMessage on QueuesRuns',
    'sqs:GetQueueAttributes on QueuesRuns',
    'sqs:GetQueueUrl on QueuesRuns',
    'sqs:ReceiveMessage on QueuesRuns',
    'sqs:SendMessage on QueuesRuns',
    'sqs:SendMessage on QueuesDeadRuns',
  ],
  migrate: [...own('Migrations'), ...placement, ...reading('DatabaseInstance.MasterUserSecret.SecretArn')],
  status: [...own('Status'), ...placement, ...reading('DatabaseInstance.MasterUserSecret.SecretArn')],
  'rotate-secret': [
    ...own('CronSecretRotation'),
    ...updatingTheConnection,
    ...reading('CronSecret'),
    'secretsmanager:PutSecretValue on CronSecret',
    'secretsmanager:UpdateSecretVersionStage on CronSecret',
  ],
  'repair-connection': [
    ...own('ConnectionRepair'),
    ...updatingTheConnection,
    ...reading('CronSecret'),
    'sqs:SendMessage on QueuesRuns',
  ],
  'queue-run': [...own('DeployRun'), 'sqs:SendMessage on QueuesRuns'],
  'alarm-webhook': [
    ...own('AlarmWebhook'),
    ...reading('arn:AWS::Partition:secretsmanager:AWS::Region:AWS::AccountId:secret:crypto-prices-webhook-??????'),
  ],
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
    expect(Properties.PolicyDocument.Statement).toEqual([
      {
        Effect: 'Allow',
        Action: 'events:InvokeApiDestination',
        Resource: { 'Fn::GetAtt': [resource(prod, 'AWS::Events::ApiDestination').id, 'Arn'] },
      },
    ]);
  });
});

describe('who reaches the database', () => {
  type Ingress = {
    GroupId: unknown;
    SourceSecurityGroupId?: unknown;
    CidrIp?: string;
    FromPort: number;
    ToPort: number;
  };

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

  test.each(STAGES)("in %s, this stack's functions alone", (stage) => {
    expect(openTo(stage)).toEqual(['DatabaseFunctionsSecurityGroup']);
  });

  test('and the clients that the settings name', () => {
    expect(openTo('custom')).toEqual(['10.20.0.0/16', '10.30.0.0/24', 'DatabaseFunctionsSecurityGroup', 'sg-0a1b2c3d']);
  });

  test("the functions themselves reach the database's port and HTTPS", () => {
    const group = resource(prod, 'AWS::EC2::SecurityGroup', 'DatabaseFunctions').Properties;
    expect(group.SecurityGroupIngress).toBeUndefined();
    expect(group.SecurityGroupEgress.map(({ FromPort, ToPort }: Ingress) => [FromPort, ToPort])).toEqual([[443, 443]]);
    const { Properties: rule } = resource(prod, 'AWS::EC2::SecurityGroupEgress');
    expect([nameOf(rule.DestinationSecurityGroupId), rule.FromPort, rule.ToPort]).toEqual([
      'DatabaseSecurityGroup',
      5432,
      5432,
    ]);
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
