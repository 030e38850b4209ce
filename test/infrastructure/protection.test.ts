import { describe, expect, test } from '@jest/globals';
import { DEPLOYMENT_NAMES, type DeploymentName } from './deployments.ts';
import { nameOf, propertiesOf, resource, synthesised, templateOf } from './templates.ts';

const ROLE = 'aws iam create-service-linked-role --aws-service-name rds.amazonaws.com';

const prod = templateOf('prod');
const { Resources } = prod;

/** @returns the calls that a custom resource makes, by the event that makes it. */
const callsOf = (idPrefix: string) => {
  const { Properties } = resource(prod, 'Custom::AWS', idPrefix);
  return Object.fromEntries(
    ['Create', 'Update', 'Delete'].flatMap((event) =>
      Properties[event] === undefined ? [] : [[event, JSON.parse(withNames(Properties[event]))]],
    ),
  );
};

/** The text with the names of resources in place of references to them. */
const withNames = (text: unknown): string => (typeof text === 'string' ? text : nameOf(text));

/** @returns all that a resource waits for, directly or not. */
function waitsFor(id: string, seen = new Set<string>()): Set<string> {
  for (const next of [Resources[id]?.DependsOn ?? []].flat()) {
    if (seen.has(next)) continue;
    seen.add(next);
    waitsFor(next, seen);
  }
  return seen;
}

describe('a first deploy that fails can be repeated, since', () => {
  test('nothing in the template keeps stack or database from being deleted', () => {
    expect(synthesised('prod').terminationProtection).toBe(false);
    expect(resource(prod, 'AWS::RDS::DBInstance').Properties.DeletionProtection).toBeUndefined();
    expect(Object.values(Resources).filter(({ DeletionPolicy }) => DeletionPolicy === 'Retain')).toEqual([]);
  });

  test('all else is there before the database is protected, and the stack comes last', () => {
    const database = resource(prod, 'Custom::AWS', 'ProtectionDatabase');
    const stack = resource(prod, 'Custom::AWS', 'ProtectionStack');
    const first = waitsFor(database.id);
    // What the two steps need for themselves, they refer to.
    const others = Object.keys(Resources).filter((id) => !/^(Protection|AWS679|CDKMetadata)/.test(id));
    expect(others.length).toBeGreaterThan(100);
    expect(others.filter((id) => !first.has(id))).toEqual([]);
    expect(waitsFor(stack.id)).toContain(database.id);
  });
});

describe('after a first success', () => {
  test('the database is protected once, and not when it is to be deleted', () => {
    expect(callsOf('ProtectionDatabase')).toEqual({
      Create: expect.objectContaining({
        service: 'rds',
        action: 'ModifyDBInstance',
        parameters: { DBInstanceIdentifier: 'DatabaseInstance', DeletionProtection: true },
      }),
    });
  });

  test('the stack is protected by each deploy, since the CLI takes it away at its beginning', () => {
    const call = expect.objectContaining({
      service: 'cloudformation',
      action: 'UpdateTerminationProtection',
      parameters: { StackName: 'AWS::StackId', EnableTerminationProtection: true },
      physicalResourceId: { id: expect.stringMatching(/^stack [0-9a-f]{16}$/) },
    });
    expect(callsOf('ProtectionStack')).toEqual({ Create: call, Update: call });
  });

  test('the two calls are all that the step may make', () => {
    const { Statement } = resource(prod, 'AWS::IAM::Policy', 'ProtectionRole').Properties.PolicyDocument;
    expect(
      Statement.map(({ Action, Resource }: { Action: unknown; Resource: unknown }) => [Action, nameOf(Resource)]),
    ).toEqual([
      [['logs:CreateLogStream', 'logs:PutLogEvents'], 'ProtectionLog'],
      ['rds:ModifyDBInstance', expect.stringMatching(/:db:DatabaseInstance$/)],
      ['cloudformation:UpdateTerminationProtection', 'AWS::StackId'],
    ]);
  });
});

test.each<[DeploymentName, string, string]>([
  ...DEPLOYMENT_NAMES.map((name) => [name, 'the role of RDS', ROLE] as [DeploymentName, string, string]),
  ['prod', 'the backups that a free plan refuses', 'set databaseBackupDays to 1'],
  ['dev', 'the instance that it refuses', 'set natInstance to t4g.micro'],
  ['custom', 'what RDS asks of a larger storage', 'RDS takes it only if it is 10 % more than is allocated'],
  ['custom', 'the mail that waits to be confirmed', 'Alarms reach a@example.com, b@example.com only once confirmed'],
  ['prod', 'alarms that reach nobody', 'No alarm reaches anybody: put "alarmMails"'],
  ['webhook', 'alarms by webhook only', 'No alarm reaches anybody while the webhook is out of order: put'],
  ['scheduledDev', 'what holds for this deploy alone', 'warning: network is "nat-gateway" for this deploy alone'],
])('what would fail after 20 minutes is told at synth: in %s, %s', (name, _, told) => {
  expect(synthesised(name).messages.join('\n')).toContain(told);
});

test.each<[DeploymentName, string]>([
  ['dev', 'set databaseBackupDays'],
  ['prod', 'databaseStorageGib'],
  ['prod', 'set natInstance'],
  ['custom', 'set natInstance'],
  ['prod', 'only once confirmed'],
  ['custom', 'No alarm reaches anybody'],
])('what does not concern it is not told: in %s, %s', (name, text) => {
  expect(synthesised(name).messages.join('\n')).not.toContain(text);
});

test('a stage goes to the account and region of its settings and nowhere else, or wherever the shell points', () => {
  expect(synthesised('custom').environment).toBe('aws://123456789012/eu-central-1');
  expect(synthesised('prod').environment).toBe('aws://unknown-account/unknown-region');
});

test("the user's own tags stand beside those of the stack", () => {
  expect(synthesised('custom').tags).toEqual({ team: 'data', application: 'crypto-prices', stage: 'prod' });
});

test.each(['dev', 'staging'] as const)('%s is protected by nothing', (stage) => {
  expect(propertiesOf(templateOf(stage), 'Custom::AWS')).toEqual([]);
});
