import { Duration, Validations } from 'aws-cdk-lib';
import { ApiDestination, EventField, HttpMethod, Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { ApiDestination as ApiDestinationTarget } from 'aws-cdk-lib/aws-events-targets';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { QUEUE_RETENTION_DAYS } from '../../ingestion/contract/limits.ts';
import {
  API_DESTINATION_NAME,
  RULE_NAME,
  SCHEDULED_DETAIL_TYPE,
  SCHEDULED_SOURCE,
} from '../../ingestion/contract/names.ts';
import type { CronSecret } from '../cron-secret/cron-secret.ts';
import type { StackConfig } from '../stage-config.ts';
import { resourceName } from '../stage-names.ts';

export interface ScheduleRuleProps {
  readonly config: StackConfig;
  /** `rate(…)` or `cron(…)`, as EventBridge takes it. */
  readonly expression: string;
  readonly cronSecret: CronSecret;
  readonly endpointUrl: string;
}

/** Calls the endpoint on schedule, with the connection's secret. What can't be delivered is kept for somebody to look at. */
export class ScheduleRule extends Construct {
  readonly rule: Rule;
  readonly undelivered: Queue;

  constructor(scope: Construct, id: string, { config, expression, cronSecret, endpointUrl }: ScheduleRuleProps) {
    super(scope, id);
    const destination = new ApiDestination(this, 'Destination', {
      apiDestinationName: `${API_DESTINATION_NAME}${config.suffix}`,
      description: 'The endpoint that queues a run',
      connection: cronSecret.connection,
      endpoint: endpointUrl,
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
    Validations.of(this.undelivered).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: "It is itself a dead-letter queue, the rule's.",
    });
    this.rule = new Rule(this, 'Rule', {
      ruleName: `${RULE_NAME}${config.suffix}`,
      description: 'Queues a run on schedule',
      schedule: Schedule.expression(expression),
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
}
