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
