// What a capability needs to bring its own alarms and graphs.
import { Duration } from 'aws-cdk-lib';
import { Metric, type TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { AlarmId } from '../../ingestion/contract/alarm-names.ts';
import { METRIC_NAMESPACE, METRICS, SERVICE_NAME } from '../../ingestion/contract/names.ts';
import type { StackConfig } from '../stage-config.ts';

type Statistics = { readonly statistic: 'Sum' | 'Maximum' | 'Minimum'; readonly period: Duration };
const PERIOD = Duration.minutes(5);
export const SUM: Statistics = { statistic: 'Sum', period: PERIOD };
export const MOST: Statistics = { statistic: 'Maximum', period: PERIOD };
export const LEAST: Statistics = { statistic: 'Minimum', period: PERIOD };
export const HOURLY = { period: Duration.hours(1) } as const;

/** A capability that is watched. `Alarms` and the dashboard only collect what it brings. */
export abstract class Watched extends Construct {
  protected readonly config: StackConfig;
  /** The names of the log groups that tell more when one of its alarms rings. */
  readonly logs: readonly string[];

  constructor(scope: Construct, id: string, config: StackConfig, logs: readonly string[]) {
    super(scope, id);
    this.config = config;
    this.logs = logs;
  }

  alarms(): readonly AlarmRow[] {
    return [];
  }

  graphs(): readonly Graph[] {
    return [];
  }

  /** @returns a metric that the program emits, with the same dimensions. */
  protected measured(name: keyof typeof METRICS, statistics = SUM): Metric {
    const dimensionsMap = { service: SERVICE_NAME, stage: this.config.deployment };
    return new Metric({ namespace: METRIC_NAMESPACE, metricName: METRICS[name], dimensionsMap, ...statistics });
  }
}

export type AlarmRow = {
  readonly id: AlarmId;
  /** `critical`: prices are missing or soon will be, and somebody must act. `warning`: nothing is lost yet. */
  readonly severity: 'critical' | 'warning';
  readonly metric: Metric;
  /** What has happened, in a sentence or two, for somebody woken at night. */
  readonly meaning: string;
  /** @default ['from', 1] */
  readonly rings?: readonly ['below' | 'from' | 'above', number];
  /** How many periods of the metric in a row. @default 1 */
  readonly periods?: number;
  /** What missing data means. @default not breaching, since most of these metrics exist only when something happens */
  readonly missing?: TreatMissingData;
  /** @default those of the capability */
  readonly logs?: readonly string[];
};

type Row = (id: AlarmId, metric: Metric, row: Omit<AlarmRow, 'id' | 'severity' | 'metric'>) => AlarmRow;
export const critical: Row = (id, metric, row) => ({ id, severity: 'critical', metric, ...row });
export const warning: Row = (id, metric, row) => ({ id, severity: 'warning', metric, ...row });

/** The dashboard's chapters: a run's story from top to bottom. */
export const CHAPTERS = {
  Called: 'The schedule calls the endpoint; the endpoint queues a run.',
  Queued: 'One run at a time. What gives up ends in a dead-letter queue.',
  'Worked on': 'Hops of the worker, and the results of the runs.',
  Fetched: 'What CoinGecko was asked for, and how it took it.',
  Stored: 'Days expected, stored and missing; what the quality rules found.',
  Fresh: 'How old the newest prices are, in hours.',
  Database: 'Whether it keeps up.',
} as const;

export type Graph = {
  readonly chapter: keyof typeof CHAPTERS;
  readonly title: string;
  /** The dashboard shows them by the hour. */
  readonly metrics: readonly Metric[];
};

export const graph = (chapter: Graph['chapter'], title: string, ...metrics: readonly Metric[]): Graph => ({
  chapter,
  title,
  metrics,
});
