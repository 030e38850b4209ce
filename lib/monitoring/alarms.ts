import { Duration } from 'aws-cdk-lib';
import { ComparisonOperator, Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Construct } from 'constructs';
import { WORKER_TIMEOUT_MINUTES } from '../../ingestion/contract/limits.ts';
import type { Database } from '../database/price-database.ts';
import type { Network } from '../network/network.ts';
import type { ScheduleRule } from '../schedule/daily-fetch.ts';
import type { StackConfig } from '../stage-config.ts';
import { accessLog, databaseLog, functionLog } from '../stage-names.ts';
import { DATABASE_INSTANCES } from '../stage-settings.ts';
import type { Queues } from '../worker/queues.ts';
import { AlarmRegistry } from './alarm-registry.ts';
import { programMetric, ruleMetric } from './run-metrics.ts';

const FIVE_MINUTES = Duration.minutes(5);
const HOUR = Duration.hours(1);

/** A hop starts nothing in its last minute and waits at most 30 s for an answer. One that gets this close failed to stop. */
const WORKER_MARGIN_SECONDS = 15;
const WORKER_SLOW_MS = Duration.minutes(WORKER_TIMEOUT_MINUTES)
  .minus(Duration.seconds(WORKER_MARGIN_SECONDS))
  .toMilliseconds();

/** Five hops of 15 minutes and the waits of 1, 5, 20 and 60 minutes between them are 161 minutes. */
const OLDEST_MESSAGE = Duration.hours(3);

/** A thin day becomes final 72 h after its end at the earliest. The run itself gets 2 h. */
const PRICE_AGE_BESIDE_INTERVAL_HOURS = 72 + 2;

/** How many hours beyond the schedule's longest interval may pass without a complete run. */
const SILENCE_BESIDE_INTERVAL_HOURS = 2;

/** RDS grows the storage once less than a tenth has been free for 5 minutes. At half of that it has not grown. */
const STORAGE_LEFT = 0.05;
const GIB = 1024 ** 3;

/** A t4g.micro earns 12 an hour and uses 6 at its baseline of 10 %. */
const CPU_CREDITS_LEFT = 20;

/**
 * RDS allows PostgreSQL one connection for each 9,531,392 bytes of memory that the system leaves: about 80 on a t4g.micro.
 * Half of the nominal number is below that, and far above the six that this program uses.
 */
const connectionsTooMany = ({ database }: StackConfig): number =>
  Math.floor((DATABASE_INSTANCES[database.instance] * GIB) / 9_531_392 / 2);

export interface AlarmsProps {
  readonly config: StackConfig;
  readonly network: Network;
  readonly queues: Queues;
  readonly worker: NodejsFunction;
  readonly rotation: NodejsFunction;
  readonly repair: NodejsFunction;
  readonly database: Database;
  readonly schedule: ScheduleRule | null;
}

/** Every alarm, in the order in which a run passes what it watches. */
export function createAlarms(scope: Construct, id: string, props: AlarmsProps): AlarmRegistry {
  const alarms = new AlarmRegistry(scope, id, props.config);
  watchSchedule(alarms, props);
  watchSecret(alarms, props);
  watchQueue(alarms, props);
  watchWorker(alarms, props);
  watchWayOut(alarms, props);
  watchPrices(alarms, props);
  watchDatabase(alarms, props);
  return alarms;
}

function watchSchedule(alarms: AlarmRegistry, { config, schedule }: AlarmsProps): void {
  if (!schedule) return;
  const logs = [accessLog(config), functionLog(config, 'trigger')];
  const { rule, undelivered } = schedule;
  alarms.add({
    id: 'scheduled-call-failed',
    severity: 'critical',
    meaning: 'EventBridge could not deliver a scheduled call despite its retries: that run was not queued.',
    logs,
    metric: ruleMetric(rule, 'FailedInvocations', { statistic: 'Sum', period: FIVE_MINUTES }),
    threshold: 1,
  });
  alarms.add({
    id: 'rule-throttled',
    severity: 'warning',
    meaning: 'EventBridge throttled the scheduled rule: a call comes late, or not at all.',
    logs,
    metric: ruleMetric(rule, 'ThrottledRules', { statistic: 'Sum', period: FIVE_MINUTES }),
    threshold: 1,
  });
  alarms.add({
    id: 'calls-undelivered',
    severity: 'critical',
    meaning:
      'A scheduled call lies in the queue of undelivered calls. Nothing replays it; the next run fetches what it missed.',
    logs,
    metric: undelivered.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: FIVE_MINUTES }),
    threshold: 1,
  });
  alarms.add({
    id: 'undelivered-call-lost',
    severity: 'critical',
    meaning: 'EventBridge could neither deliver a scheduled call nor keep it in the queue of undelivered calls.',
    logs,
    metric: ruleMetric(rule, 'InvocationsFailedToBeSentToDlq', { statistic: 'Sum', period: FIVE_MINUTES }),
    threshold: 1,
  });
}

function watchSecret(alarms: AlarmRegistry, { config, rotation, repair }: AlarmsProps): void {
  alarms.add({
    id: 'connection-not-authorized',
    severity: 'critical',
    meaning:
      'EventBridge stopped using the connection because the endpoint refused its secret. A repair has started and a run is queued.',
    logs: [functionLog(config, 'repair-connection')],
    metric: programMetric(config, 'connectionNotAuthorized', { statistic: 'Sum', period: FIVE_MINUTES }),
    threshold: 1,
  });
  alarms.add({
    id: 'connection-repair-failed',
    severity: 'critical',
    meaning: 'The connection could not be authorised again. Until it is, no scheduled call is made.',
    logs: [functionLog(config, 'repair-connection')],
    metric: repair.metricErrors({ statistic: 'Sum', period: FIVE_MINUTES }),
    threshold: 1,
  });
  alarms.add({
    id: 'rotation-failed',
    severity: 'critical',
    meaning: 'The cron secret could not be rotated. The old one is still good; Secrets Manager tries again.',
    logs: [functionLog(config, 'rotate-secret')],
    // The function's own errors include those before its program could count them.
    metric: rotation.metricErrors({ statistic: 'Sum', period: FIVE_MINUTES }),
    threshold: 1,
  });
}

function watchQueue(alarms: AlarmRegistry, { config, queues }: AlarmsProps): void {
  alarms.add({
    id: 'runs-dead',
    severity: 'critical',
    meaning: 'A run gave up and is in the dead-letter queue: prices are missing until its cause is fixed.',
    logs: [functionLog(config, 'worker')],
    metric: queues.deadRuns.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: FIVE_MINUTES }),
    threshold: 1,
  });
  alarms.add({
    id: 'message-old',
    severity: 'warning',
    meaning:
      'A run has been queued for longer than all its retries take: it waits for CoinGecko, or for an earlier run.',
    logs: [functionLog(config, 'worker')],
    metric: queues.runs.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum', period: FIVE_MINUTES }),
    threshold: OLDEST_MESSAGE.toSeconds(),
  });
}

function watchWorker(alarms: AlarmRegistry, { config, worker }: AlarmsProps): void {
  alarms.add({
    id: 'worker-errors',
    severity: 'critical',
    meaning: 'A worker crashed, timed out or could not start. Its message comes back after the visibility timeout.',
    logs: [functionLog(config, 'worker')],
    metric: worker.metricErrors({ statistic: 'Sum', period: FIVE_MINUTES }),
    threshold: 1,
  });
  alarms.add({
    id: 'worker-slow',
    severity: 'warning',
    meaning: `A hop came within ${WORKER_MARGIN_SECONDS} s of its limit of ${WORKER_TIMEOUT_MINUTES} minutes: it did not stop by itself in time.`,
    logs: [functionLog(config, 'worker')],
    metric: worker.metricDuration({ statistic: 'Maximum', period: FIVE_MINUTES }),
    threshold: WORKER_SLOW_MS,
  });
}

function watchWayOut(alarms: AlarmRegistry, { config, network: { natInstance } }: AlarmsProps): void {
  if (!natInstance) return;
  alarms.add({
    id: 'way-out-down',
    severity: 'critical',
    meaning: 'The NAT instance fails its status checks, or is gone: no run reaches CoinGecko or its queue.',
    logs: [functionLog(config, 'worker')],
    metric: new Metric({
      namespace: 'AWS/EC2',
      metricName: 'StatusCheckFailed',
      dimensionsMap: { InstanceId: natInstance.instanceId },
      statistic: 'Maximum',
      period: FIVE_MINUTES,
    }),
    threshold: 1,
    periods: 2,
    // An instance that was stopped reports nothing.
    missing: TreatMissingData.BREACHING,
  });
}

function watchPrices(alarms: AlarmRegistry, { config }: AlarmsProps): void {
  if (config.schedule) {
    const intervalHours = Math.ceil(config.schedule.longestIntervalMinutes / 60);
    const silentHours = intervalHours + SILENCE_BESIDE_INTERVAL_HOURS;
    alarms.add({
      id: 'no-complete-run',
      severity: 'critical',
      meaning: `No full run has been complete for ${silentHours} hours: either none ran, or each left days missing.`,
      logs: [functionLog(config, 'trigger'), functionLog(config, 'worker')],
      metric: programMetric(config, 'fullRunsComplete', { statistic: 'Sum', period: HOUR }),
      threshold: 1,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      periods: silentHours,
      missing: TreatMissingData.BREACHING,
    });
    const staleHours = intervalHours + PRICE_AGE_BESIDE_INTERVAL_HOURS;
    alarms.add({
      id: 'prices-stale',
      severity: 'critical',
      meaning: `The newest day that is final in every series ended over ${staleHours} hours ago: some series is falling behind.`,
      logs: [functionLog(config, 'worker')],
      metric: programMetric(config, 'priceAgeHours', { statistic: 'Minimum', period: HOUR }),
      threshold: staleHours,
      comparison: ComparisonOperator.GREATER_THAN_THRESHOLD,
      // Nothing is measured between runs, and nothing gets better.
      missing: TreatMissingData.IGNORE,
    });
  }
  alarms.add({
    id: 'run-partial',
    severity: 'critical',
    meaning:
      'A run ended for good with expected days missing: retries could not help, or did not. Its verdict says which days, and why.',
    logs: [functionLog(config, 'worker')],
    metric: programMetric(config, 'runsPartial', { statistic: 'Sum', period: FIVE_MINUTES }),
    threshold: 1,
  });
  alarms.add({
    id: 'error-findings',
    severity: 'critical',
    meaning: 'A quality rule found prices that cannot be right, such as one currency sent for another.',
    logs: [functionLog(config, 'worker')],
    metric: programMetric(config, 'errorFindings', { statistic: 'Sum', period: FIVE_MINUTES }),
    threshold: 1,
  });
  alarms.add({
    id: 'credits-short',
    severity: 'warning',
    meaning: 'Fewer credits are left this month than its scheduled runs still need.',
    logs: [functionLog(config, 'worker')],
    metric: programMetric(config, 'creditsSpare', { statistic: 'Minimum', period: HOUR }),
    threshold: 0,
    comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
    missing: TreatMissingData.IGNORE,
  });
}

function watchDatabase(alarms: AlarmRegistry, { config, database: { instance } }: AlarmsProps): void {
  alarms.add({
    id: 'database-storage',
    severity: 'critical',
    meaning:
      'Less than a twentieth of the original storage is free: it did not grow in time, and the database stops when it is full.',
    logs: [databaseLog(config)],
    metric: instance.metricFreeStorageSpace({ statistic: 'Minimum', period: FIVE_MINUTES }),
    threshold: config.database.storageGib * GIB * STORAGE_LEFT,
    comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
    periods: 3,
  });
  alarms.add({
    id: 'database-cpu-credits',
    severity: 'warning',
    meaning: 'The database has used up its CPU credits: it keeps running, and every further hour of load is billed.',
    logs: [databaseLog(config)],
    metric: instance.metric('CPUCreditBalance', { statistic: 'Maximum', period: HOUR }),
    threshold: CPU_CREDITS_LEFT,
    comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
    // A new instance starts with none, and earns enough in two hours.
    periods: 4,
  });
  alarms.add({
    id: 'database-connections',
    severity: 'warning',
    meaning: "More than half of the database's connections are in use: some client does not give them back.",
    logs: [databaseLog(config)],
    metric: instance.metricDatabaseConnections({ statistic: 'Maximum', period: FIVE_MINUTES }),
    threshold: connectionsTooMany(config),
    periods: 3,
  });
}
