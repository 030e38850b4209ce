import { Annotations, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { AlarmId } from '../../ingestion/contract/alarm-names.ts';
import { type StackConfig, stageFile } from '../stage-config.ts';
import { dashboardName, resourceName } from '../stage-names.ts';
import { dashboardLink, logQueryLink } from './console-links.ts';

/** `critical`: prices are missing or soon will be, and somebody must act. `warning`: nothing is lost yet. */
export type Severity = 'critical' | 'warning';

export interface AlarmProps {
  readonly id: AlarmId;
  readonly severity: Severity;
  /** What has happened, in a sentence or two, for somebody woken at night. */
  readonly meaning: string;
  /** The names of the log groups that tell more. */
  readonly logs: readonly string[];
  readonly metric: Metric;
  readonly threshold: number;
  /** @default at or above the threshold */
  readonly comparison?: ComparisonOperator;
  /** How many periods of the metric in a row. @default 1 */
  readonly periods?: number;
  /** What missing data means. @default not breaching, since most of these metrics exist only when something happens */
  readonly missing?: TreatMissingData;
}

/** How much of the logs before an alarm's own time its query shows. */
const LOOK_BACK_HOURS = 3;

/** Every alarm of the stack is made here: one topic, one form of description, and a runbook section for each. */
export class AlarmRegistry extends Construct {
  readonly alarms: Alarm[] = [];
  private readonly config: StackConfig;
  readonly topic: Topic;

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
        `No alarm reaches anybody${config.alarmWebhookSecretName === undefined ? '' : ' while the webhook is out of order'}: put "alarmMails": ["you@example.com"] into ${stageFile(config.stage)}.`,
      );
    }
  }

  add({ id, severity, meaning, logs, metric, threshold, comparison, periods = 1, missing }: AlarmProps): void {
    const { region } = Stack.of(this);
    const hours = LOOK_BACK_HOURS + Math.ceil(metric.period.toHours({ integral: false }) * periods);
    const alarm = new Alarm(this, id, {
      alarmName: resourceName(this.config, id),
      alarmDescription: [
        `[${severity}] ${meaning}`,
        `What to do: ${runbookLink(this.config, id)}`,
        `Dashboard: ${dashboardLink(region, dashboardName(this.config))}`,
        `Logs: ${logQueryLink(region, logs, hours)}`,
      ].join('\n'),
      metric,
      threshold,
      comparisonOperator: comparison ?? ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: periods,
      treatMissingData: missing ?? TreatMissingData.NOT_BREACHING,
    });
    const action = new SnsAction(this.topic);
    alarm.addAlarmAction(action);
    alarm.addOkAction(action);
    this.alarms.push(alarm);
  }
}

/** The heading is the id, in which GitHub has nothing to change for its anchor. */
const runbookLink = ({ repositoryUrl }: StackConfig, id: AlarmId): string =>
  `${repositoryUrl === undefined ? '' : `${repositoryUrl}/blob/HEAD/`}docs/runbook.md#${id}`;
