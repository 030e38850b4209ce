import { Duration } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { createHandlerFunction } from '../functions/handler-function.ts';
import { critical } from '../monitoring/alarms.ts';
import { programMetric, SUM, type Watched } from '../monitoring/watched.ts';
import { functionLog, resourceName, type StackConfig } from '../stage-config.ts';
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
export class ConnectionRepair extends Construct implements Watched {
  private readonly config: StackConfig;
  private readonly handler: NodejsFunction;

  constructor(scope: Construct, id: string, { config, cronSecret, queue }: ConnectionRepairProps) {
    super(scope, id);
    this.config = config;
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

  alarms() {
    const logs = [functionLog(this.config, 'repair-connection')];
    return [
      critical(
        'connection-not-authorized',
        'EventBridge stopped using the connection because the endpoint refused its secret. A repair has started and a run is queued.',
        programMetric(this.config, 'connectionNotAuthorized'),
        { logs },
      ),
      critical(
        'connection-repair-failed',
        'The connection could not be authorised again. Until it is, no scheduled call is made.',
        this.handler.metricErrors(SUM),
        { logs },
      ),
    ];
  }
}
