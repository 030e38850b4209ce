import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { ApiDestination, EventField, HttpMethod, Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { ApiDestination as ApiDestinationTarget } from 'aws-cdk-lib/aws-events-targets';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { QUEUE_RETENTION_DAYS } from '../../ingestion/contract/limits.ts';
import {
  API_DESTINATION_NAME,
  RULE_NAME,
  SCHEDULED_DETAIL_TYPE,
  SCHEDULED_SOURCE,
} from '../../ingestion/contract/names.ts';
import type { CronSecret } from '../cron-secret/cron-secret.ts';
import { accessLog, acknowledge, functionLog } from '../house-rules.ts';
import { critical, graph, MOST, SUM, Watched, warning } from '../monitoring/watched.ts';
import { resourceName, type StackConfig } from '../stage-config.ts';

/** Calls the endpoint on schedule, with the connection's secret. What can't be delivered is kept for somebody to look at. */
export class ScheduleRule extends Watched {
  private readonly rule: Rule;
  private readonly undelivered: Queue;

  constructor(scope: Construct, id: string, config: StackConfig, when: string, secret: CronSecret, url: string) {
    super(scope, id, config, [accessLog(config), functionLog(config, 'trigger')]);
    const destination = new ApiDestination(this, 'Destination', {
      apiDestinationName: `${API_DESTINATION_NAME}${config.suffix}`,
      description: 'The endpoint that queues a run',
      connection: secret.connection,
      endpoint: url,
      httpMethod: HttpMethod.POST,
      rateLimitPerSecond: 1,
    });
    // EventBridge writes to standard queues only.
    this.undelivered = new Queue(this, 'Undelivered', {
      queueName: resourceName(config, 'undelivered'),
      retentionPeriod: Duration.days(QUEUE_RETENTION_DAYS),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
    });
    acknowledge(this.undelivered, { 'AwsSolutions-SQS3': "It is itself a dead-letter queue, the rule's." });
    this.rule = new Rule(this, 'Rule', {
      ruleName: `${RULE_NAME}${config.suffix}`,
      description: 'Queues a run on schedule',
      schedule: Schedule.expression(when),
      targets: [
        new ApiDestinationTarget(destination, {
          event: RuleTargetInput.fromObject({
            source: SCHEDULED_SOURCE,
            'detail-type': SCHEDULED_DETAIL_TYPE,
            triggered_at: EventField.time,
          }),
          retryAttempts: 3,
          maxEventAge: Duration.hours(1),
          deadLetterQueue: this.undelivered,
        }),
      ],
    });
  }

  override alarms() {
    return [
      critical('scheduled-call-failed', this.metric('FailedInvocations'), {
        meaning: 'EventBridge could not deliver a scheduled call despite its retries: that run was not queued.',
      }),
      warning('rule-throttled', this.metric('ThrottledRules'), {
        meaning: 'EventBridge throttled the scheduled rule: a call comes late, or not at all.',
      }),
      critical('calls-undelivered', this.undelivered.metricApproximateNumberOfMessagesVisible(MOST), {
        meaning:
          'A scheduled call lies in the queue of undelivered calls. Nothing replays it; the next run fetches what it missed.',
      }),
      critical('undelivered-call-lost', this.metric('InvocationsFailedToBeSentToDlq'), {
        meaning: 'EventBridge could neither deliver a scheduled call nor keep it in the queue of undelivered calls.',
      }),
    ];
  }

  override graphs() {
    return [
      graph('Called', 'Schedule', this.metric('Invocations'), this.metric('FailedInvocations')),
      graph('Called', 'Undelivered calls', this.undelivered.metricApproximateNumberOfMessagesVisible(MOST)),
    ];
  }

  /** @returns a metric of EventBridge about the rule. Most exist only while they are not zero. */
  private metric(metricName: string): Metric {
    const { ruleName } = this.rule;
    return new Metric({ namespace: 'AWS/Events', metricName, dimensionsMap: { RuleName: ruleName }, ...SUM });
  }
}
