import { Annotations, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import {
  Alarm,
  AlarmStatusWidget,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  TextWidget,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { AlarmId } from '../../ingestion/contract/alarm-names.ts';
import { output } from '../house-rules.ts';
import { resourceName, type StackConfig, stageFile } from '../stage-config.ts';
import { type AlarmRow, CHAPTERS, HOURLY, type Watched } from './watched.ts';

/** How much of the logs before an alarm's own time its query shows. */
const LOOK_BACK_HOURS = 3;

const COMPARISONS = {
  below: ComparisonOperator.LESS_THAN_THRESHOLD,
  from: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
  above: ComparisonOperator.GREATER_THAN_THRESHOLD,
} as const;

/** Makes every alarm of the stack: one topic, one form of description, and a runbook section for each. */
export class Alarms extends Construct {
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
    this.addBudget(config);
    for (const mail of config.alarmMails) this.topic.addSubscription(new EmailSubscription(mail));
    const annotations = Annotations.of(this);
    if (config.alarmMails.length > 0) {
      const confirm = "only once confirmed: by the command of the output ConfirmMail, with the link of AWS's mail.";
      annotations.addInfoV2('crypto-prices:confirm-mail', `Alarms reach ${config.alarmMails.join(', ')} ${confirm}`);
      output(
        this,
        'ConfirmMail',
        "Asks for the link in AWS's mail and confirms it, so that no scanner of mail can unsubscribe",
        `read -r LINK && aws sns confirm-subscription --region ${Stack.of(this).region} --topic-arn ${this.topic.topicArn} --authenticate-on-unsubscribe true --token "$(printf %s "$LINK" | sed 's/.*[?&]Token=\\([^&]*\\).*/\\1/')"`,
      );
    } else {
      const when = config.alarmWebhookSecretName === undefined ? '' : ' while the webhook is out of order';
      const remedy = `put "alarmMails": ["you@example.com"] into ${stageFile(config.stage)}.`;
      annotations.addWarningV2('crypto-prices:nobody-is-told', `No alarm reaches anybody${when}: ${remedy}`);
    }
  }

  /** Budgets are global to an account, as dashboards are, and so is what they add up. */
  private addBudget(config: StackConfig): void {
    const { monthlyBudget: amount } = config;
    if (amount === undefined) return;
    const subscribers = config.alarmMails.map((address) => ({ subscriptionType: 'EMAIL', address }));
    new CfnBudget(this, 'Budget', {
      budget: {
        budgetName: `${resourceName(config, 'budget')}-${Stack.of(this).region}`,
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount, unit: 'USD' },
      },
      notificationsWithSubscribers: [80, 100].map((threshold) => ({
        notification: { notificationType: 'ACTUAL', comparisonOperator: 'GREATER_THAN', threshold },
        subscribers,
      })),
    });
  }

  watch(watched: readonly Watched[]): void {
    for (const one of watched) for (const row of one.alarms()) this.add({ logs: one.logs, ...row });
  }

  private add({ id, severity, meaning, metric, rings = ['from', 1], periods = 1, ...row }: AlarmRow): void {
    const { region } = Stack.of(this);
    const [comparison, ours] = rings;
    const { [id]: threshold = ours } = this.config.alarms ?? {};
    if (threshold === 'off') return;
    const changed = threshold === ours ? '' : ` It rings ${comparison} ${threshold}, by the settings.`;
    const hours = LOOK_BACK_HOURS + Math.ceil(metric.period.toHours({ integral: false }) * periods);
    const alarm = new Alarm(this, id, {
      alarmName: resourceName(this.config, id),
      alarmDescription: [
        `[${severity}] ${meaning}${changed}`,
        `What to do: ${runbookLink(this.config, id)}`,
        `Dashboard: ${dashboardLink(region, this.config)}`,
        `Logs: ${logQueryLink(region, row.logs ?? [], hours)}`,
      ].join('\n'),
      metric,
      threshold,
      comparisonOperator: COMPARISONS[comparison],
      evaluationPeriods: periods,
      treatMissingData: row.missing ?? TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
    this.alarms.push(alarm);
  }
}

/** The heading is the id, in which GitHub has nothing to change for its anchor. */
const runbookLink = ({ repositoryUrl }: StackConfig, id: AlarmId): string =>
  `${repositoryUrl === undefined ? '' : `${repositoryUrl}/blob/HEAD/`}docs/runbook.md#${id}`;

/** Everything but the lines of what went well: warnings, errors, metrics, and what Lambda itself has to say. */
const QUERY = `fields @timestamp,@message|filter @message not like '"level":"INFO"'|sort @timestamp desc`;

/**
 * @param groups the names of log groups, not tokens: they are encoded here.
 * @param hours how far to look back.
 * @returns a query of CloudWatch Logs Insights that runs with a click.
 */
function logQueryLink(region: string, groups: readonly string[], hours: number): string {
  const source = groups.map((group) => `~${quoted(group)}`).join('');
  const query = `(end~0~start~-${hours * 3600}~timeType~'RELATIVE~unit~'seconds~editorString~${quoted(QUERY)}~source~(${source}))`;
  // Mail and chat programs would end the link at the first quote or parenthesis.
  return consoleLink(region, `logsV2:logs-insights$3FqueryDetail$3D~${asHex(query, /['()]/g, '$')}`);
}

/** A text as the console writes it inside of an address: signs as `*2f`, which outlasts the decoding of what is around it. */
const quoted = (text: string): string => `'${asHex(text, /[^\w.-]/g, '*')}`;

const asHex = (text: string, signs: RegExp, mark: string): string =>
  text.replace(signs, (sign) => `${mark}${sign.charCodeAt(0).toString(16)}`);

const WIDTH = 24;

/** Dashboards are global to an account. The region may be a token. */
const dashboardName = (region: string, config: StackConfig): string => `${resourceName(config, 'runs')}-${region}`;

/** @returns a page of CloudWatch's console. The region may be a token. */
const consoleLink = (region: string, page: string): string =>
  `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#${page}`;

const dashboardLink = (region: string, config: StackConfig): string =>
  consoleLink(region, `dashboards/dashboard/${dashboardName(region, config)}`);

/** @param watched have their graphs side by side in this order, each in its chapter. */
export function createDashboard(
  scope: Construct,
  config: StackConfig,
  alarms: readonly Alarm[],
  watched: readonly Watched[],
): void {
  const graphs = watched.flatMap((one) => one.graphs());
  const chapters = Object.entries(CHAPTERS).flatMap(([chapter, text], index) => {
    const shown = graphs.filter((one) => one.chapter === chapter);
    return [
      [new TextWidget({ markdown: `## ${index + 1}. ${chapter}\n${text}`, width: WIDTH, height: 2 })],
      shown.map(({ title, metrics }) => {
        const left = metrics.map((metric) => metric.with(HOURLY));
        return new GraphWidget({ title, left, width: Math.floor(WIDTH / shown.length), height: 6 });
      }),
    ];
  });
  const { region } = Stack.of(scope);
  output(scope, 'DashboardUrl', 'The story of the runs', dashboardLink(region, config));
  const overview = new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: WIDTH, height: 4 });
  new Dashboard(scope, 'Dashboard', {
    dashboardName: dashboardName(region, config),
    defaultInterval: Duration.days(14),
    widgets: [[overview], ...chapters],
  });
}
