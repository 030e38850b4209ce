import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { METRIC_NAMESPACE, METRICS, SERVICE_NAME } from '../../ingestion/contract/names.ts';
import type { StackConfig } from '../stage-config.ts';
import type { AlarmRow } from './alarms.ts';
import type { Graph } from './dashboard.ts';

/** What a capability brings to be watched. `Alarms` and the dashboard only collect it. */
export interface Watched {
  alarms?(): readonly AlarmRow[];
  graphs?(): readonly Graph[];
}

type Statistics = { readonly statistic: 'Sum' | 'Maximum' | 'Minimum'; readonly period: Duration };

const PERIOD = Duration.minutes(5);
export const SUM: Statistics = { statistic: 'Sum', period: PERIOD };
export const MOST: Statistics = { statistic: 'Maximum', period: PERIOD };
export const LEAST: Statistics = { statistic: 'Minimum', period: PERIOD };

export const HOURLY = { period: Duration.hours(1) } as const;

/** @returns a metric that the program emits, with the same dimensions. */
export const programMetric = (
  { deployment }: StackConfig,
  name: keyof typeof METRICS,
  statistics: Statistics = SUM,
): Metric =>
  new Metric({
    namespace: METRIC_NAMESPACE,
    metricName: METRICS[name],
    dimensionsMap: { service: SERVICE_NAME, stage: deployment },
    ...statistics,
  });
