import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { AwsCustomResource, PhysicalResourceId } from 'aws-cdk-lib/custom-resources';
import { Construct } from 'constructs';
import { createLog } from '../house-rules.ts';
import type { StackConfig } from '../stage-config.ts';
import type { Database } from './price-database.ts';

/**
 * Keeps database and stack from being deleted, as the last step of each deploy. In the template itself, both settings would
 * also keep a stack whose first deploy failed from being deleted, and so from being deployed again.
 */
export class Protection extends Construct {
  constructor(scope: Construct, id: string, config: StackConfig, database: Database, deployId: string) {
    super(scope, id);
    const { stackId } = Stack.of(this);
    // All that can fail.
    const others = scope.node.children.filter((one) => one !== this);
    const logGroup = createLog(this, 'Log', config);
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    for (const [action, on] of [
      ['rds:ModifyDBInstance', database.instance.instanceArn],
      ['cloudformation:UpdateTerminationProtection', stackId],
    ] as const)
      role.addToPolicy(new PolicyStatement({ actions: [action], resources: [on] }));

    const toDatabase = new AwsCustomResource(this, 'Database', {
      onCreate: {
        service: 'rds',
        action: 'ModifyDBInstance',
        parameters: { DBInstanceIdentifier: database.instance.instanceIdentifier, DeletionProtection: true },
        physicalResourceId: PhysicalResourceId.of('database'),
      },
      role,
      logGroup,
    });
    const toStack = new AwsCustomResource(this, 'Stack', {
      onUpdate: {
        service: 'cloudformation',
        action: 'UpdateTerminationProtection',
        parameters: { StackName: stackId, EnableTerminationProtection: true },
        // Each deploy protects again: CDK's CLI takes this protection away first, since the template does not have it.
        physicalResourceId: PhysicalResourceId.of(`stack ${deployId}`),
      },
      role,
      logGroup,
    });
    toDatabase.node.addDependency(...others);
    toStack.node.addDependency(toDatabase);
  }
}
