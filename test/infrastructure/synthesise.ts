import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { CryptoPricesStack } from '../../lib/crypto-prices-stack.ts';
import { readConfig, type StackConfig, type StageName } from '../../lib/stage-config.ts';

export const STAGES: readonly StageName[] = ['dev', 'staging', 'prod'];

/** What the settings files say when they are new. Those of the project are the user's to change. */
export const STAGE_SETTINGS: Readonly<Record<StageName, Record<string, unknown>>> = {
  dev: { schedule: 'none', network: 'nat-instance', databaseBackupDays: 1, logRetentionDays: 14 },
  staging: { schedule: 'rate(12 hours)', network: 'nat-instance', databaseBackupDays: 1, logRetentionDays: 30 },
  prod: {
    schedule: 'cron(0 2 * * ? *)',
    alarmMails: 'none',
    network: 'nat-gateway',
    databaseBackupDays: 14,
    logRetentionDays: 90,
  },
};

/** @returns a stage's settings with these overrides, as `-c` gives them. */
export const configOf = (overrides: Record<string, unknown>): StackConfig =>
  readConfig(overrides, {}, (stage) => STAGE_SETTINGS[stage]);

export type Resource = {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: CloudFormation's properties, read where they are asserted.
  readonly Properties: any;
  readonly DependsOn?: readonly string[];
  readonly Metadata?: Readonly<Record<string, string>>;
  readonly DeletionPolicy?: string;
};

/** CDK would leave an output folder behind for each app. */
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'crypto-prices-templates-'));
  folders.push(folder);
  return folder;
}

const { context } = JSON.parse(readFileSync('cdk.json', 'utf8')) as { context: Record<string, unknown> };

/**
 * @param options.bundlesIn where the bundles are written, and named in the template; without it there are none.
 * @param options.deployId tells one deploy from another.
 * @param options.isValidated whether synth throws where CDK's own rules find an error. The first time costs a test file
 *   three seconds, each further one a quarter.
 * @returns the stack in an app of its own, with cdk.json's context.
 */
export function createStack(
  settings: Record<string, string>,
  options: { bundlesIn?: string; deployId?: string; isValidated?: boolean } = {},
): { app: App; stack: CryptoPricesStack } {
  const { bundlesIn, deployId = 'a deploy', isValidated = false } = options;
  const app = new App({
    context: {
      ...context,
      ...(bundlesIn ? { 'aws:cdk:enable-asset-metadata': true } : { 'aws:cdk:bundling-stacks': [] }),
    },
    treeMetadata: false,
    builtinCloudFormationValidation: isValidated,
    outdir: bundlesIn ?? newFolder(),
  });
  const stack = new CryptoPricesStack(app, 'Stack', { config: configOf(settings), deployId });
  return { app, stack };
}

/** A stack that has everything there is. */
export const WITH_WEBHOOK = { alarmWebhookSecretName: 'crypto-prices-webhook' };

const templates = new Map<string, Template>();

/** @returns the template of these settings, synthesised once in a test file. */
export function templateOf(settings: Record<string, string>): Template {
  const key = JSON.stringify(settings);
  const template = templates.get(key) ?? Template.fromStack(createStack(settings).stack);
  templates.set(key, template);
  return template;
}

/** @returns the resources of a type by their logical ids. */
export const resourcesOf = (template: Template, type: string): Record<string, Resource> =>
  template.findResources(type) as Record<string, Resource>;

/** @returns the one resource of the type whose logical id begins so. */
export function resource(template: Template, type: string, idPrefix = ''): Resource & { readonly id: string } {
  const found = Object.entries(resourcesOf(template, type)).filter(([id]) => id.startsWith(idPrefix));
  const [only] = found;
  if (found.length !== 1 || !only) {
    throw new Error(`Expected one ${type} named ${idPrefix}…, found ${found.map(([id]) => id).join(', ') || 'none'}.`);
  }
  return { id: only[0], ...only[1] };
}

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
