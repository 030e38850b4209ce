import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { startFauxqs } from 'fauxqs';
import { startEventBridge } from './eventbridge-server.ts';
import { createSecret, type Secret, startSecretsManager } from './secrets-manager.ts';

export type Cloud = Awaited<ReturnType<typeof startCloud>>;

/** The services that functions call, each over HTTP. */
export async function startCloud() {
  const sqs = await startFauxqs({ port: 0, logger: false });
  const newSecret = () => createSecret(Date.now);
  const secrets = { cron: newSecret(), database: newSecret(), coingecko: newSecret(), webhook: newSecret() };
  const secretsManager = await startSecretsManager((id) => new Map<string, Secret>(Object.entries(secrets)).get(id));
  const eventBridge = await startEventBridge();
  const fifo = { attributes: { FifoQueue: 'true' } };
  const { queueUrl: deadLetterQueueUrl } = sqs.createQueue('dead.fifo', fifo);
  const { queueUrl } = sqs.createQueue('runs.fifo', fifo);
  return {
    sqs,
    eventBridge,
    secrets,
    /** @returns the environment of every function, with that database, whose credentials become the current ones. */
    environment(databaseUrl: string): Record<string, string> {
      const { hostname, port, pathname, username, password } = new URL(databaseUrl);
      const credentials = { username: decodeURIComponent(username), password: decodeURIComponent(password) };
      secrets.database.put(randomUUID(), JSON.stringify(credentials));
      return {
        STAGE: 'dev',
        UNIVERSE: fileURLToPath(new URL('../../universe.json', import.meta.url)),
        ...{ QUEUE_URL: queueUrl, DEAD_LETTER_QUEUE_URL: deadLetterQueueUrl },
        ...{ CRON_SECRET_ID: 'cron', DATABASE_SECRET_ID: 'database' },
        ...{ COINGECKO_SECRET_ID: 'coingecko', WEBHOOK_SECRET_ID: 'webhook' },
        ...{ DATABASE_HOST: hostname, DATABASE_PORT: port || '5432', DATABASE_NAME: pathname.slice(1) },
        // Test servers have none.
        DATABASE_TLS: 'off',
        ...{ CONNECTION_NAME: 'connection', ENDPOINT_URL: 'http://127.0.0.1:1/' },
        AWS_ENDPOINT_URL_SQS: sqs.address,
        AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
        AWS_ENDPOINT_URL_EVENTBRIDGE: eventBridge.url,
      };
    },
    close: () => Promise.all([sqs.stop(), secretsManager.close(), eventBridge.close()]),
  };
}
