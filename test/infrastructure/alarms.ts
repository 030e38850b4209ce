import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { ALARM_IDS as IDS } from '../../ingestion/contract/alarm-names.ts';
import { METRIC_NAMESPACE, METRICS, SERVICE_NAME } from '../../ingestion/contract/names.ts';
import {
  configOf,
  createStack,
  grantsOf,
  nameOf,
  type Resource,
  resource,
  resourcesOf,
  STAGES,
  templateOf,
  WITH_WEBHOOK,
} from './synthesise.ts';

const prod = templateOf(WITH_WEBHOOK);

/** Longer than any region there is. */
const REGION = 'ap-southeast-99';

/** @returns an alarm's text as CloudWatch gets it. */
const textOf = ({ AlarmDescription }: Resource['Properties']): string => {
  const [between, parts] = AlarmDescription['Fn::Join'] as [string, unknown[]];
  return parts.map((part) => (typeof part === 'string' ? part : REGION)).join(between);
};

/** @returns a stage's alarms by the ids under which the runbook has them. */
function alarmsOf(stage: string, settings = {}): Map<string, Resource['Properties']> {
  const all = { ...(stage === 'prod' ? {} : { stage }), ...WITH_WEBHOOK, ...settings };
  const alarms = Object.values(resourcesOf(templateOf(all), 'AWS::CloudWatch::Alarm'));
  const { suffix } = configOf(all);
  return new Map(
    alarms.map(({ Properties }) => [
      Properties.AlarmName.replace(/^crypto-prices-/, '').slice(0, suffix ? -suffix.length : undefined),
      Properties,
    ]),
  );
}

const alarms = alarmsOf('prod');
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

  const GITHUB = 'https://github.com/you/crypto-prices';
  /** The anchors that GitHub gives the headings: small letters, no punctuation, hyphens; a repeated one gets a number. */
  const anchors = [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

  test('every text leads to its section, where the repository is known at GitHub', () => {
    for (const [id, alarm] of alarmsOf('prod', { repositoryUrl: GITHUB })) {
      expect(textOf(alarm)).toMatch(/^\[(critical|warning)\] [A-Z].{30,}\.\n/);
      expect(textOf(alarm)).toContain(`\nWhat to do: ${GITHUB}/blob/HEAD/docs/runbook.md#${id}\n`);
      expect(anchors.filter((anchor) => anchor === id)).toHaveLength(1);
    }
    expect(textOf(alarm('runs-dead'))).toContain('\nWhat to do: docs/runbook.md#runs-dead\n');
  });
});

describe('the text of an alarm', () => {
  test.each(STAGES)('in %s is no longer than CloudWatch takes, with the longest name and address', (stage) => {
    const name = 'sixteen-letters1';
    expect(() => templateOf({ name: `${name}x` })).toThrow('at most 16');
    const repositoryUrl = `https://github.com/${'x'.repeat(81)}`;
    expect(() => templateOf({ repositoryUrl: `${repositoryUrl}x` })).toThrow('at most 100 characters');
    for (const alarm of alarmsOf(stage, { name, repositoryUrl }).values()) {
      expect(textOf(alarm).length).toBeLessThanOrEqual(1024);
    }
  });

  test("leads to the dashboard of the stack's region", () => {
    const { DashboardName } = resource(templateOf({ stage: 'staging' }), 'AWS::CloudWatch::Dashboard').Properties;
    for (const alarm of alarmsOf('staging').values()) {
      expect(textOf(alarm)).toContain(
        `\nDashboard: https://${REGION}.console.aws.amazon.com/cloudwatch/home?region=${REGION}#dashboards/dashboard/${DashboardName}\n`,
      );
    }
  });

  /** What the console reads from the link: `$` stands for a percent sign, then an asterisk does. */
  function queryOf(text: string): string {
    const [, query = ''] = /\nLogs: https:\S+#logsV2:logs-insights\$3FqueryDetail\$3D(\S+)$/.exec(text) ?? [];
    return decodeURIComponent(decodeURIComponent(query.replaceAll('$', '%')).replaceAll('*', '%'));
  }

  test.each(STAGES)('in %s leads to a query of logs that the stack has', (stage) => {
    const groups = Object.values(resourcesOf(templateOf({ stage, ...WITH_WEBHOOK }), 'AWS::Logs::LogGroup')).map(
      ({ Properties }) => Properties.LogGroupName,
    );
    for (const alarm of alarmsOf(stage).values()) {
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

  test('leads to links that no program cuts short: they have no sign that ends one', () => {
    for (const alarm of alarms.values()) {
      for (const [link] of textOf(alarm).matchAll(/https:.*/g)) expect(link).toMatch(/^[\w:/.?=#$*~%-]+$/);
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
    const template = templateOf({ alarmMails: 'a@example.com,b@example.com' });
    const subscriptions = Object.values(resourcesOf(template, 'AWS::SNS::Subscription'));
    expect(subscriptions.map(({ Properties: { Protocol, Endpoint } }) => [Protocol, Endpoint])).toEqual([
      ['email', 'a@example.com'],
      ['email', 'b@example.com'],
    ]);
  });

  test('a stack that tells nobody says so at synth', () => {
    const warning = Match.stringLikeRegexp('No alarm reaches anybody: put "alarmMails"');
    Annotations.fromStack(createStack({}).stack).hasWarning('*', warning);
    Annotations.fromStack(createStack({ alarmMails: 'a@example.com' }).stack).hasNoWarning('*', warning);
    const onlyWebhook = Match.stringLikeRegexp('No alarm reaches anybody while the webhook is out of order: put');
    Annotations.fromStack(createStack(WITH_WEBHOOK).stack).hasWarning('*', onlyWebhook);
  });
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

  test('rings once a message is given up, not at each attempt', () => {
    expect(alarm('webhook-failed')).toMatchObject({ MetricName: 'AsyncEventsDropped', Statistic: 'Sum', Threshold: 1 });
  });

  test.each([
    ['a name', 'hooks/alarms', /:secret:hooks\/alarms-\?{6}$/],
    [
      'an ARN',
      'arn:aws:secretsmanager:eu-central-1:123456789012:secret:hook-AbCdEf',
      /^arn:aws:.+:secret:hook-AbCdEf$/,
    ],
  ])('reads the one secret, by %s', (_, alarmWebhookSecretName, arn) => {
    const template = templateOf({ alarmWebhookSecretName });
    const { Variables } = resource(template, 'AWS::Lambda::Function', 'AlarmWebhook').Properties.Environment;
    expect(Variables.WEBHOOK_SECRET_ID).toBe(alarmWebhookSecretName);
    const secrets = grantsOf(template, 'alarm-webhook').filter((grant) => grant.startsWith('secretsmanager:'));
    expect(secrets).toEqual([
      expect.stringMatching(/^secretsmanager:DescribeSecret on /),
      expect.stringMatching(/^secretsmanager:GetSecretValue on /),
    ]);
    for (const grant of secrets) expect(grant.split(' on ')[1]).toMatch(arn);
  });

  test.each([
    ['alarmWebhookSecretName', 'https://hooks.slack.com/services/T0/B0/x', 'the name or the whole ARN of a secret'],
    ['alarmWebhookSecretName', 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:hook', 'the whole ARN'],
    ['repositoryUrl', 'http://github.com/you/crypto-prices', 'an https address of at most 100 characters'],
    ['repositoryUrl', 'https://github.com/you/crypto-prices/', 'an https address of at most 100 characters'],
    ['repositoryUrl', 'https://me:password@example.com/you/crypto-prices', 'an https address'],
  ])('%s "%s" is refused', (name, value, takes) => {
    expect(() => templateOf({ [name]: value })).toThrow(takes);
  });

  test('is not there unless a secret is named', () => {
    const template = templateOf({});
    expect(Object.keys(template.findResources('AWS::Lambda::Function')).join()).not.toContain('Webhook');
    expect(Object.values(resourcesOf(template, 'AWS::CloudWatch::Alarm'))).toHaveLength(alarms.size - 1);
  });
});

describe('what is watched', () => {
  test('in stages with a schedule, and in those without', () => {
    const ofSchedule = [
      ...['scheduled-call-failed', 'rule-throttled', 'calls-undelivered', 'undelivered-call-lost'],
      ...['no-complete-run', 'prices-stale'],
    ];
    const lacking = { dev: ofSchedule, staging: [], prod: ['way-out-down'] } as const;
    for (const stage of STAGES)
      expect([...alarmsOf(stage).keys()]).toEqual(IDS.filter((id) => !lacking[stage].some((other) => other === id)));
  });

  test.each(STAGES)('in %s, metrics of the program carry the names and dimensions that it emits them with', (stage) => {
    const own = [...alarmsOf(stage).values()].filter(({ Namespace }) => Namespace === METRIC_NAMESPACE);
    expect(own.length).toBeGreaterThan(3);
    for (const { MetricName, Dimensions } of own) {
      expect(Object.values(METRICS)).toContain(MetricName);
      expect(Dimensions).toEqual([
        { Name: 'service', Value: SERVICE_NAME },
        { Name: 'stage', Value: stage },
      ]);
    }
  });

  test("metrics of AWS are those of this stack's resources", () => {
    const watched = [...alarms].filter(([, { Namespace }]) => Namespace !== METRIC_NAMESPACE);
    expect(
      Object.fromEntries(
        watched.map(
          ([
            id,
            {
              Namespace,
              MetricName,
              Dimensions: [dimension],
            },
          ]) => [id, `${Namespace} ${MetricName} ${dimension.Name}=${nameOf(dimension.Value)}`],
        ),
      ),
    ).toEqual({
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

  test('no alarm looks back further than CloudWatch does', () => {
    for (const { Period, EvaluationPeriods } of alarms.values()) {
      expect(Period * EvaluationPeriods).toBeLessThanOrEqual(7 * 24 * 3600);
    }
  });
});

describe('silence', () => {
  test.each([
    ['prod', { stage: 'prod' }, 24 + 2],
    ['staging', { stage: 'staging' }, 12 + 2],
    ['weekdays only', { stage: 'prod', schedule: 'cron(0 2 ? * MON-FRI *)' }, 72 + 2],
    ['the longest that can be watched', { stage: 'prod', schedule: 'rate(166 hours)' }, 168],
  ])(
    'no complete run, in %s: missing data is breaching, over the longest interval and 2 hours',
    (_, settings, hours) => {
      const template = templateOf(settings);
      const { Properties } = resource(template, 'AWS::CloudWatch::Alarm', 'Alarmsnocompleterun');
      expect(Properties).toMatchObject({
        MetricName: METRICS.fullRunsComplete,
        Statistic: 'Sum',
        Threshold: 1,
        ComparisonOperator: 'LessThanThreshold',
        Period: 3600,
        EvaluationPeriods: hours,
        TreatMissingData: 'breaching',
      });
      expect(textOf(Properties)).toContain(`No full run has been complete for ${hours} hours`);
    },
  );

  test('what is only measured by runs keeps its state between them', () => {
    for (const id of ['prices-stale', 'credits-short']) expect(alarm(id).TreatMissingData).toBe('ignore');
  });

  test('a NAT instance that says nothing is down', () => {
    const instance = resource(templateOf({ stage: 'dev' }), 'AWS::EC2::Instance');
    expect(alarmsOf('dev').get('way-out-down')).toMatchObject({
      Namespace: 'AWS/EC2',
      MetricName: 'StatusCheckFailed',
      Dimensions: [{ Name: 'InstanceId', Value: { Ref: instance.id } }],
      Statistic: 'Maximum',
      Threshold: 1,
      TreatMissingData: 'breaching',
    });
  });

  test('elsewhere it means that nothing happened', () => {
    const others = [...alarms].filter(([id]) => !['no-complete-run', 'prices-stale', 'credits-short'].includes(id));
    for (const [, { TreatMissingData }] of others) expect(TreatMissingData).toBe('notBreaching');
  });
});

describe('thresholds', () => {
  test('a run that ended partial is told, and what its retries heal is counted as another metric', () => {
    expect(alarm('run-partial')).toMatchObject({ MetricName: METRICS.runsPartial, Statistic: 'Sum', Threshold: 1 });
    expect(textOf(alarm('run-partial'))).toMatch(/^\[critical\] A run ended for good /);
  });

  test('a failed call of the schedule is told within 5 minutes', () => {
    expect(alarm('scheduled-call-failed')).toMatchObject({
      Statistic: 'Sum',
      Period: 300,
      EvaluationPeriods: 1,
      Threshold: 1,
    });
  });

  test('one message in a dead-letter queue is enough', () => {
    for (const id of ['runs-dead', 'calls-undelivered']) {
      expect(alarm(id)).toMatchObject({
        Statistic: 'Maximum',
        Threshold: 1,
        ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      });
    }
  });

  test('a hop is slow 15 s before Lambda would end it', () => {
    expect(alarm('worker-slow')).toMatchObject({ Statistic: 'Maximum', Threshold: 885_000 });
  });

  test('prices are stale when even a thin day would be final', () => {
    expect(alarm('prices-stale').Threshold).toBe(24 + 72 + 2);
    expect(alarmsOf('staging').get('prices-stale')?.Threshold).toBe(12 + 72 + 2);
  });

  test('those of the database follow its size', () => {
    const template = templateOf({ databaseInstance: 't4g.small', databaseStorageGib: '50' });
    const threshold = (id: string) =>
      resource(template, 'AWS::CloudWatch::Alarm', `Alarmsdatabase${id}`).Properties.Threshold;
    // RDS itself acts at 10 %.
    expect(threshold('storage')).toBe(2.5 * 1024 ** 3);
    expect(threshold('connections')).toBe(112);
    expect(alarm('database-connections').Threshold).toBe(56);
  });
});

describe('the dashboard', () => {
  const body = (stage: string) =>
    JSON.stringify(resource(templateOf({ stage }), 'AWS::CloudWatch::Dashboard').Properties.DashboardBody);

  test.each(STAGES)("in %s tells the run's story from the call to the database", (stage) => {
    const titles = [
      'Alarms',
      '1. Called',
      '2. Queued',
      '3. Worked on',
      '4. Fetched',
      '5. Stored',
      '6. Fresh',
      '7. Database',
    ];
    const positions = titles.map((title) => body(stage).indexOf(title));
    expect(positions).toEqual(positions.toSorted((one, other) => one - other));
    expect(positions).not.toContain(-1);
  });

  test("shows every alarm, and the database's latencies", () => {
    const { DashboardBody } = resource(prod, 'AWS::CloudWatch::Dashboard').Properties;
    for (const id of Object.keys(resourcesOf(prod, 'AWS::CloudWatch::Alarm'))) {
      expect(JSON.stringify(DashboardBody)).toContain(id);
    }
    for (const metric of ['ReadLatency', 'WriteLatency']) expect(body('prod')).toContain(metric);
  });
});
