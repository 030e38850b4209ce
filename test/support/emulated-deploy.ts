import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { App } from 'aws-cdk-lib';

/** Any account will do: an emulator has them all. */
export const EMULATED_AWS = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };

type TemplateResource = { readonly Type: string; Properties?: Record<string, unknown>; DependsOn?: string | string[] };

/** A template as CDK writes it. */
export type DeployedTemplate = { Resources: Record<string, TemplateResource> };

/**
 * What stands in for the parts of AWS that an emulator lacks.
 * @property leftOut the resource types that CloudFormation is not given. Those that the emulator refuses are added.
 * @property valueFor gives what a reference to a resource becomes, `Ref` or an attribute; undefined where it stays.
 * @property change changes the template after that.
 */
export type StandIns = {
  readonly leftOut: Set<string>;
  readonly valueFor: (resource: { id: string; type: string; attribute: string }) => unknown;
  readonly change: (template: DeployedTemplate) => void;
};

export type Emulator = {
  /** Runs CDK's command line against the emulator. @throws with what it printed. */
  cdk(args: readonly string[]): Promise<string>;
  /** A stack whose first deploy failed is deleted. @returns the outputs of the stack. @throws what the command line printed, where anything fails but an unknown type. */
  deploy(app: App, standIns: StandIns): Promise<Record<string, string>>;
  /** Deletes the stack, with all that it made. */
  destroy(stackName: string): Promise<void>;
  /** @returns a function's environment. */
  variablesOf(functionName: string): Promise<Record<string, string> | undefined>;
  /** Gives a function another environment. */
  setVariables(functionName: string, variables: Record<string, string>): Promise<void>;
  /** Calls a function as the console does. @throws what the function threw. */
  invoke(functionName: string, event: unknown): Promise<unknown>;
};

const UNKNOWN_TYPE = /Unsupported resource type:? (AWS::\w+::\w+)/g;

/** @param folder where the command line may write. */
export function useEmulator(endpoint: string, folder: string): Emulator {
  async function cdk(args: readonly string[]): Promise<string> {
    const { region, credentials } = EMULATED_AWS;
    const command = join(process.cwd(), 'node_modules/aws-cdk/bin/cdk');
    const { stdout } = await promisify(execFile)(process.execPath, [command, ...args, '--ci', '--no-notices'], {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        AWS_ENDPOINT_URL: endpoint,
        AWS_REGION: region,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_EC2_METADATA_DISABLED: 'true',
      },
      maxBuffer: 64 * 1024 ** 2,
      timeout: 180_000,
    }).catch((error: Error & { stdout?: string; stderr?: string }) => {
      throw new Error(`cdk ${args[0]} failed:\n${error.stdout ?? ''}\n${error.stderr ?? error.message}`);
    });
    return stdout;
  }

  /** The command line names a stack by its ARN, by which some emulators delete nothing. */
  async function destroy(stackName: string): Promise<void> {
    const scope = `20260101/${EMULATED_AWS.region}/cloudformation/aws4_request`;
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: {
        authorization: `AWS4-HMAC-SHA256 Credential=test/${scope}, SignedHeaders=host, Signature=none`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ Action: 'DeleteStack', StackName: stackName, Version: '2010-05-15' }),
    });
    if (!response.ok) throw new Error(`The emulator did not delete ${stackName}: ${await response.text()}`);
  }

  let isThere = false;
  return {
    cdk,
    destroy,

    async deploy(app, standIns) {
      const { directory, stacks } = app.synth();
      const [stack] = stacks;
      if (!stack) throw new Error('The app has no stack.');
      const original = readFileSync(stack.templateFullPath, 'utf8');
      const outputs = join(directory, 'outputs.json');
      for (;;) {
        const template: DeployedTemplate = standIn(JSON.parse(original), standIns);
        standIns.change(template);
        replaceTemplate(directory, stack.templateFile, JSON.stringify(template));
        try {
          // In some emulators the rollback of an update deletes what earlier deploys made.
          const flags = ['--require-approval=never', '--method=direct', ...(isThere ? ['--no-rollback'] : [])];
          await cdk(['deploy', '--app', directory, '--outputs-file', outputs, ...flags]);
          isThere = true;
          return JSON.parse(readFileSync(outputs, 'utf8'))[stack.stackName];
        } catch (error) {
          if (!isThere) await destroy(stack.stackName);
          const refused = [...String(error).matchAll(UNKNOWN_TYPE)].map(([, type = '']) => type);
          if (refused.length === 0) throw error;
          for (const type of refused) standIns.leftOut.add(type);
        }
      }
    },

    async variablesOf(functionName) {
      const response = await fetch(`${endpoint}/2015-03-31/functions/${functionName}/configuration`);
      const { Environment } = (await response.json()) as { Environment?: { Variables: Record<string, string> } };
      return Environment?.Variables;
    },

    async setVariables(functionName, Variables) {
      const url = `${endpoint}/2015-03-31/functions/${functionName}/configuration`;
      const body = JSON.stringify({ Environment: { Variables } });
      const response = await fetch(url, { method: 'PUT', body });
      if (!response.ok) throw new Error(`The environment of ${functionName} was not set: ${await response.text()}`);
    },

    async invoke(functionName, event) {
      const response = await fetch(`${endpoint}/2015-03-31/functions/${functionName}/invocations`, {
        method: 'POST',
        body: JSON.stringify(event),
      });
      const answer = await response.text();
      if (!response.ok || response.headers.has('x-amz-function-error')) {
        throw new Error(`The function ${functionName} failed: ${answer}`);
      }
      return answer === '' ? undefined : JSON.parse(answer);
    },
  };
}

/** @returns the template without the types that are left out, and with values in place of references. */
function standIn({ Resources, ...rest }: DeployedTemplate, { leftOut, valueFor }: StandIns): DeployedTemplate {
  const isKept = (id: string): boolean => !leftOut.has(Resources[id]?.Type ?? '');

  function resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(resolve);
    if (typeof value !== 'object' || value === null) return value;
    const [[intrinsic, argument] = []] = Object.entries(value);
    const [id, attribute] =
      intrinsic === 'Ref' ? [argument, 'Ref'] : intrinsic === 'Fn::GetAtt' ? (argument as string[]) : [];
    const type = Resources[id]?.Type;
    if (type === undefined) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolve(one)]));
    const stoodIn = valueFor({ id, type, attribute: attribute ?? '' });
    return stoodIn ?? (isKept(id) ? value : `left-out-${id}`);
  }

  const kept = Object.entries(Resources).filter(([id]) => isKept(id));
  return {
    ...(resolve(rest) as object),
    Resources: Object.fromEntries(
      kept.map(([id, { Properties, DependsOn = [], ...resource }]) => [
        id,
        {
          ...resource,
          Properties: resolve(Properties) as Record<string, unknown>,
          DependsOn: [DependsOn].flat().filter(isKept),
        },
      ]),
    ),
  };
}

/** Under a new name too: a template whose name is in the bucket is not uploaded again. */
function replaceTemplate(directory: string, file: string, text: string): void {
  writeFileSync(join(directory, file), text);
  const manifests = ['manifest.json', file.replace('.template.json', '.assets.json')];
  const [, former = ''] = /\/(\w{64})\.json/.exec(readFileSync(join(directory, 'manifest.json'), 'utf8')) ?? [];
  const hash = createHash('sha256').update(text).digest('hex');
  for (const manifest of manifests) {
    const path = join(directory, manifest);
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(former, hash));
  }
}
