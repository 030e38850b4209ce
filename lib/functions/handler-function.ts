import { fileURLToPath } from 'node:url';
import { type CfnResource, CustomResourceProviderBase, type Duration, type Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { LogLevel, NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { BUNDLING, ENVIRONMENT } from '../../ingestion/contract/names.ts';
import type { Database } from '../database/price-database.ts';
import { acknowledge, createLog, functionLog } from '../house-rules.ts';
import { resourceName, type StackConfig } from '../stage-config.ts';

/** Where Lambda unpacks a function's files. */
const UNIVERSE_IN_LAMBDA = '/var/task/universe.json';

export const SOURCE_LINES = '--enable-source-maps';

const PROJECT_ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface HandlerFunctionProps extends Pick<lambda.FunctionOptions, 'memorySize' | 'recursiveLoop'> {
  readonly description: string;
  readonly timeout: Duration;
  /** By the keys of `ENVIRONMENT`. Undefined ones are left out. */
  readonly environment?: Partial<Record<keyof typeof ENVIRONMENT, string | number | undefined>>;
  /** The database that the function uses, from inside the VPC. @default none, and no VPC */
  readonly database?: Database;
  /** Whether the universe's file is deployed with the function. @default false */
  readonly needsUniverse?: boolean;
  /** @default stack traces name lines of the source, for which a cold start takes some 20 ms longer */
  readonly nodeOptions?: string | null;
}

/**
 * Makes the Lambda function of a folder of `functions/`. All are alike: Node 24 on arm64, one bundled ES module, tracing,
 * and JSON logs that expire. Its role may write that log. Everything else must be granted.
 * @param folder also names the function.
 */
export function createHandlerFunction(
  scope: Construct,
  config: StackConfig,
  folder: string,
  { database, environment, needsUniverse, nodeOptions = SOURCE_LINES, ...props }: HandlerFunctionProps,
): NodejsFunction {
  const logGroup = createLog(scope, 'FunctionLog', config, functionLog(config, folder));
  const role = createRole(scope, logGroup, database !== undefined);
  // Lambda removes a function's network interfaces with its role, long after the function is gone. A group is deleted only
  // once they are, so that the role must outlive it: else the interfaces stay, and with them network and stack.
  for (const group of database?.placement.securityGroups ?? []) group.node.addDependency(role);
  const handler = new NodejsFunction(scope, 'Function', {
    memorySize: 256,
    ...props,
    functionName: resourceName(config, folder),
    entry: `${PROJECT_ROOT}functions/${folder}/handler.ts`,
    projectRoot: PROJECT_ROOT,
    depsLockFilePath: `${PROJECT_ROOT}package-lock.json`,
    runtime: lambda.Runtime.NODEJS_24_X,
    architecture: lambda.Architecture.ARM_64,
    role,
    logGroup,
    loggingFormat: lambda.LoggingFormat.JSON,
    applicationLogLevelV2: lambda.ApplicationLogLevel.INFO,
    systemLogLevelV2: lambda.SystemLogLevel.WARN,
    tracing: lambda.Tracing.ACTIVE,
    environment: {
      ...(nodeOptions ? { NODE_OPTIONS: nodeOptions } : {}),
      ...variables({
        stage: config.deployment,
        universe: needsUniverse ? UNIVERSE_IN_LAMBDA : undefined,
        ...environment,
        ...database?.environment,
      }),
      // Lambda's runtime brings the certificate authorities of RDS. Node's own list lacks them.
      ...(database ? { NODE_EXTRA_CA_CERTS: '/var/runtime/ca-cert.pem' } : {}),
    },
    ...database?.placement,
    bundling: {
      ...BUNDLING,
      mainFields: [...BUNDLING.mainFields],
      format: OutputFormat.ESM,
      sourceMap: true,
      logLevel: LogLevel.WARNING,
      // The bundled SDK starts sooner than the runtime's copy, and is the version that we test.
      bundleAwsSDK: true,
      commandHooks: {
        beforeBundling: () => [],
        beforeInstall: () => [],
        // Not in the environment, which holds only 4 KB.
        afterBundling: (_, outputFolder) =>
          needsUniverse ? [`cp "${config.universeFile}" "${outputFolder}/universe.json"`] : [],
      },
    },
  });
  database?.secret.grantRead(handler);
  return handler;
}

/** Not AWS's managed policies: they let a function write every log of the account. */
function createRole(scope: Construct, logGroup: LogGroup, isInVpc: boolean): Role {
  const role = new Role(scope, 'FunctionRole', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  logGroup.grantWrite(role);
  if (isInVpc) {
    role.addToPolicy(
      new PolicyStatement({
        actions: [
          'ec2:CreateNetworkInterface',
          'ec2:DescribeNetworkInterfaces',
          'ec2:DescribeSubnets',
          'ec2:DeleteNetworkInterface',
          'ec2:AssignPrivateIpAddresses',
          'ec2:UnassignPrivateIpAddresses',
        ],
        resources: ['*'],
      }),
    );
  }
  acknowledge(role, {
    'AwsSolutions-IAM5[Resource::*]':
      'Two grants cannot name a resource: X-Ray has none, and Lambda creates network interfaces before they have an id.',
  });
  return role;
}

function variables(values: NonNullable<HandlerFunctionProps['environment']>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) =>
      value === undefined ? [] : [[ENVIRONMENT[key as keyof typeof ENVIRONMENT], String(value)]],
    ),
  );
}

/**
 * Gives a log group of this stack to each function that CDK brings along, such as the one behind triggers. By themselves they
 * make their own, with the right to write every log of the account: it would have no end date, and stay after the stack.
 */
export function keepHelperFunctionsTidy(stack: Stack, config: StackConfig): void {
  for (const helper of stack.node.findAll().filter((one) => one instanceof CustomResourceProviderBase)) {
    const logGroup = createLog(helper, 'Log', config);
    const child = (id: string) => helper.node.findChild(id) as CfnResource;
    child('Handler').addPropertyOverride('LoggingConfig', { LogGroup: logGroup.logGroupName });
    child('Role').addPropertyDeletionOverride('ManagedPolicyArns');
    helper.addToRolePolicy({
      Effect: 'Allow',
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: logGroup.logGroupArn,
    });
  }
}
