import { Duration } from 'aws-cdk-lib';
import {
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Construct } from 'constructs';
import type { METRICS } from '../../ingestion/contract/names.ts';
import type { Database } from '../database/price-database.ts';
import type { Endpoint } from '../endpoint/endpoint.ts';
import type { ScheduleRule } from '../schedule/daily-fetch.ts';
import type { StackConfig } from '../stage-config.ts';
import { dashboardName } from '../stage-names.ts';
import type { Queues } from '../worker/queues.ts';
import type { AlarmRegistry } from './alarm-registry.ts';
import { programMetric, ruleMetric } from './run-metrics.ts';

const PERIOD = Duration.hours(1);
const WIDTH = 24;

export interface DashboardProps {
  readonly config: StackConfig;
  readonly schedule: ScheduleRule | null;
  readonly endpoint: Endpoint;
  readonly queues: Queues;
  readonly worker: NodejsFunction;
  readonly database: Database;
  readonly alarms: AlarmRegistry;
}

/** A run's story from top to bottom: called, queued, worked on, fetched, stored, fresh. */
export function createDashboard(scope: Construct, id: string, props: DashboardProps): Dashboard {
  const { config, schedule, endpoint, queues, worker, alarms } = props;
  const { instance } = props.database;
  const program = (name: keyof typeof METRICS, statistic: 'Sum' | 'Maximum' | 'Minimum' = 'Sum') =>
    programMetric(config, name, { statistic, period: PERIOD });
  const sum = { statistic: 'Sum', period: PERIOD } as const;
  const most = { statistic: 'Maximum', period: PERIOD } as const;
  const least = { statistic: 'Minimum', period: PERIOD } as const;

  return new Dashboard(scope, id, {
    dashboardName: dashboardName(config),
    defaultInterval: Duration.days(14),
    widgets: [
      [new AlarmStatusWidget({ title: 'Alarms', alarms: alarms.alarms, width: WIDTH, height: 4 })],
      heading('1. Called', 'The schedule calls the endpoint; the endpoint queues a run.'),
      row(
        ...(schedule
          ? [
              graph('Schedule', [
                ruleMetric(schedule.rule, 'Invocations', sum),
                ruleMetric(schedule.rule, 'FailedInvocations', sum),
              ]),
            ]
          : []),
        graph('Endpoint', [
          endpoint.api.metricCount(sum),
          endpoint.api.metricClientError(sum),
          endpoint.api.metricServerError(sum),
          program('unauthorizedCalls'),
        ]),
        graph('Trigger', [endpoint.handler.metricDuration(most), program('runsQueued')]),
      ),
      heading('2. Queued', 'One run at a time. What gives up ends in a dead-letter queue.'),
      row(
        graph('Runs waiting', [
          queues.runs.metricApproximateNumberOfMessagesVisible(most),
          queues.runs.metricApproximateNumberOfMessagesNotVisible(most),
        ]),
        graph('Oldest message', [queues.runs.metricApproximateAgeOfOldestMessage(most)]),
        graph('Dead letters', [
          queues.deadRuns.metricApproximateNumberOfMessagesVisible({ ...most, label: 'runs' }),
          ...(schedule
            ? [schedule.undelivered.metricApproximateNumberOfMessagesVisible({ ...most, label: 'undelivered calls' })]
            : []),
        ]),
      ),
      heading('3. Worked on', 'Hops of the worker, and what the runs came to.'),
      row(
        graph('Worker', [worker.metricInvocations(sum), worker.metricErrors(sum)]),
        graph('Hop duration', [worker.metricDuration(most), program('runDuration', 'Maximum')]),
        graph('Verdicts', [
          program('runsComplete'),
          program('runsPartial'),
          program('runsFailed'),
          program('runsWaiting'),
        ]),
      ),
      heading('4. Fetched', 'What CoinGecko was asked for, and how it took it.'),
      row(
        graph('Requests', [program('requests'), program('retries'), program('rateLimited')]),
        graph('Credits', [program('creditsLeft', 'Minimum'), program('creditsSpare', 'Minimum')]),
      ),
      heading('5. Stored', 'Days expected, stored and missing; what the quality rules found.'),
      row(
        graph('Days', [
          program('daysExpected', 'Maximum'),
          program('daysStored', 'Maximum'),
          program('daysMissing', 'Maximum'),
        ]),
        graph('Rows written', [program('rowsWritten')]),
        graph('Findings that alarm', [program('errorFindings')]),
      ),
      heading('6. Fresh', 'How old the newest prices are, in hours.'),
      row(
        graph('Newest final day', [program('priceAgeHours', 'Minimum')]),
        graph('Last complete run', [program('hoursSinceComplete', 'Minimum')]),
      ),
      heading('7. Database', 'Whether it keeps up.'),
      row(
        graph('Latency', [instance.metric('ReadLatency', most), instance.metric('WriteLatency', most)]),
        graph('CPU', [instance.metricCPUUtilization(most)]),
        graph('CPU credits', [instance.metric('CPUCreditBalance', least)]),
        graph('Connections', [instance.metricDatabaseConnections(most)]),
        graph('Free storage', [instance.metricFreeStorageSpace(least)]),
      ),
    ],
  });
}

const heading = (title: string, text: string): IWidget[] => [
  new TextWidget({ markdown: `## ${title}\n${text}`, width: WIDTH, height: 2 }),
];

const graph = (title: string, left: IMetric[]) => ({ title, left });

/** Graphs side by side over the whole width. */
const row = (...graphs: ReturnType<typeof graph>[]): IWidget[] =>
  graphs.map(
    ({ title, left }) => new GraphWidget({ title, left, width: Math.floor(WIDTH / graphs.length), height: 6 }),
  );
