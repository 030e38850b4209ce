import { afterEach, expect, test } from '@jest/globals';
import { openDatabase } from '../../functions/common/connect.ts';
import { DatabaseUnreachableError } from '../../ingestion/database/connection.ts';
import { startSecretsManager } from '../support/secrets-manager.ts';
import { silentLog } from '../support/silent-log.ts';

const before = { ...process.env };
afterEach(() => {
  process.env = { ...before };
});

/** @returns why there is no database, where Secrets Manager is at this address. */
async function reasonAt(secretsManager: string): Promise<string> {
  Object.assign(process.env, {
    STAGE: 'dev',
    DATABASE_HOST: '127.0.0.1',
    DATABASE_PORT: '5432',
    DATABASE_NAME: 'prices',
    DATABASE_SECRET_ID: 'database',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_MAX_ATTEMPTS: '1',
  });
  const failure = await openDatabase(silentLog).catch((error: unknown) => error);
  if (!(failure instanceof DatabaseUnreachableError)) throw failure;
  expect(failure.isTransient).toBe(true);
  return failure.message;
}

test('a function that Secrets Manager does not answer asks whether the way out works', async () => {
  expect(await reasonAt('http://127.0.0.1:1')).toMatch(
    /^The secret database gives no credentials .*: Secrets Manager does not answer \(.+\)\. Does the way out of the VPC work\?$/,
  );
});

test('a secret that is not there is no matter of the way out', async () => {
  const secretsManager = await startSecretsManager(() => undefined);
  const reason = await reasonAt(secretsManager.url);
  await secretsManager.close();
  expect(reason).toContain('The secret database has no current value');
  expect(reason).not.toContain('way out');
});
