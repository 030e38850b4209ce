import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import middy from '@middy/core';
import { BACKGROUND_CLIENT } from '../common/aws-calls.ts';
import { readEnvironment } from '../common/invocation.ts';
import { log, logInvocation } from '../common/logger.ts';
import { readCurrentSecret } from '../common/secrets.ts';
import { isNews, parseAlarm, postAlarm } from './post-alarm.ts';

/** SNS calls it with each alarm that changed its state. When it throws, Lambda repeats the event twice. */
export const handler = middy<unknown, void>()
  .use(logInvocation('The alarm could not be posted to the webhook'))
  .handler(async (event) => {
    const { webhookSecretId } = readEnvironment('webhookSecretId');
    const alarm = parseAlarm(event);
    const fields = { alarm: alarm.AlarmName, state: alarm.NewStateValue };
    if (!isNews(alarm)) {
      log.info('No alarm began or ended', fields);
      return;
    }
    await postAlarm(await readCurrentSecret(new SecretsManagerClient(BACKGROUND_CLIENT), webhookSecretId), alarm);
    log.info('Posted to the webhook', fields);
  });
