import * as z from 'zod';
import { parseEvent } from '../common/parse-event.ts';

const STEPS = { createsecret: 'create', setsecret: 'set', testsecret: 'test', finishsecret: 'finish' } as const;

export type RotationStep = (typeof STEPS)[keyof typeof STEPS];

/** @property versionId of the secret's version that the rotation makes current. */
export type RotationEvent = { readonly step: RotationStep; readonly secretId: string; readonly versionId: string };

/** AWS writes `Step: createSecret` in its code and `create_secret` in its documents: case and underscores don't count. */
const plain = (text: string): string => text.replaceAll('_', '').toLowerCase();

const rotationEvent = z.preprocess(
  (event) =>
    typeof event === 'object' && event !== null
      ? Object.fromEntries(Object.entries(event).map(([key, value]) => [plain(key), value]))
      : event,
  z.object({
    step: z
      .string()
      .transform(plain)
      .pipe(z.enum(Object.keys(STEPS) as (keyof typeof STEPS)[])),
    secretid: z.string().min(1),
    clientrequesttoken: z.string().min(1),
  }),
);

/** @throws IngestionError when the event is not one of a rotation by Secrets Manager. */
export function parseRotationEvent(event: unknown): RotationEvent {
  const {
    step,
    secretid: secretId,
    clientrequesttoken: versionId,
  } = parseEvent(rotationEvent, event, 'an event of a rotation by Secrets Manager');
  return { step: STEPS[step], secretId, versionId };
}
