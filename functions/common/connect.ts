import { SecretsManagerClient, SecretsManagerServiceException } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { ENVIRONMENT } from '../../ingestion/contract/environment.ts';
import { show } from '../../ingestion/contract/show.ts';
import { createDatabase, type Database, DatabaseUnreachableError } from '../../ingestion/database/connection.ts';
import { IngestionError } from '../../ingestion/domain/failure.ts';
import type { Log } from '../../ingestion/ports.ts';
import { SettingError } from '../../ingestion/read-settings.ts';
import { BACKGROUND_CLIENT } from './aws-calls.ts';
import { readEnvironment } from './invocation.ts';
import { readCurrentSecret } from './secrets.ts';

const credentials = z.object({ username: z.string().min(1), password: z.string() });

/**
 * Opens the database that the environment names. The caller closes it before the invocation ends: by the next one, a
 * connection could be dead and a password rotated.
 * @param log is told of waits for the locks of other sessions.
 * @throws SettingError naming what the environment lacks; DatabaseUnreachableError, which may pass, when Secrets Manager
 * gives no credentials.
 */
export async function openDatabase(log: Log): Promise<Database> {
  const { databaseHost, databasePort, databaseName, databaseSecretId } = readEnvironment(
    'databaseHost',
    'databasePort',
    'databaseName',
    'databaseSecretId',
  );
  const client = new SecretsManagerClient(BACKGROUND_CLIENT);
  const { username } = await readCredentials(client, databaseSecretId);
  return createDatabase(
    {
      host: databaseHost,
      port: Number(databasePort),
      database: databaseName,
      user: username,
      password: async () => (await readCredentials(client, databaseSecretId)).password,
      tls: readTls(),
    },
    { log },
  );
}

async function readCredentials(client: SecretsManagerClient, secretId: string): Promise<z.infer<typeof credentials>> {
  try {
    return credentials.parse(JSON.parse(await readCurrentSecret(client, secretId)));
  } catch (error) {
    // Errors of JSON and zod may quote the value.
    const isAboutTheValue = error instanceof SyntaxError || error instanceof z.ZodError;
    throw new DatabaseUnreachableError(
      `The secret ${secretId} gives no credentials for the database: ` +
        (isAboutTheValue ? 'found no {"username","password"} in it.' : explain(error as Error)),
      true,
      isAboutTheValue ? undefined : error,
    );
  }
}

const explain = (error: Error): string =>
  error instanceof SecretsManagerServiceException || error instanceof IngestionError
    ? `${error.message}.`
    : `Secrets Manager does not answer (${error.message}). Does the way out of the VPC work?`;

function readTls(): boolean {
  const { databaseTls: name } = ENVIRONMENT;
  const found = process.env[name] || 'on';
  if (found === 'on' || found === 'off') return found === 'on';
  throw new SettingError([`${name} is ${show(found)}; it takes on or off.`]);
}
