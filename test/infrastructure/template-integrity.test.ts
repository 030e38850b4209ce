import { describe, expect, test } from '@jest/globals';
import { configOf, DEPLOYMENT_NAMES, DEPLOYMENTS, WEBHOOK } from './deployments.ts';
import { resourcesOf, synthesised, templateOf } from './templates.ts';

/** @returns the names that a piece of a template refers to: by Ref, Fn::GetAtt, Fn::Sub and DependsOn. */
function referencesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, argument]) => {
    if (key === 'Ref') return [String(argument)];
    if (key === 'Fn::GetAtt') return [String([argument].flat()[0])];
    if (key === 'DependsOn') return [argument].flat().map(String);
    if (key === 'Fn::Sub')
      return [...JSON.stringify(argument).matchAll(/\$\{(\w[\w:]*)/g)].map(([, name]) => String(name));
    return referencesIn(argument);
  });
}

/** @returns a circle of resources that wait for each other; null where there is none. */
function circleIn(resources: Readonly<Record<string, unknown>>): string[] | null {
  const done = new Set<string>();
  function visit(id: string, path: readonly string[]): string[] | null {
    if (path.includes(id)) return [...path.slice(path.indexOf(id)), id];
    if (done.has(id) || !(id in resources)) return null;
    for (const next of referencesIn(resources[id])) {
      const circle = visit(next, [...path, id]);
      if (circle) return circle;
    }
    done.add(id);
    return null;
  }
  for (const id of Object.keys(resources)) {
    const circle = visit(id, []);
    if (circle) return circle;
  }
  return null;
}

describe.each(DEPLOYMENT_NAMES)('the template of %s', (name) => {
  const template = templateOf(name);

  test("passes AWS's own review (cdk-nag, AwsSolutions)", () => {
    expect(synthesised(name).refusal).toBeNull();
  });

  test('refers to nothing that it does not have', () => {
    const known = new Set([...Object.keys(template.Resources), ...Object.keys(template.Parameters ?? {})]);
    const references = referencesIn([template.Resources, template.Outputs]);
    expect(references.length).toBeGreaterThan(100);
    expect(references.filter((name) => !known.has(name) && !name.startsWith('AWS::'))).toEqual([]);
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

  test('can be deployed in some order: nothing waits for itself', () => {
    expect(circleIn(template.Resources)).toBeNull();
  });
});

test.each([
  ['the review would find a queue that anybody may call', 'openQueue', 'AwsSolutions-SQS4'],
  ["CDK's own rules, as cdk.json sets them, find a property of a wrong type", 'wrongProperty', "DelaySeconds: 'soon'"],
] as const)('what is refused ends the synthesis: %s', (_, name, reason) => {
  expect(synthesised(name).refusal).toContain(reason);
});

test('every name and every metric of a second deployment of a stage is its own', () => {
  const { suffix, deployment } = configOf(DEPLOYMENTS.longest);
  const template = JSON.stringify(templateOf('longest'));
  const names = [...template.matchAll(/crypto-(?:prices|dashboard)-[\w-]+/g)]
    .map(([name]) => name)
    .filter((name) => !name.startsWith(WEBHOOK));
  expect(names.length).toBeGreaterThan(30);
  expect(names.filter((name) => !name.endsWith(suffix))).toEqual([]);
  // What Lambda and EventBridge take.
  expect(names.filter((name) => name.length > 64)).toEqual([]);
  const stages = [...template.matchAll(/"Name":"stage","Value":"([\w-]+)"|"STAGE":"([\w-]+)"/g)].map(
    ([, dimension, variable]) => dimension ?? variable,
  );
  expect([...new Set(stages)]).toEqual([deployment]);
});

test('a circle would be found', () => {
  const resources = {
    A: { DependsOn: ['B'] },
    B: { Properties: { Of: { 'Fn::GetAtt': ['C', 'Arn'] } } },
    C: { DependsOn: 'A' },
  };
  expect(circleIn(resources)).toEqual(['A', 'B', 'C', 'A']);
});
