import { SQSClient } from '@aws-sdk/client-sqs';
import { type FauxqsServer, startFauxqs } from 'fauxqs';
import type { HttpResponse } from '../../functions/trigger/http-response.ts';
import { ENVIRONMENT } from '../../ingestion/contract/environment.ts';
import { MAX_RECEIVES } from '../../ingestion/contract/limits.ts';
import { ENDPOINT_PATH } from '../../ingestion/contract/names.ts';
import type { Universe } from '../../ingestion/contract/universe.ts';
import type { LogLevel, SourceSettings } from '../../ingestion/settings.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import type { AwsJsonServer } from './aws-json-server.ts';
import { startEventSourceMapping } from './event-source-mapping.ts';
import { startHttpApi } from './http-api.ts';
import { createFunction } from './lambda-function.ts';
import { LOCAL_AWS } from './local-aws.ts';
import { createSecret, type Secret, startSecretsManager } from './secrets-manager.ts';

/** As the functions of the cloud have them. */
const TRIGGER_TIMEOUT_MS = 5_000;
const WORKER_TIMEOUT_MS = 15 * 60_000;
const VISIBILITY_SECONDS = 20 * 60;
const RETENTION_SECONDS = 14 * 24 * 60 * 60;

export type LocalStackOptions = {
  /** Of a database whose tables are up to date. */
  readonly databaseUrl: string;
  readonly cronSecret: string;
  readonly source: SourceSettings;
  readonly universe: Universe;
  readonly logLevel: LogLevel;
  /** 0 takes a free one. */
  readonly port: number;
  /** Makes what `GET /` answers. */
  readonly renderPage: () => Promise<string>;
  /** Is given each line that the functions log, without their metrics. */
  readonly onLine: (line: string) => void;
  /** Is told of the failures of the stack itself. */
  readonly onError: (error: unknown) => void;
  /** Is given the body of each message that a worker has dealt with, for good or for the time being. */
  readonly onHop: (message: string) => Promise<void> | void;
};

export type LocalStack = {
  /** Of the page. */
  readonly url: string;
  readonly endpointUrl: string;
  readonly queue: { readonly endpoint: string; readonly queueUrl: string };
  /** Finishes what is in hand. */
  stop(): Promise<void>;
};

/**
 * Starts what the cloud's stack is made of, on loopback: an HTTP API with the trigger behind it, the FIFO queue with its
 * dead-letter queue, a worker that is fed from it, and the secrets of both. The handlers are those that are deployed.
 * @throws IngestionError when the port is taken.
 */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const { onError } = options;
  // Nobody here collects metrics.
  const onLine = (line: string) => {
    if (!line.startsWith('{"_aws":')) options.onLine(line);
  };
  const stops: (() => unknown)[] = [];
  const stop = async () => {
    for (const end of stops.splice(0).reverse()) await end();
  };
  try {
    const sqs = await startFauxqs({ port: 0, logger: false });
    stops.push(() => sqs.stop());
    const secretsManager = await startSecrets(options);
    stops.push(() => secretsManager.close());

    const queues = createQueues(sqs);
    const environment = environmentOf(options, { sqs: sqs.address, secretsManager: secretsManager.url }, queues);
    const start = (name: string, timeoutMs: number) => {
      const file = new URL(`../../functions/${name}/handler.ts`, import.meta.url);
      const started = createFunction({ name, file, environment, timeoutMs, onLine });
      stops.push(() => started.stop());
      return started;
    };
    const worker = start('worker', WORKER_TIMEOUT_MS);
    const stopMapping = startEventSourceMapping({
      client: new SQSClient({ ...LOCAL_AWS, endpoint: sqs.address }),
      queueUrl: queues.queueUrl,
      clock: systemClock,
      invoke: worker.invoke,
      onError,
      onSettled: options.onHop,
    });
    stops.push(() => {
      worker.interrupt();
      return stopMapping();
    });
    const trigger = start('trigger', TRIGGER_TIMEOUT_MS);
    const api = await startHttpApi({
      port: options.port,
      routes: {
        [ENDPOINT_PATH]: async (event) => (await trigger.invoke(event)) as HttpResponse,
        '/': async () => ({
          statusCode: 200,
          headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' },
          body: await options.renderPage(),
        }),
      },
      onError,
    });
    stops.push(() => api.close());
    return {
      url: `${api.url}/`,
      endpointUrl: `${api.url}${ENDPOINT_PATH}`,
      queue: { endpoint: sqs.address, queueUrl: queues.queueUrl },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Queues = { readonly queueUrl: string; readonly deadLetterQueueUrl: string };

function createQueues(sqs: FauxqsServer): Queues {
  const fifo = { FifoQueue: 'true', MessageRetentionPeriod: String(RETENTION_SECONDS) };
  const dead = sqs.createQueue('runs-dead.fifo', { attributes: fifo });
  const runs = sqs.createQueue('runs.fifo', {
    attributes: {
      ...fifo,
      VisibilityTimeout: String(VISIBILITY_SECONDS),
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.queueArn, maxReceiveCount: MAX_RECEIVES }),
    },
  });
  return { queueUrl: runs.queueUrl, deadLetterQueueUrl: dead.queueUrl };
}

const SECRET_IDS = { cron: 'cron', database: 'database', coingecko: 'coingecko' } as const;

async function startSecrets({ cronSecret, databaseUrl, source }: LocalStackOptions): Promise<AwsJsonServer> {
  const { username, password } = new URL(databaseUrl);
  const credentials = { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  const secrets = new Map<string, Secret>();
  for (const [id, value] of [
    [SECRET_IDS.cron, cronSecret],
    [SECRET_IDS.database, JSON.stringify(credentials)],
    [SECRET_IDS.coingecko, source.apiKey ?? ''],
  ] as const) {
    const secret = createSecret(systemClock.now);
    secret.put('version-1', value);
    secrets.set(id, secret);
  }
  return await startSecretsManager((id) => secrets.get(id));
}

/** What the stack sets in the cloud, and what Lambda itself does. */
function environmentOf(
  { databaseUrl, source, logLevel }: LocalStackOptions,
  endpoints: { sqs: string; secretsManager: string },
  queues: Queues,
): Record<string, string> {
  const { hostname, port, pathname, searchParams } = new URL(databaseUrl);
  const values: Partial<Record<keyof typeof ENVIRONMENT, string>> = {
    stage: 'local',
    ...queues,
    cronSecretId: SECRET_IDS.cron,
    databaseSecretId: SECRET_IDS.database,
    databaseHost: hostname.replace(/^\[|\]$/g, ''),
    databasePort: port || '5432',
    databaseName: decodeURIComponent(pathname.slice(1)),
    databaseTls: (searchParams.get('sslmode') ?? 'disable') === 'disable' ? 'off' : 'on',
    coingeckoSecretId: SECRET_IDS.coingecko,
    coingeckoPlan: source.plan,
    coingeckoBaseUrl: source.baseUrl,
    coingeckoRequestsPerMinute: String(source.requestsPerMinute),
    coingeckoMonthlyCredits: String(source.monthlyCredits ?? ''),
    coingeckoHistoryDays: String(source.historyDays),
    universe: process.env['UNIVERSE'] ?? '',
  };
  return {
    ...Object.fromEntries(
      Object.entries(values).map(([key, value]) => [ENVIRONMENT[key as keyof typeof ENVIRONMENT], value]),
    ),
    AWS_REGION: LOCAL_AWS.region,
    AWS_ACCESS_KEY_ID: LOCAL_AWS.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: LOCAL_AWS.credentials.secretAccessKey,
    AWS_ENDPOINT_URL_SQS: endpoints.sqs,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoints.secretsManager,
    POWERTOOLS_LOG_LEVEL: logLevel.toUpperCase(),
  };
}
