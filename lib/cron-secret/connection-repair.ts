import { Duration } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { createHandlerFunction } from '../functions/handler-function.ts';
import type { StackConfig } from '../stage-config.ts';
import { resourceName } from '../stage-names.ts';
import type { CronSecret } from './cron-secret.ts';

export interface ConnectionRepairProps {
  readonly config: StackConfig;
  readonly cronSecret: CronSecret;
  readonly queue: Queue;
}

/**
 * Repairs the connection when EventBridge de-authorises it. A single 401 is enough for that, and from then on EventBridge
 * makes no scheduled call.
 */
export class ConnectionRepair extends Construct {
  readonly handler: NodejsFunction;

  constructor(scope: Construct, id: string, { config, cronSecret, queue }: ConnectionRepairProps) {
    super(scope, id);
    this.handler = createHandlerFunction(this, 'Function', {
      config,
      folder: 'repair-connection',
      description: 'Authorises a de-authorised connection with the current secret, and queues a run',
      // It waits 15 s for the endpoint to learn the secret, and up to a minute for EventBridge.
      timeout: Duration.minutes(2),
      environment: {
        connectionName: cronSecret.connectionName,
        cronSecretId: cronSecret.secret.secretArn,
        queueUrl: queue.queueUrl,
      },
    });
    cronSecret.secret.grantRead(this.handler);
    cronSecret.grantUpdateConnection(this.handler);
    queue.grant(this.handler, 'sqs:SendMessage');
    new Rule(this, 'Rule', {
      ruleName: resourceName(config, 'connection-deauthorized'),
      description: 'EventBridge stopped using the connection, after a 401',
      eventPattern: {
        source: ['aws.events'],
        detailType: ['Connection Deauthorized'],
        detail: { ConnectionName: [cronSecret.connectionName] },
      },
      targets: [new LambdaFunction(this.handler)],
    });
  }
}
