import { Duration } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { FilterOrPolicy, SubscriptionFilter } from 'aws-cdk-lib/aws-sns';
import { LambdaSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { WEBHOOK_ALARM } from '../../ingestion/contract/alarm-names.ts';
import { createHandlerFunction } from '../functions/handler-function.ts';
import type { StackConfig } from '../stage-config.ts';
import { functionLog, resourceName } from '../stage-names.ts';
import type { AlarmRegistry } from './alarm-registry.ts';

const FOLDER = 'alarm-webhook';

export interface AlarmWebhookProps {
  readonly config: StackConfig;
  /** Name or ARN of the secret that holds the webhook's address. A person makes it: no deploy knows its value. */
  readonly secretName: string;
  readonly alarms: AlarmRegistry;
}

/**
 * Posts each alarm and its end to a webhook. Lambda tries each three times within some minutes. A message that then is
 * lost raises an alarm by mail. There is no dead-letter queue: nobody would want an alarm of yesterday to be posted, and its
 * state can be seen on the dashboard.
 */
export class AlarmWebhook extends Construct {
  constructor(scope: Construct, id: string, { config, secretName, alarms }: AlarmWebhookProps) {
    super(scope, id);
    const handler = createHandlerFunction(this, 'Function', {
      config,
      folder: FOLDER,
      description: 'Posts each alarm and its end to the webhook',
      timeout: Duration.seconds(30),
      environment: { webhookSecretId: secretName },
    });
    const secret = secretName.startsWith('arn:')
      ? Secret.fromSecretCompleteArn(this, 'Secret', secretName)
      : Secret.fromSecretNameV2(this, 'Secret', secretName);
    secret.grantRead(handler);
    // Not its own alarm, or a webhook that is out of order would ring and end that alarm for ever.
    alarms.topic.addSubscription(
      new LambdaSubscription(handler, {
        filterPolicyWithMessageBody: {
          AlarmName: FilterOrPolicy.filter(
            SubscriptionFilter.stringFilter({ denylist: [resourceName(config, WEBHOOK_ALARM)] }),
          ),
        },
      }),
    );
    alarms.add({
      id: WEBHOOK_ALARM,
      severity: 'warning',
      meaning: 'An alarm or its end could not be posted to the webhook. It was mailed, if there are addresses.',
      logs: [functionLog(config, FOLDER)],
      metric: handler.metric('AsyncEventsDropped', { statistic: 'Sum', period: Duration.minutes(5) }),
      threshold: 1,
    });
  }
}
