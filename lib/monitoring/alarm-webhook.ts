import { Duration } from 'aws-cdk-lib';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { FilterOrPolicy, SubscriptionFilter, type Topic } from 'aws-cdk-lib/aws-sns';
import { LambdaSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { WEBHOOK_ALARM } from '../../ingestion/contract/alarm-names.ts';
import { createHandlerFunction } from '../functions/handler-function.ts';
import { functionLog } from '../house-rules.ts';
import { resourceName, type StackConfig } from '../stage-config.ts';
import { SUM, Watched, warning } from './watched.ts';

const FOLDER = 'alarm-webhook';

/**
 * Posts each alarm and its end to a webhook. Lambda tries each three times within some minutes. A message that then is
 * lost raises an alarm by mail. There is no dead-letter queue: nobody would want an alarm of yesterday to be posted, and its
 * state can be seen on the dashboard.
 */
export class AlarmWebhook extends Watched {
  private readonly handler: NodejsFunction;

  constructor(scope: Construct, id: string, config: StackConfig, secretName: string, topic: Topic) {
    super(scope, id, config, [functionLog(config, FOLDER)]);
    this.handler = createHandlerFunction(this, config, FOLDER, {
      description: 'Posts each alarm and its end to the webhook',
      timeout: Duration.seconds(30),
      environment: { webhookSecretId: secretName },
    });
    const secret = secretName.startsWith('arn:')
      ? Secret.fromSecretCompleteArn(this, 'Secret', secretName)
      : Secret.fromSecretNameV2(this, 'Secret', secretName);
    secret.grantRead(this.handler);
    // Not its own alarm, or a webhook that is out of order would ring and end that alarm for ever.
    topic.addSubscription(
      new LambdaSubscription(this.handler, {
        filterPolicyWithMessageBody: {
          AlarmName: FilterOrPolicy.filter(
            SubscriptionFilter.stringFilter({ denylist: [resourceName(config, WEBHOOK_ALARM)] }),
          ),
        },
      }),
    );
  }

  override alarms() {
    return [
      warning(WEBHOOK_ALARM, this.handler.metric('AsyncEventsDropped', SUM), {
        meaning: 'An alarm or its end could not be posted to the webhook. It was mailed, if there are addresses.',
      }),
    ];
  }
}
