// Names that the infrastructure and the code share.

export const SERVICE_NAME = 'crypto-price-ingestion';

export const ENDPOINT_PATH = '/api/cron/fetch-data';

/** Production's names at EventBridge. Others append `-<stage>`, and a deployment with a name of its own appends that. */
export const RULE_NAME = 'crypto-dashboard-daily-fetch';
export const API_DESTINATION_NAME = 'crypto-dashboard-api';
export const CONNECTION_NAME = 'crypto-dashboard-auth';

/** The rule's input transformer sends these in the body of the scheduled call. */
export const SCHEDULED_SOURCE = 'aws.events';
export const SCHEDULED_DETAIL_TYPE = 'Scheduled Event';

export const METRIC_NAMESPACE = 'CryptoPriceIngestion';

/** What the handlers emit in EMF, with the dimensions `service` and `stage`. */
export const METRICS = {
  /** Accepted triggers, repeats included. */
  runsQueued: 'RunsQueued',
  unauthorizedCalls: 'UnauthorizedCalls',
  runsComplete: 'RunsComplete',
  /** Complete runs that asked for everything: a backfill that works says nothing about the schedule. */
  fullRunsComplete: 'FullRunsComplete',
  runsPartial: 'RunsPartial',
  runsFailed: 'RunsFailed',
  /** Hops whose run goes on, by a continuation or a retry. */
  runsWaiting: 'RunsWaiting',
  runDuration: 'RunDuration',
  daysExpected: 'DaysExpected',
  daysStored: 'DaysStored',
  daysMissing: 'DaysMissing',
  rowsWritten: 'RowsWritten',
  requests: 'Requests',
  retries: 'Retries',
  rateLimited: 'RateLimited',
  /** Hours since the last complete full run, at the end of a hop. */
  hoursSinceComplete: 'HoursSinceComplete',
  /** Hours since the end of the newest day that is final in every series. */
  priceAgeHours: 'PriceAgeHours',
  errorFindings: 'ErrorFindings',
  /** With the further dimension `rule`. */
  findings: 'Findings',
  creditsLeft: 'CreditsLeft',
  /** Credits left this month, less what its scheduled runs still need. Below zero they will run out. */
  creditsSpare: 'CreditsSpare',
  /** 1 when the connection was found de-authorised, and a repair starts. */
  connectionNotAuthorized: 'ConnectionNotAuthorized',
} as const;

/** The environment variables that the stack sets and the functions read. */
export const ENVIRONMENT = {
  stage: 'STAGE',
  queueUrl: 'QUEUE_URL',
  deadLetterQueueUrl: 'DEAD_LETTER_QUEUE_URL',
  cronSecretId: 'CRON_SECRET_ID',
  databaseSecretId: 'DATABASE_SECRET_ID',
  databaseHost: 'DATABASE_HOST',
  databasePort: 'DATABASE_PORT',
  databaseName: 'DATABASE_NAME',
  /** `off` for a server on the same machine. Otherwise TLS is required and verified. */
  databaseTls: 'DATABASE_TLS',
  coingeckoSecretId: 'COINGECKO_SECRET_ID',
  coingeckoPlan: 'COINGECKO_PLAN',
  coingeckoBaseUrl: 'COINGECKO_BASE_URL',
  coingeckoRequestsPerMinute: 'COINGECKO_REQUESTS_PER_MINUTE',
  coingeckoMonthlyCredits: 'COINGECKO_MONTHLY_CREDITS',
  coingeckoHistoryDays: 'COINGECKO_HISTORY_DAYS',
  coingeckoCrossRates: 'COINGECKO_CROSS_RATES',
  latestPrices: 'LATEST_PRICES',
  universe: 'UNIVERSE',
  /** As EventBridge writes it; `none` without one. */
  schedule: 'SCHEDULE',
  connectionName: 'CONNECTION_NAME',
  apiDestinationName: 'API_DESTINATION_NAME',
  endpointUrl: 'ENDPOINT_URL',
  webhookSecretId: 'WEBHOOK_SECRET_ID',
} as const;

/** How esbuild bundles a handler. Deploys, tests and benchmarks all use it, so that what is tested is what is deployed. */
export const BUNDLING = {
  target: 'node24',
  /** Prefers ES modules: esbuild can leave out what is not imported from them. */
  mainFields: ['module', 'main'],
  minify: true,
  sourcesContent: false,
  /** `pg` and the AWS SDK contain CommonJS, which calls `require`. ES modules have none of their own. */
  banner: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
} as const;
