import { type CfnResource, CustomResourceProviderBase, RemovalPolicy, type Stack } from 'aws-cdk-lib';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { StackConfig } from '../stage-config.ts';

/**
 * Gives a log group of this stack to each function that CDK brings along, such as the one behind triggers. By themselves they
 * make their own, with the right to write every log of the account: it would have no end date, and stay after the stack.
 */
export function keepHelperFunctionsTidy(stack: Stack, config: StackConfig): void {
  for (const helper of stack.node.findAll().filter((one) => one instanceof CustomResourceProviderBase)) {
    const logGroup = new LogGroup(helper, 'Log', {
      retention: config.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
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
