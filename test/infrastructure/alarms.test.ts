import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { ALARM_IDS, type AlarmId } from '../../ingestion/contract/alarm-names.ts';
import { METRIC_NAMESPACE, METRICS, SERVICE_NAME } from '../../ingestion/contract/names.ts';
import { configOf, DEPLOYMENT_NAMES, DEPLOYMENTS, type DeploymentName, STAGES, WEBHOOK } from './deployments.ts';
import { grantsOf, nameOf, propertiesOf, type Resource, resource, resourcesOf, templateOf } from './templates.ts';

const prod = templateOf('webhook');

/** Longer than any region there is. */
const REGION = 'ap-southeast-99';

/** @returns an alarm's text as CloudWatch gets it. */
const textOf = ({ AlarmDescription }: Resource['Properties']): string => joined(AlarmDescription);

/** @returns a text in which every reference is one to the region. */
function joined(text: string | { readonly 'Fn::Join': [string, unknown[]] }): string {
  if (typeof text === 'string') return text;
  const [between, parts] = text['Fn::Join'];
  return parts.map((part) => (typeof part === 'string' ? part : REGION)).join(between);
}

/** @returns a deployment's alarms by the ids under which the runbook has them. */
function alarmsOf(name: DeploymentName): Map<string, Resource['Properties']> {
  const { suffix } = configOf(DEPLOYMENTS[name]);
  return new Map(
    propertiesOf(templateOf(name), 'AWS::CloudWatch::Alarm').map((alarm) => [
      alarm.AlarmName.replace(/^crypto-prices-/, '').slice(0, suffix ? -suffix.length : undefined),
      alarm,
    ]),
  );
}

const alarms = alarmsOf('webhook');
/** Every alarm that there is in some deployment. */
const IDS: readonly AlarmId[] = ALARM_IDS;
const alarm = (id: string): Resource['Properties'] => alarms.get(id);

describe('the runbook', () => {
  const runbook = readFileSync('docs/runbook.md', 'utf8');
  const [, chapter = ''] = /\n## Alarms\n([\s\S]*?)(?:\n## |$)/.exec(runbook) ?? [];
  const sections = chapter.split(/^### /m).slice(1);

  test('has a section for each alarm, and none for another', () => {
    expect(sections.map((section) => section.split('\n')[0])).toEqual(IDS);
  });

  test.each(IDS)('%s: says what it means, how to look into it, and how to resolve it', (id) => {
    const section = sections.find((text) => text.startsWith(`${id}\n`)) ?? '';
    for (const part of ['**Meaning.**', '**Look.**', '**Resolve.**']) expect(section).toContain(part);
  });

  /** The anchors that GitHub gives the headings: small letters, no punctuation, hyphens; a repeated one gets a number. */
  const headings = [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase());
  const anchors = headings.map((heading) => heading.replace(/[^\w\- ]/g, '').replaceAll(' ', '-'));

  test('every text leads to its section, where the repository is known at GitHub', () => {
    for (const [id, alarm] of alarmsOf('longest')) {
      expect(textOf(alarm)).toMatch(/^\[(critical|warning)\] [A-Z].{30,}\.\n/);
      expect(textOf(alarm)).toContain(
        `\nWhat to do: ${DEPLOYMENTS.longest.repositoryUrl}/blob/HEAD/docs/runbook.md#${id}\n`,
      );
      expect(anchors.filter((anchor) => anchor === id)).toHaveLength(1);
      // What CloudWatch takes.
      expect(textOf(alarm).length).toBeLessThanOrEqual(1024);
      // No program cuts a link short at one of its signs.
      for (const [link] of textOf(alarm).matchAll(/https:.*/g)) expect(link).toMatch(/^[\w:/.?=#$*~%-]+$/);
    }
    expect(textOf(alarm('run-partial'))).toMatch(/^\[critical\] A run ended for good /);
    expect(textOf(alarm('runs-dead'))).toContain('\nWhat to do: docs/runbook.md#runs-dead\n');
  });
});

describe('the text of an alarm', () => {
  test("leads to the dashboard of the stack's region, whose name no other region has in the account", () => {
    const { DashboardName: name } = resource(templateOf('staging'), 'AWS::CloudWatch::Dashboard').Properties;
    expect(name['Fn::Join'][1].at(-1)).toEqual({ Ref: 'AWS::Region' });
    for (const alarm of alarmsOf('staging').values()) {
      expect(textOf(alarm)).toContain(
        `\nDashboard: https://${REGION}.console.aws.amazon.com/cloudwatch/home?region=${REGION}#dashboards/dashboard/${joined(name)}\n`,
      );
    }
  });

  /** What the console reads from the link: `$` stands for a percent sign, then an asterisk does. */
  function queryOf(text: string): string {
    const [, query = ''] = /\nLogs: https:\S+#logsV2:logs-insights\$3FqueryDetail\$3D(\S+)$/.exec(text) ?? [];
    return decodeURIComponent(decodeURIComponent(query.replaceAll('$', '%')).replaceAll('*', '%'));
  }

  test.each(DEPLOYMENT_NAMES)('in %s leads to a query of logs that the stack has', (name) => {
    const groups = propertiesOf(templateOf(name), 'AWS::Logs::LogGroup').map(({ LogGroupName }) => LogGroupName);
    for (const alarm of alarmsOf(name).values()) {
      const [, hours, query, source = ''] =
        /^~\(end~0~start~-(\d+)~timeType~'RELATIVE~unit~'seconds~editorString~'(.+)~source~\((.+)\)\)$/.exec(
          queryOf(textOf(alarm)),
        ) ?? [];
      expect(Number(hours)).toBeGreaterThanOrEqual(3 * 3600 + alarm.Period * alarm.EvaluationPeriods);
      expect(query).toBe(`fields @timestamp,@message|filter @message not like '"level":"INFO"'|sort @timestamp desc`);
      const sources = source.split("~'").slice(1);
      expect(sources.length).toBeGreaterThan(0);
      expect(sources.filter((name) => !groups.includes(name))).toEqual([]);
    }
  });
});

describe('who is told', () => {
  test('every alarm and its end go to the topic', () => {
    const topic = resource(prod, 'AWS::SNS::Topic');
    for (const { AlarmActions, OKActions } of alarms.values()) {
      expect([AlarmActions, OKActions]).toEqual([[{ Ref: topic.id }], [{ Ref: topic.id }]]);
    }
  });

  test('the addresses of the settings get mail', () => {
    const subscriptions = propertiesOf(templateOf('custom'), 'AWS::SNS::Subscription');
    const mails = subscriptions.filter(({ Protocol }) => Protocol === 'email').map(({ Endpoint }) => Endpoint);
    expect(mails).toEqual(['a@example.com', 'b@example.com']);
  });
});

test('a budget mails the same addresses at 80 and 100 %', () => {
  const { Budget, NotificationsWithSubscribers: told } = resource(
    templateOf('custom'),
    'AWS::Budgets::Budget',
  ).Properties;
  expect(Budget).toMatchObject({
    BudgetName: 'crypto-prices-budget-eu-central-1',
    BudgetLimit: { Amount: 60, Unit: 'USD' },
  });
  const subscribers = ['a', 'b'].map((one) => ({ SubscriptionType: 'EMAIL', Address: `${one}@example.com` }));
  expect(told).toEqual(
    [80, 100].map((Threshold) => ({
      Notification: { NotificationType: 'ACTUAL', ComparisonOperator: 'GREATER_THAN', Threshold },
      Subscribers: subscribers,
    })),
  );
});

test('a threshold of the settings is said in the text', () => {
  expect(alarmsOf('custom').get('message-old').AlarmDescription).toContain('It rings from 21600, by the settings.');
});

describe('the webhook', () => {
  const { id } = resource(prod, 'AWS::Lambda::Function', 'AlarmWebhook');

  test('is told of every alarm but its own, which would ring and end for ever', () => {
    const { Properties } = resource(prod, 'AWS::SNS::Subscription');
    expect(Properties).toMatchObject({
      Protocol: 'lambda',
      Endpoint: { 'Fn::GetAtt': [id, 'Arn'] },
      TopicArn: { Ref: resource(prod, 'AWS::SNS::Topic').id },
      FilterPolicyScope: 'MessageBody',
      FilterPolicy: { AlarmName: [{ 'anything-but': [alarm('webhook-failed').AlarmName] }] },
    });
  });

  test.each([
    ['a name', 'webhook', WEBHOOK, /:secret:crypto-prices-webhook-\?{6}$/],
    ['an ARN', 'custom', DEPLOYMENTS.custom.alarmWebhookSecretName, /^arn:aws:.+:secret:hook-AbCdEf$/],
  ] as const)('reads the one secret, by %s', (_, name, secret, arn) => {
    const template = templateOf(name);
    const { Variables } = resource(template, 'AWS::Lambda::Function', 'AlarmWebhook').Properties.Environment;
    expect(Variables.WEBHOOK_SECRET_ID).toBe(secret);
    const grants = grantsOf(template, 'alarm-webhook').filter((grant) => grant.startsWith('secretsmanager:'));
    expect(grants).toHaveLength(2);
    for (const grant of grants) expect(grant.split(' on ')[1]).toMatch(arn);
  });

  test('is not there unless a secret is named', () => {
    expect(Object.keys(resourcesOf(templateOf('prod'), 'AWS::Lambda::Function')).join()).not.toContain('Webhook');
    expect(alarmsOf('prod').size).toBe(alarms.size - 1);
  });
});

describe('what is watched', () => {
  test('in stages with a schedule, and in those without', () => {
    const ofSchedule: AlarmId[] = [
      ...(['scheduled-call-failed', 'rule-throttled', 'calls-undelivered', 'undelivered-call-lost'] as const),
      ...(['no-complete-run', 'prices-stale'] as const),
    ];
    for (const name of DEPLOYMENT_NAMES) {
      const { schedule, network, alarmWebhookSecretName } = configOf(DEPLOYMENTS[name]);
      const lacking: AlarmId[] = [
        ...(schedule === null ? ofSchedule : []),
        ...(network === 'nat-instance' ? [] : (['way-out-down'] as const)),
        ...(alarmWebhookSecretName ? [] : (['webhook-failed'] as const)),
        ...(name === 'custom' ? (['worker-slow'] as const) : []),
      ];
      expect([...alarmsOf(name).keys()]).toEqual(IDS.filter((id) => !lacking.includes(id)));
    }
  });

  test.each(STAGES)('in %s, metrics of the program carry the names and dimensions that it emits them with', (stage) => {
    const own = [...alarmsOf(stage).values()].filter(({ Namespace }) => Namespace === METRIC_NAMESPACE);
    expect(own.length).toBeGreaterThan(3);
    const dimensions = Object.entries({ service: SERVICE_NAME, stage }).map(([Name, Value]) => ({ Name, Value }));
    for (const { MetricName, Dimensions } of own) {
      expect(Object.values(METRICS)).toContain(MetricName);
      expect(Dimensions).toEqual(dimensions);
    }
  });

  test("metrics of AWS are those of this stack's resources", () => {
    const watched = [...alarms].filter(([, { Namespace }]) => Namespace !== METRIC_NAMESPACE);
    const shown = watched.map(([id, { Namespace, MetricName, Dimensions }]) => {
      const [{ Name, Value }] = Dimensions;
      return [id, `${Namespace} ${MetricName} ${Name}=${nameOf(Value)}`];
    });
    expect(Object.fromEntries(shown)).toEqual({
      'scheduled-call-failed': 'AWS/Events FailedInvocations RuleName=ScheduleRule',
      'rule-throttled': 'AWS/Events ThrottledRules RuleName=ScheduleRule',
      'calls-undelivered': 'AWS/SQS ApproximateNumberOfMessagesVisible QueueName=ScheduleUndelivered.QueueName',
      'undelivered-call-lost': 'AWS/Events InvocationsFailedToBeSentToDlq RuleName=ScheduleRule',
      'connection-repair-failed': 'AWS/Lambda Errors FunctionName=ConnectionRepairFunction',
      'rotation-failed': 'AWS/Lambda Errors FunctionName=CronSecretRotationFunction',
      'runs-dead': 'AWS/SQS ApproximateNumberOfMessagesVisible QueueName=QueuesDeadRuns.QueueName',
      'message-old': 'AWS/SQS ApproximateAgeOfOldestMessage QueueName=QueuesRuns.QueueName',
      'worker-errors': 'AWS/Lambda Errors FunctionName=WorkerFunction',
      'worker-slow': 'AWS/Lambda Duration FunctionName=WorkerFunction',
      'database-storage': 'AWS/RDS FreeStorageSpace DBInstanceIdentifier=DatabaseInstance',
      'database-cpu-credits': 'AWS/RDS CPUCreditBalance DBInstanceIdentifier=DatabaseInstance',
      'database-connections': 'AWS/RDS DatabaseConnections DBInstanceIdentifier=DatabaseInstance',
      'webhook-failed': 'AWS/Lambda AsyncEventsDropped FunctionName=AlarmWebhookFunction',
    });
  });
});

/** An alarm rings after one period of 5 minutes at or above 1, and missing data mean that nothing happened; but for these. */
const USUAL = {
  ...{ Threshold: 1, ComparisonOperator: 'GreaterThanOrEqualToThreshold' },
  ...{ Period: 300, EvaluationPeriods: 1, TreatMissingData: 'notBreaching' },
};
const BELOW = { ComparisonOperator: 'LessThanThreshold' };
const SILENT = { ...BELOW, Statistic: 'Sum', Period: 3600, TreatMissingData: 'breaching' };
/** What only runs measure keeps its state between them. */
const MEASURED_BY_RUNS = { Statistic: 'Minimum', Period: 3600, TreatMissingData: 'ignore' };
const STALE = { ...MEASURED_BY_RUNS, ComparisonOperator: 'GreaterThanThreshold' };

test.each([
  ['webhook', 'scheduled-call-failed', 'Sum', {}],
  ['webhook', 'runs-dead', 'Maximum', {}],
  ['webhook', 'calls-undelivered', 'Maximum', {}],
  ['webhook', 'run-partial', 'Sum', { MetricName: METRICS.runsPartial }],
  ['webhook', 'webhook-failed', 'Sum', {}],
  // 15 s before Lambda would end the hop.
  ['webhook', 'worker-slow', 'Maximum', { Threshold: 885_000 }],
  // An instance that says nothing is down.
  ['dev', 'way-out-down', 'Maximum', { EvaluationPeriods: 2, TreatMissingData: 'breaching' }],
  ['prod', 'no-complete-run', 'Sum', { ...SILENT, MetricName: METRICS.fullRunsComplete, EvaluationPeriods: 24 + 2 }],
  ['staging', 'no-complete-run', 'Sum', { ...SILENT, EvaluationPeriods: 12 + 2 }],
  // On weekdays only.
  ['custom', 'no-complete-run', 'Sum', { ...SILENT, EvaluationPeriods: 72 + 2 }],
  // The longest that CloudWatch looks back.
  ['scheduledDev', 'no-complete-run', 'Sum', { ...SILENT, EvaluationPeriods: 7 * 24 }],
  // When even a thin day would be final.
  ['prod', 'prices-stale', 'Minimum', { ...STALE, Threshold: 24 + 72 + 2 }],
  ['staging', 'prices-stale', 'Minimum', { ...STALE, Threshold: 12 + 72 + 2 }],
  ['prod', 'credits-short', 'Minimum', { ...MEASURED_BY_RUNS, ...BELOW, Threshold: 0 }],
  ['custom', 'message-old', 'Maximum', { Threshold: 21_600 }],
  // Those of the database follow its size. RDS itself acts at 10 %.
  ['custom', 'database-storage', 'Minimum', { ...BELOW, Threshold: 2.5 * 1024 ** 3, EvaluationPeriods: 3 }],
  ['custom', 'database-connections', 'Maximum', { Threshold: 112, EvaluationPeriods: 3 }],
  ['prod', 'database-connections', 'Maximum', { Threshold: 56, EvaluationPeriods: 3 }],
] as const)('in %s %s rings when it should', (name, id, Statistic, unlikeOthers) => {
  expect(alarmsOf(name).get(id)).toMatchObject({ ...USUAL, Statistic, ...unlikeOthers });
});

describe('the dashboard', () => {
  const body = (name: DeploymentName) =>
    JSON.stringify(resource(templateOf(name), 'AWS::CloudWatch::Dashboard').Properties.DashboardBody);

  test.each(STAGES)("in %s tells the run's story from the call to the database, by graphs in each chapter", (stage) => {
    const chapters = ['1. Called', '2. Queued', '3. Worked on', '4. Fetched', '5. Stored', '6. Fresh', '7. Database'];
    const [head = '', ...parts] = body(stage).split('## ');
    expect(head).toContain('Alarms');
    expect(parts.map((part) => chapters.find((chapter) => part.startsWith(chapter)))).toEqual(chapters);
    for (const part of parts) expect(part).toContain('timeSeries');
  });

  test("shows every alarm, and the database's latencies", () => {
    for (const id of Object.keys(resourcesOf(prod, 'AWS::CloudWatch::Alarm'))) expect(body('webhook')).toContain(id);
    for (const metric of ['ReadLatency', 'WriteLatency']) expect(body('prod')).toContain(metric);
  });
});
