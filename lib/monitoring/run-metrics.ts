import type { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { Rule } from 'aws-cdk-lib/aws-events';
import { METRIC_NAMESPACE, METRICS, SERVICE_NAME } from '../../ingestion/contract/names.ts';
import type { StackConfig } from '../stage-config.ts';

type MetricOptions = { readonly statistic: 'Sum' | 'Maximum' | 'Minimum'; readonly period: Duration };

/** @returns a metric that the program emits, with the same dimensions. */
export const programMetric = (
  { deployment }: Pick<StackConfig, 'deployment'>,
  name: keyof typeof METRICS,
  options: MetricOptions,
): Metric =>
  new Metric({
    namespace: METRIC_NAMESPACE,
    metricName: METRICS[name],
    dimensionsMap: { service: SERVICE_NAME, stage: deployment },
    ...options,
  });

/** @returns a metric of EventBridge about one rule. Most exist only while they are not zero. */
export const ruleMetric = (rule: Rule, metricName: string, options: MetricOptions): Metric =>
  new Metric({ namespace: 'AWS/Events', metricName, dimensionsMap: { RuleName: rule.ruleName }, ...options });
