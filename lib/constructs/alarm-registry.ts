import { Annotations, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { StackConfig } from '../config.ts';
import { resourceName } from '../names.ts';

/** `critical`: prices are missing or soon will be, and somebody must act. `warning`: nothing is lost yet. */
export type Severity = 'critical' | 'warning';

export interface AlarmProps {
  /** The alarm's name, and the heading of its section in docs/runbook.md. */
  readonly id: string;
  readonly severity: Severity;
  /** What has happened, in a sentence or two, for somebody woken at night. */
  readonly meaning: string;
  readonly metric: IMetric;
  readonly threshold: number;
  /** @default at or above the threshold */
  readonly comparison?: ComparisonOperator;
  /** How many periods of the metric in a row. @default 1 */
  readonly periods?: number;
  /** What missing data means. @default not breaching, since most of these metrics exist only when something happens */
  readonly missing?: TreatMissingData;
}

/** Every alarm of the stack is made here: one topic, one form of description, and a runbook section for each. */
export class AlarmRegistry extends Construct {
  readonly alarms: Alarm[] = [];
  private readonly config: StackConfig;
  private readonly topic: Topic;

  constructor(scope: Construct, id: string, config: StackConfig) {
    super(scope, id);
    this.config = config;
    const alarms = new ServicePrincipal('cloudwatch.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
    });
    // Alarms can't publish with the key that AWS manages for SNS. They would fail silently.
    const key = new Key(this, 'Key', {
      description: `Encrypts the alarms of the price ingestion (${config.deployment})`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.DESTROY,
      pendingWindow: Duration.days(7),
    });
    key.grant(alarms, 'kms:Decrypt', 'kms:GenerateDataKey*');
    this.topic = new Topic(this, 'Topic', {
      topicName: resourceName(config, 'alarms'),
      displayName: `Crypto prices (${config.deployment})`,
      masterKey: key,
      enforceSSL: true,
    });
    // A topic with its own policy loses the default one.
    this.topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AlarmsMayPublish',
        principals: [alarms],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
      }),
    );
    for (const mail of config.alarmMails) this.topic.addSubscription(new EmailSubscription(mail));
    if (config.alarmMails.length > 0) {
      Annotations.of(this).addInfoV2(
        'crypto-prices:confirm-mail',
        `Alarms reach ${config.alarmMails.join(', ')} only after a click on the link in the mail that AWS sends.`,
      );
    } else {
      Annotations.of(this).addWarningV2(
        'crypto-prices:nobody-is-told',
        `No alarm reaches anybody: put "alarmMails": ["you@example.com"] into stages/${config.stage}.json.`,
      );
    }
  }

  add({ id, severity, meaning, metric, threshold, comparison, periods, missing }: AlarmProps): void {
    const alarm = new Alarm(this, id, {
      alarmName: resourceName(this.config, id),
      alarmDescription: `[${severity}] ${meaning} What to do: docs/runbook.md#${id}`,
      metric,
      threshold,
      comparisonOperator: comparison ?? ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: periods ?? 1,
      treatMissingData: missing ?? TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    this.alarms.push(alarm);
  }
}
