import { describe, expect, test } from '@jest/globals';
import { configOf, DEPLOYMENT_NAMES, DEPLOYMENTS, WEBHOOK } from './deployments.ts';
import { resourcesOf, synthesised, templateOf } from './templates.ts';

describe.each(DEPLOYMENT_NAMES)('the template of %s', (name) => {
  const template = templateOf(name);

  test("passes AWS's own review (cdk-nag, AwsSolutions) and CDK's rules", () => {
    expect(synthesised(name).refusal).toBeNull();
  });

  test('has no sign beyond ASCII: some services refuse a description with one, when it is too late', () => {
    expect(JSON.stringify(template).match(/.{0,30}[^\n\x20-\x7e].{0,30}/g)).toBeNull();
  });

  test("has a log group for each function, CDK's own included; no log is kept for ever or outlives the stack", () => {
    const { logRetentionDays } = configOf(DEPLOYMENTS[name]);
    const groups = resourcesOf(template, 'AWS::Logs::LogGroup');
    for (const group of Object.values(groups)) {
      expect(group).toMatchObject({ DeletionPolicy: 'Delete', Properties: { RetentionInDays: logRetentionDays } });
    }
    const functions = Object.entries(resourcesOf(template, 'AWS::Lambda::Function'));
    const logsOf = functions.map(([id, { Properties }]) => [id, Properties.LoggingConfig?.LogGroup?.Ref in groups]);
    expect(logsOf).toEqual(functions.map(([id]) => [id, true]));
    // A late line must not bring back a group that is gone.
    expect(JSON.stringify(template)).not.toMatch(/logs:(CreateLogGroup|\*)|AWSLambda\w+ExecutionRole/);
  });
});

test.each([
  ['a queue that anybody may call (cdk-nag)', 'AwsSolutions-SQS4'],
  ["a property of a wrong type (CDK's rules, as cdk.json sets them)", "'soon' is not of type 'integer'"],
  ['a reference to nothing', "'Nowhere' is not one of"],
  ['a resource that waits for itself', 'Circular dependency with [Circle -> Circle]'],
])('what is refused ends the synthesis: %s', (_, reason) => {
  expect(synthesised('broken').refusal).toContain(reason);
});

test('every name and every metric of a second deployment of a stage is its own', () => {
  const { suffix, deployment } = configOf(DEPLOYMENTS.longest);
  const template = JSON.stringify(templateOf('longest'));
  const names = [...template.matchAll(/crypto-(?:prices|dashboard)-[\w-]+/g)]
    .map(([name]) => name)
    .filter((name) => !name.startsWith(WEBHOOK));
  expect(names.length).toBeGreaterThan(30);
  // The dashboard's goes on with the region.
  expect(names.filter((name) => !name.replace(/-$/, '').endsWith(suffix))).toEqual([]);
  // What Lambda and EventBridge take.
  expect(names.filter((name) => name.length > 64)).toEqual([]);
  const stages = [...template.matchAll(/"Name":"stage","Value":"([\w-]+)"|"STAGE":"([\w-]+)"/g)].map(
    ([, dimension, variable]) => dimension ?? variable,
  );
  expect([...new Set(stages)]).toEqual([deployment]);
});
