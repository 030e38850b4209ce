// The synthesised templates, as JSON. Whoever asks first has them made, by a process of its own: in Jest, CDK would be
// loaded anew for every test file.
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { DeploymentName } from './deployments.ts';

export type Resource = {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: CloudFormation's properties, read where they are asserted.
  readonly Properties: any;
  readonly DependsOn?: readonly string[];
  readonly Metadata?: Readonly<Record<string, string>>;
  readonly DeletionPolicy?: string;
};

export type Template = {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<Record<string, { readonly Value: unknown }>>;
  readonly Parameters?: Readonly<Record<string, unknown>>;
};

export type Synthesised = {
  readonly template: Template;
  /** What synth tells, as `level: text`. */
  readonly messages: readonly string[];
  readonly terminationProtection: boolean;
  readonly tags: Readonly<Record<string, string>>;
  /** Where it goes: `aws://ACCOUNT/REGION`. */
  readonly environment: string;
  /** Why synth failed, or null. */
  readonly refusal: string | null;
};

/** In a folder that goes with the test run. */
const FOLDER = process.env['TEST_TEMPLATES'] ?? '';
const MADE = join(FOLDER, 'made');
const FAILED = join(FOLDER, 'failed');

if (isFirst()) makeTemplates();
while (!existsSync(MADE)) {
  if (existsSync(FAILED)) throw new Error(`The templates can't be synthesised:\n${readFileSync(FAILED, 'utf8')}`);
  await setTimeout(50);
}

function isFirst(): boolean {
  try {
    closeSync(openSync(join(FOLDER, 'lock'), 'wx'));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function makeTemplates(): void {
  try {
    const unfinished = join(FOLDER, 'unfinished');
    execFileSync(process.execPath, ['test/infrastructure/synthesise.ts', unfinished], { stdio: 'pipe' });
    renameSync(unfinished, MADE);
  } catch (error) {
    writeFileSync(FAILED, (error as Error).message);
  }
}

/** @param name `again` and `nextCommit` are `webhook` once more; `broken` is what a review, and CDK's own rules, must refuse. */
export const synthesised = (name: DeploymentName | 'again' | 'nextCommit' | 'broken'): Synthesised =>
  JSON.parse(readFileSync(join(MADE, `${name}.json`), 'utf8'));

export const templateOf = (name: Parameters<typeof synthesised>[0]): Template => synthesised(name).template;

/** @returns the resources of a type by their logical ids. */
export const resourcesOf = ({ Resources }: Template, type: string): Record<string, Resource> =>
  Object.fromEntries(Object.entries(Resources).filter(([, { Type }]) => Type === type));

/** @returns the properties of the resources of a type. */
export const propertiesOf = (template: Template, type: string): Resource['Properties'][] =>
  Object.values(resourcesOf(template, type)).map(({ Properties }) => Properties);

/** @returns the one resource of the type whose logical id begins so. */
export function resource(template: Template, type: string, idPrefix = ''): Resource & { readonly id: string } {
  const found = Object.entries(resourcesOf(template, type)).filter(([id]) => id.startsWith(idPrefix));
  const [only] = found;
  if (found.length !== 1 || !only) {
    throw new Error(`Expected one ${type} named ${idPrefix}…, found ${found.map(([id]) => id).join(', ') || 'none'}.`);
  }
  return { id: only[0], ...only[1] };
}

/** @returns a maker of tests: what the one resource of the type is given, whose logical id begins so. */
export const testsOf = (template: Template) => (sentence: string, type: string, idPrefix: string, properties: object) =>
  test(sentence, () => expect(resource(template, `AWS::${type}`, idPrefix).Properties).toMatchObject(properties));

/** The constructs that make a function, by the function's folder. */
export const FUNCTIONS = {
  trigger: 'Endpoint',
  worker: 'Worker',
  migrate: 'Migrations',
  status: 'Status',
  'rotate-secret': 'CronSecretRotation',
  'repair-connection': 'ConnectionRepair',
  'queue-run': 'DeployRun',
  'alarm-webhook': 'AlarmWebhook',
} as const;

export type FunctionName = keyof typeof FUNCTIONS;

export const functionOf = (template: Template, name: FunctionName): Resource & { readonly id: string } =>
  resource(template, 'AWS::Lambda::Function', `${FUNCTIONS[name]}Function`);

export type Statement = { readonly Effect: string; readonly Action: string | string[]; readonly Resource: unknown };

/** @returns what a function's role may do, as `action on resource`, the resource as the logical ids in it. */
export function grantsOf(template: Template, name: FunctionName): string[] {
  const { Properties } = resource(template, 'AWS::IAM::Policy', `${FUNCTIONS[name]}Function`);
  const statements: Statement[] = Properties.PolicyDocument.Statement;
  return statements
    .flatMap(({ Action, Resource: on }) =>
      [Action].flat().flatMap((action) => [on].flat().map((one) => `${action} on ${nameOf(one)}`)),
    )
    .sort();
}

/** What most references to an attribute are to. They are shown by the logical id alone. */
const PLAIN_ATTRIBUTES: readonly unknown[] = ['Arn', 'GroupId'];

/** @returns the logical id, without its hash, that a reference names; joined text with the names in it; other text as it is. */
export function nameOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[intrinsic, argument] = []] = Object.entries(value as Record<string, unknown>);
  if (intrinsic === 'Ref') return withoutHash(String(argument));
  const [first, second] = argument as [string, unknown[]];
  if (intrinsic === 'Fn::Join') return second.map(nameOf).join(first);
  return PLAIN_ATTRIBUTES.includes(second) ? withoutHash(first) : `${withoutHash(first)}.${second}`;
}

const withoutHash = (logicalId: string): string => logicalId.replace(/[0-9A-F]{8}$/, '');
