import { describe, expect, test } from '@jest/globals';
import { parseRotationEvent } from '../../functions/rotate-secret/handler.ts';

const expected = { step: 'set', secretId: 'cron', versionId: 'version-2' };

describe('an event of a rotation', () => {
  test.each([
    ['as Secrets Manager sends it', { Step: 'setSecret', SecretId: 'cron', ClientRequestToken: 'version-2' }],
    ['as its documents spell it', { Step: 'set_secret', SecretId: 'cron', ClientRequestToken: 'version-2' }],
    ['with small letters', { step: 'setsecret', secretId: 'cron', clientRequestToken: 'version-2' }],
    ['with more in it', { Step: 'setSecret', SecretId: 'cron', ClientRequestToken: 'version-2', RotationToken: 'x' }],
  ])('is read %s', (_name, event) => {
    expect(parseRotationEvent(event)).toStrictEqual(expected);
  });

  test.each(['createSecret', 'create_secret'])('may say %s', (step) => {
    expect(parseRotationEvent({ Step: step, SecretId: 'cron', ClientRequestToken: 'v' }).step).toBe('create');
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'the event'],
    ['a text', 'setSecret', 'the event'],
    ['no step', { SecretId: 'cron', ClientRequestToken: 'v' }, 'step'],
    ['an unknown step', { Step: 'deleteSecret', SecretId: 'cron', ClientRequestToken: 'v' }, 'step'],
    ['no secret', { Step: 'setSecret', ClientRequestToken: 'v' }, 'secretid'],
    ['an empty token', { Step: 'setSecret', SecretId: 'cron', ClientRequestToken: '' }, 'clientrequesttoken'],
  ])('with %s is refused, naming the field', (_name, event, field) => {
    expect(() => parseRotationEvent(event)).toThrow(`not an event of a rotation by Secrets Manager: ${field}`);
  });
});
