// Synthesises all deployments into a folder: node test/infrastructure/synthesise.ts FOLDER
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, type AppProps, CfnResource, Stack, Validations } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks } from 'cdk-nag';
import { CryptoPricesStack } from '../../lib/crypto-prices-stack.ts';
import { configOf, DEPLOYMENTS } from './deployments.ts';
import type { Synthesised } from './templates.ts';

const { context } = JSON.parse(readFileSync('cdk.json', 'utf8')) as { context: Record<string, unknown> };

/**
 * @param bundlesIn where the functions' bundles are written, and named in the template. Without it there are none.
 * @param commit tells one deploy from another.
 * @returns the stack in an app of its own, with cdk.json's context. CDK's own rules, which take a second for each, look at
 *   what `npm run synth` makes.
 */
export function createStack(
  settings: Record<string, string>,
  { bundlesIn, commit = 'a commit', ...props }: { bundlesIn?: string; commit?: string } & AppProps,
): { app: App; stack: CryptoPricesStack } {
  const app = new App({
    context: {
      ...context,
      ...(bundlesIn ? { 'aws:cdk:enable-asset-metadata': true } : { 'aws:cdk:bundling-stacks': [] }),
    },
    treeMetadata: false,
    builtinCloudFormationValidation: false,
    ...props,
    ...(bundlesIn ? { outdir: bundlesIn } : {}),
  });
  return { app, stack: new CryptoPricesStack(app, 'Stack', configOf(settings), commit) };
}

function synthesise({ app, stack }: { app: App; stack: Stack }): Synthesised {
  // Each acknowledgement stands in lib/, with its reason, beside what it is about. This pack makes the app throw at synth.
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const { terminationProtection = false } = stack;
  try {
    const { template, messages, environment, tags } = app.synth().getStackArtifact(stack.artifactId);
    const told = messages.map(({ level, entry }) => `${level}: ${entry.data}`);
    return { template, messages: told, terminationProtection, tags, environment: environment.name, refusal: null };
  } catch (error) {
    const report = readFileSync(join(app.outdir, 'validation-report.json'), 'utf8');
    const refusal = `${(error as Error).message}: ${report}`;
    return { template: { Resources: {} }, messages: [], terminationProtection, tags: {}, environment: '', refusal };
  }
}

if (import.meta.main) {
  const [, , folder = ''] = process.argv;
  mkdirSync(folder);
  const outdir = join(folder, 'cdk.out');
  const write = (name: string, stack: { app: App; stack: Stack }) =>
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(synthesise(stack)));
  for (const [name, settings] of Object.entries(DEPLOYMENTS)) {
    // These two are most unlike production. Production itself is looked at by `npm run synth`.
    const builtinCloudFormationValidation = name === 'dev' || name === 'custom';
    write(name, createStack(settings, { outdir, builtinCloudFormationValidation }));
  }
  write('again', createStack(DEPLOYMENTS.webhook, { outdir }));
  write('nextCommit', createStack(DEPLOYMENTS.webhook, { outdir, commit: 'the next' }));
  const app = new App({ context, treeMetadata: false, outdir });
  const broken = { app, stack: new Stack(app, 'Stack') };
  new Queue(broken.stack, 'Open');
  new CfnResource(broken.stack, 'Circle', {
    type: 'AWS::SQS::Queue',
    properties: { DelaySeconds: 'soon', KmsMasterKeyId: { Ref: 'Nowhere' }, QueueName: { Ref: 'Circle' } },
  });
  write('broken', broken);
}
