import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { METRIC_NAMESPACE, METRICS, SERVICE_NAME } from '../../ingestion/contract/names.ts';

type MetricName = (typeof METRICS)[keyof typeof METRICS];

/**
 * Prints metrics as one line of EMF, from which CloudWatch makes them.
 * @param dimensions are added to `service` and `stage`.
 */
export type EmitMetrics = (values: Partial<Record<MetricName, number>>, dimensions?: Record<string, string>) => void;

/** Everything else is a count. */
const UNITS: Partial<Record<MetricName, (typeof MetricUnit)[keyof typeof MetricUnit]>> = {
  [METRICS.runDuration]: MetricUnit.Seconds,
  [METRICS.hoursSinceComplete]: MetricUnit.NoUnit,
  [METRICS.priceAgeHours]: MetricUnit.NoUnit,
};

export function createMetrics(stage: string): EmitMetrics {
  const metrics = new Metrics({
    namespace: METRIC_NAMESPACE,
    serviceName: SERVICE_NAME,
    defaultDimensions: { stage },
  });
  return (values, dimensions = {}) => {
    // Powertools warns of a line without metrics, and the log of the worker has to be JSON.
    if (Object.keys(values).length === 0) return;
    for (const [name, value] of Object.entries(values)) {
      metrics.addMetric(name, UNITS[name as MetricName] ?? MetricUnit.Count, value);
    }
    if (Object.keys(dimensions).length > 0) metrics.addDimensions(dimensions);
    metrics.publishStoredMetrics();
  };
}
