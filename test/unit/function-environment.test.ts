import { afterEach, describe, expect, test } from '@jest/globals';
import { openDatabase } from '../../functions/common/connect.ts';
import { readEnvironment } from '../../functions/common/invocation.ts';
import { sourceSettings } from '../../functions/worker/handler.ts';
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

test('what the stack should have set is named, all of it at once', () => {
  process.env = {};
  expect(() => readEnvironment('queueUrl', 'cronSecretId')).toThrow(
    /^STAGE is not set.*\nQUEUE_URL is not set.*\nCRON_SECRET_ID is not set/,
  );
});

describe("the worker's settings of CoinGecko", () => {
  test.each(['', ' \n', '{}'])('a key of %j means the public plan, without what the stage set for the key', (key) => {
    const staged = { COINGECKO_PLAN: 'demo', COINGECKO_REQUESTS_PER_MINUTE: '500', COINGECKO_MONTHLY_CREDITS: '10' };
    expect(sourceSettings(staged, key)).toEqual(sourceSettings({}, null));
    expect(sourceSettings(staged, key)).toMatchObject({ plan: 'public', apiKey: null, requestsPerMinute: 10 });
  });

  test('what the stage sets for the public plan holds without a key', () => {
    const staged = { COINGECKO_PLAN: 'public', COINGECKO_REQUESTS_PER_MINUTE: '5' };
    expect(sourceSettings(staged, null)).toMatchObject({ plan: 'public', requestsPerMinute: 5 });
  });
});
