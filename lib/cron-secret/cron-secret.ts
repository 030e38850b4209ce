import { ArnFormat, Duration, SecretValue, Stack } from 'aws-cdk-lib';
import { Authorization, type CfnConnection, Connection, Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { CfnRotationSchedule, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { CONNECTION_NAME } from '../../ingestion/contract/names.ts';
import type { Endpoint } from '../endpoint/endpoint.ts';
import { createHandlerFunction } from '../functions/handler-function.ts';
import { acknowledge, functionLog, output } from '../house-rules.ts';
import { critical, SUM, Watched } from '../monitoring/watched.ts';
import { resourceName, type StackConfig } from '../stage-config.ts';

const ROTATE_EVERY = Duration.days(90);

/** The secret that opens the endpoint, and EventBridge's connection, which holds its own copy of it. */
export class CronSecret extends Construct {
  readonly secret: Secret;
  readonly connection: Connection;
  readonly connectionName: string;

  constructor(scope: Construct, id: string, config: StackConfig) {
    super(scope, id);
    // No fixed name: a deleted secret keeps its name for weeks, and a new stack could not use it.
    this.secret = new Secret(this, 'Secret', {
      description: `Bearer secret of the endpoint (${config.deployment}); rotated by the stack`,
      generateSecretString: { excludePunctuation: true, passwordLength: 48 },
    });
    output(this, 'CronSecretArn', 'The bearer secret of the endpoint', this.secret.secretArn);
    this.connectionName = `${CONNECTION_NAME}${config.suffix}`;
    this.connection = new Connection(this, 'Connection', {
      connectionName: this.connectionName,
      description: 'Sends the cron secret with each scheduled call',
      // The template holds a reference; CloudFormation reads the value when it makes or changes the connection.
      authorization: Authorization.apiKey(
        'Authorization',
        SecretValue.unsafePlainText(`Bearer ${this.secret.secretValue.unsafeUnwrap()}`),
      ),
    });
  }

  /** Lets a function give the connection another secret. EventBridge stores its copy as a secret, on the caller's behalf. */
  grantUpdateConnection(handler: NodejsFunction): void {
    const resource = this.connection.node.findChild('Connection') as CfnConnection;
    const connection = new PolicyStatement({
      actions: ['events:UpdateConnection', 'events:DescribeConnection'],
      // A connection has two ARNs, one with an id at its end. AWS does not say which of them a call is checked against.
      resources: [resource.attrArn, resource.attrArnForPolicy],
    });
    const copies = `events!connection/${this.connectionName}/*`;
    const arnFormat = ArnFormat.COLON_RESOURCE_NAME;
    const verbs = ['CreateSecret', 'DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecret'];
    const copy = new PolicyStatement({
      actions: verbs.map((verb) => `secretsmanager:${verb}`),
      resources: [
        Stack.of(this).formatArn({ service: 'secretsmanager', resource: 'secret', resourceName: copies, arnFormat }),
      ],
    });
    for (const statement of [connection, copy]) handler.addToRolePolicy(statement);
    // The review shows references so.
    const { partition, region, account } = Stack.of(this);
    const parts: (string | { Ref: string })[] = Stack.of(this).resolve([partition, 'secretsmanager', region, account]);
    const shown = parts.map((part) => (typeof part === 'string' ? part : `<${part.Ref}>`));
    acknowledge(this.node.scope ?? this, {
      [`AwsSolutions-IAM5[Resource::arn:${shown.join(':')}:secret:${copies}]`]:
        'EventBridge appends an id to the name of its copy; the part before it is fixed.',
    });
  }
}

/** Replaces the cron secret every 90 days: new secret, connection, an authorised call as proof, then the label moves. */
export class CronSecretRotation extends Watched {
  private readonly handler: NodejsFunction;

  constructor(scope: Construct, id: string, config: StackConfig, cronSecret: CronSecret, endpoint: Endpoint) {
    super(scope, id, config, [functionLog(config, 'rotate-secret')]);
    this.handler = createHandlerFunction(this, config, 'rotate-secret', {
      description: 'One step of the rotation of the cron secret',
      // A step waits 15 s for the endpoint to learn the secret, and up to a minute for EventBridge.
      timeout: Duration.minutes(2),
      environment: { connectionName: cronSecret.connectionName, endpointUrl: endpoint.url },
    });
    cronSecret.grantUpdateConnection(this.handler);
    cronSecret.secret.grantRead(this.handler);
    this.handler.addToRolePolicy(
      new PolicyStatement({
        actions: ['secretsmanager:PutSecretValue', 'secretsmanager:UpdateSecretVersionStage'],
        resources: [cronSecret.secret.secretArn],
      }),
    );
    this.handler.addPermission('Rotate', {
      principal: new ServicePrincipal('secretsmanager.amazonaws.com'),
      sourceAccount: Stack.of(this).account,
    });
    // Not `addRotationSchedule`: it lets any account's Secrets Manager call the function, and grants more than we need.
    const rotation = new CfnRotationSchedule(this, 'Schedule', {
      secretId: cronSecret.secret.secretArn,
      rotationLambdaArn: this.handler.functionArn,
      rotationRules: { scheduleExpression: Schedule.rate(ROTATE_EVERY).expressionString },
      // The first deploy would rotate while the connection is still being made.
      rotateImmediatelyOnUpdate: false,
    });
    // As soon as the schedule exists, Secrets Manager runs the function's test step, which calls the endpoint.
    rotation.node.addDependency(this.handler, endpoint);
  }

  override alarms() {
    return [
      // The function's own errors include those before its program could count them.
      critical('rotation-failed', this.handler.metricErrors(SUM), {
        meaning: 'The cron secret could not be rotated. The old one is still good; Secrets Manager tries again.',
      }),
    ];
  }
}

/**
 * Repairs the connection when EventBridge de-authorises it. A single 401 is enough for that, and from then on EventBridge
 * makes no scheduled call.
 */
export class ConnectionRepair extends Watched {
  private readonly handler: NodejsFunction;

  constructor(scope: Construct, id: string, config: StackConfig, cronSecret: CronSecret, queue: Queue) {
    super(scope, id, config, [functionLog(config, 'repair-connection')]);
    this.handler = createHandlerFunction(this, config, 'repair-connection', {
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

  override alarms() {
    return [
      critical('connection-not-authorized', this.measured('connectionNotAuthorized'), {
        meaning:
          'EventBridge stopped using the connection because the endpoint refused its secret. A repair has started and a run is queued.',
      }),
      critical('connection-repair-failed', this.handler.metricErrors(SUM), {
        meaning: 'The connection could not be authorised again. Until it is, no scheduled call is made.',
      }),
    ];
  }
}
