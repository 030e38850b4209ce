import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { ENVIRONMENT, METRIC_NAMESPACE, METRICS, SERVICE_NAME } from '../../ingestion/contract/names.ts';
import { log } from './logger.ts';

type MetricName = (typeof METRICS)[keyof typeof METRICS];

/** @param dimensions are added to `service` and `stage`. */
export type EmitMetrics = (values: Partial<Record<MetricName, number>>, dimensions?: Record<string, string>) => void;

/** Everything else is a count. */
const UNITS: Partial<Record<string, (typeof MetricUnit)[keyof typeof MetricUnit]>> = {
  [METRICS.runDuration]: MetricUnit.Seconds,
  [METRICS.hoursSinceComplete]: MetricUnit.NoUnit,
  [METRICS.priceAgeHours]: MetricUnit.NoUnit,
};

/** Powertools' metrics, without their warning of an invocation that counted nothing. Most invocations count nothing. */
class FunctionMetrics extends Metrics {
  override publishStoredMetrics(): this {
    return this.hasStoredMetrics() ? super.publishStoredMetrics() : this;
  }
}

/** `logMetrics` prints them when an invocation ends, as one line from which CloudWatch reads them. */
export const metrics = new FunctionMetrics({
  namespace: METRIC_NAMESPACE,
  serviceName: SERVICE_NAME,
  defaultDimensions: { stage: process.env[ENVIRONMENT.stage] || 'none' },
  logger: log,
});

/** Metrics with dimensions of their own are printed at once, a line each: all metrics of a line share its dimensions. */
export const emit: EmitMetrics = (values, dimensions) => {
  for (const [name, value] of Object.entries(values)) {
    const target = dimensions ? metrics.singleMetric().addDimensions(dimensions) : metrics;
    target.addMetric(name, UNITS[name] ?? MetricUnit.Count, value);
  }
};
