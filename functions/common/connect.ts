import { SecretsManagerClient, SecretsManagerServiceException } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { ENVIRONMENT } from '../../ingestion/contract/names.ts';
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
  const environment = readEnvironment('databaseHost', 'databasePort', 'databaseName', 'databaseSecretId');
  const { databaseHost: host, databasePort: port, databaseName: database } = environment;
  const client = new SecretsManagerClient(BACKGROUND_CLIENT);
  const read = () => readCredentials(client, environment.databaseSecretId);
  const { username: user } = await read();
  const password = async () => (await read()).password;
  return createDatabase({ host, port: Number(port), database, user, password, tls: readTls() }, { log });
}

async function readCredentials(client: SecretsManagerClient, secretId: string): Promise<z.infer<typeof credentials>> {
  const refuse = (reason: string, cause?: unknown) => {
    const message = `The secret ${secretId} gives no credentials for the database: ${reason}`;
    return new DatabaseUnreachableError(message, true, cause);
  };
  const text = await readCurrentSecret(client, secretId).catch((error: Error) => {
    const { message } = error;
    const isAnswer = error instanceof SecretsManagerServiceException || error instanceof IngestionError;
    const silence = `Secrets Manager does not answer (${message}). Does the way out of the VPC work?`;
    throw refuse(isAnswer ? `${message}.` : silence, error);
  });
  try {
    return credentials.parse(JSON.parse(text));
  } catch {
    // Not as the cause: errors of JSON and zod may quote the value.
    throw refuse('found no {"username","password"} in it.');
  }
}

function readTls(): boolean {
  const { databaseTls: name } = ENVIRONMENT;
  const found = process.env[name] || 'on';
  if (found === 'on' || found === 'off') return found === 'on';
  throw new SettingError([`${name} is ${show(found)}; it takes on or off.`]);
}
