import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { METRICS, SERVICE_NAME } from '../../ingestion/contract/names.ts';
import { type EventBridgeServer, startEventBridge } from '../support/eventbridge-server.ts';
import { invokeHandler } from '../support/invoke-handler.ts';
import { type SecretsManagerServer, startSecretsManager } from '../support/secrets-manager-server.ts';

const SECRET = 'a-secret-that-nobody-may-read';

let secretsManager: SecretsManagerServer;
let eventBridge: EventBridgeServer;
let environment: Record<string, string>;

beforeAll(async () => {
  secretsManager = await startSecretsManager(Date.now);
  secretsManager.put('version-1', SECRET);
  eventBridge = await startEventBridge();
  eventBridge.authorizingFor = 0;
  environment = {
    STAGE: 'dev',
    QUEUE_URL: 'http://127.0.0.1:1/000000000000/runs.fifo',
    CRON_SECRET_ID: 'cron',
    CONNECTION_NAME: 'crypto-dashboard-auth-dev',
    ENDPOINT_URL: 'http://127.0.0.1:1/api/cron/fetch-data',
    AWS_ENDPOINT_URL_EVENTBRIDGE: eventBridge.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
    AWS_MAX_ATTEMPTS: '1',
  };
});
afterAll(() => Promise.all([secretsManager.close(), eventBridge.close()]));

test('the rotation does its steps, and counts and throws one that fails, without telling a secret', async () => {
  secretsManager.beginRotation('version-2');
  const step = (name: string) => ({ Step: name, SecretId: 'cron', ClientRequestToken: 'version-2' });
  const [made, unproved, finished, malformed] = await invokeHandler(
    'functions/rotate-secret/handler.ts',
    [step('createSecret'), step('test_secret'), step('finishSecret'), { Step: 'x' }],
    environment,
  );
  const current = secretsManager.labelled('AWSCURRENT') ?? '';
  expect(made?.error).toBeUndefined();
  expect(unproved?.error).toContain('fetch failed');
  expect(finished?.error).toBeUndefined();
  expect(current).toMatch(/^[\w-]{43}$/);
  expect(eventBridge.authorization).toBe(`Bearer ${current}`);
  expect(malformed?.error).toContain('This is not an event of a rotation by Secrets Manager: step');

  const lines = made?.lines ?? [];
  expect(lines.filter((line) => line[METRICS.rotationFailed] === 1)).toMatchObject([
    { service: SERVICE_NAME, stage: 'dev' },
    { service: SERVICE_NAME, stage: 'dev' },
  ]);
  expect(JSON.stringify(lines)).not.toContain(current);
  expect(JSON.stringify(lines)).not.toContain(SECRET);
});

test('the repair counts a de-authorised connection, and throws what keeps it from repairing', async () => {
  eventBridge.state = 'DEAUTHORIZED';
  const [refused, malformed] = await invokeHandler(
    'functions/repair-connection/handler.ts',
    [{ id: 'event-1', source: 'aws.events' }, { detail: {} }],
    environment,
  );
  expect(refused?.error).toContain('ECONNREFUSED');
  expect(malformed?.error).toContain('This is not an event of EventBridge: id');
  const lines = refused?.lines ?? [];
  expect(lines).toContainEqual(expect.objectContaining({ [METRICS.connectionNotAuthorized]: 1, stage: 'dev' }));
  expect(lines.filter(({ message }) => message === 'The connection could not be repaired')).toHaveLength(2);
});
