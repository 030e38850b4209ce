import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import middy from '@middy/core';
import * as z from 'zod';
import { systemClock } from '../../ingestion/system-clock.ts';
import { BACKGROUND_CLIENT } from '../common/aws-calls.ts';
import { createConnection } from '../common/eventbridge-connection.ts';
import { parseEvent, readEnvironment } from '../common/invocation.ts';
import { log, logInvocation } from '../common/logger.ts';
import { createRotation } from './rotation.ts';

/** One step of the cron secret's rotation. Secrets Manager calls it, and repeats the rotation when a step fails. */
export const handler = middy<unknown, void>()
  .use(logInvocation('Rotation step failed'))
  .handler(async (event) => {
    const { connectionName, endpointUrl } = readEnvironment('connectionName', 'endpointUrl');
    const { step, ...secret } = parseRotationEvent(event);
    const rotation = createRotation({
      client: new SecretsManagerClient(BACKGROUND_CLIENT),
      connection: createConnection(new EventBridgeClient(BACKGROUND_CLIENT), connectionName, systemClock),
      endpointUrl,
      clock: systemClock,
    });
    await rotation[step](secret);
    log.info('Rotation step done', { step, ...secret });
  });

/** AWS writes `Step: createSecret` in its code and `create_secret` in its documents: case and underscores don't count. */
const plain = (text: string): string => text.replaceAll('_', '').toLowerCase();

const STEPS = { createsecret: 'create', setsecret: 'set', testsecret: 'test', finishsecret: 'finish' } as const;

const plainKeys = (event: unknown): unknown =>
  typeof event === 'object' && event !== null
    ? Object.fromEntries(Object.entries(event).map(([key, value]) => [plain(key), value]))
    : event;

const stepName = z.enum(Object.keys(STEPS) as (keyof typeof STEPS)[]);
const id = z.string().min(1);
const rotationEvent = z.preprocess(
  plainKeys,
  z.object({ step: z.string().transform(plain).pipe(stepName), secretid: id, clientrequesttoken: id }),
);

/** @throws IngestionError when the event is not one of a rotation by Secrets Manager. */
function parseRotationEvent(event: unknown) {
  const parsed = parseEvent(rotationEvent, event, 'an event of a rotation by Secrets Manager');
  return { step: STEPS[parsed.step], secretId: parsed.secretid, versionId: parsed.clientrequesttoken };
}
