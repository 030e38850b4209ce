// What every capability keeps to: logs expire, what people need is told, and a broken rule of AWS's has a reason.
import { CfnOutput, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { resourceName, type StackConfig } from './stage-config.ts';

/** @param folder the function's folder in `functions/`. */
export const functionLog = (config: StackConfig, folder: string): string =>
  `/aws/lambda/${resourceName(config, folder)}`;

/** Under this prefix a group needs no room in the account's resource policy for logs, which is full in some accounts. */
export const accessLog = (config: StackConfig): string =>
  `/aws/vendedlogs/apigateway/${resourceName(config, 'endpoint')}`;

export const databaseLog = (config: StackConfig): string =>
  `/aws/rds/instance/${resourceName(config, 'database')}/postgresql`;

/** Makes a log group that expires, and goes with the stack. */
export const createLog = (scope: Construct, id: string, config: StackConfig, logGroupName?: string): LogGroup =>
  new LogGroup(scope, id, {
    ...(logGroupName === undefined ? {} : { logGroupName }),
    retention: config.logRetentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
  });

/** Answers rules of AWS's own review (cdk-nag) that a construct breaks. @param reasons by the rule. */
export function acknowledge(construct: Construct, reasons: Readonly<Record<string, string>>): void {
  for (const [id, reason] of Object.entries(reasons)) Validations.of(construct).acknowledge({ id, reason });
}

/** Tells people after a deploy where something is, or a command to use it. It must not contain a secret. */
export const output = (scope: Construct, id: string, description: string, value: string): CfnOutput =>
  new CfnOutput(Stack.of(scope), id, { description, value });
