import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { METRIC_NAMESPACE, METRICS, SERVICE_NAME } from '../../ingestion/contract/names.ts';
import { createStack, nameOf, type Resource, resource, resourcesOf, STAGES, templateOf } from './synthesise.ts';

const prod = templateOf({});

/** @returns a stage's alarms by the ids under which the runbook has them. */
function alarmsOf(stage: string): Map<string, Resource['Properties']> {
  const alarms = Object.values(resourcesOf(templateOf({ stage }), 'AWS::CloudWatch::Alarm'));
  const suffix = stage === 'prod' ? '' : `-${stage}`;
  return new Map(
    alarms.map(({ Properties }) => [
      Properties.AlarmName.replace(/^crypto-prices-/, '').slice(0, suffix ? -suffix.length : undefined),
      Properties,
    ]),
  );
}

const alarms = alarmsOf('prod');
/** Every alarm that there is in some deployment. The one of the NAT instance stands where a run passes it. */
const IDS = [...alarmsOf('staging').keys()];
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

  test('every description leads to its section', () => {
    for (const [id, { AlarmDescription }] of alarmsOf('staging')) {
      expect(AlarmDescription).toMatch(/^\[(critical|warning)\] [A-Z].{30,}\. What to do: docs\/runbook\.md#/);
      expect(AlarmDescription.endsWith(`#${id}`)).toBe(true);
    }
  });
});

describe('who is told', () => {
  test('every alarm goes to the topic', () => {
    const topic = resource(prod, 'AWS::SNS::Topic');
    for (const { AlarmActions } of alarms.values()) expect(AlarmActions).toEqual([{ Ref: topic.id }]);
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
  });
});

describe('what is watched', () => {
  test('in stages with a schedule, and in those without', () => {
    const scheduled = [
      'scheduled-call-failed',
      'rule-throttled',
      'calls-undelivered',
      'undelivered-call-lost',
      'no-complete-run',
      'prices-stale',
    ];
    expect([...alarms.keys()]).toEqual(IDS.filter((id) => id !== 'way-out-down'));
    expect([...alarmsOf('dev').keys()]).toEqual(IDS.filter((id) => !scheduled.includes(id)));
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
      expect(Properties.AlarmDescription).toContain(`No full run has been complete for ${hours} hours`);
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
    expect(alarm('run-partial').AlarmDescription).toMatch(/^\[critical\] A run ended for good /);
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
    for (const id of Object.keys(resourcesOf(prod, 'AWS::CloudWatch::Alarm'))) expect(body('prod')).toContain(id);
    for (const metric of ['ReadLatency', 'WriteLatency']) expect(body('prod')).toContain(metric);
  });
});
