/** Names that both the infrastructure and the code use. */
export const SERVICE_NAME = 'crypto-price-ingestion';

export const ENDPOINT_PATH = '/api/cron/fetch-data';

/** EventBridge names of production; another stage appends `-<stage>`. */
export const RULE_NAME = 'crypto-dashboard-daily-fetch';
export const API_DESTINATION_NAME = 'crypto-dashboard-api';
export const CONNECTION_NAME = 'crypto-dashboard-auth';

/** What the rule's input transformer sends as the body of the scheduled call. */
export const SCHEDULED_SOURCE = 'aws.events';
export const SCHEDULED_DETAIL_TYPE = 'Scheduled Event';

export const METRIC_NAMESPACE = 'CryptoPriceIngestion';

/** The metrics of the handlers, in EMF, with the dimensions `service` and `stage`. */
export const METRICS = {
  /** Triggers that were accepted, repeats included. */
  runsQueued: 'RunsQueued',
  /** Calls of the endpoint without a good secret. */
  unauthorizedCalls: 'UnauthorizedCalls',
  /** Runs by what they ended as: each is counted once, and those that go on later with each hop. */
  runsComplete: 'RunsComplete',
  runsPartial: 'RunsPartial',
  runsFailed: 'RunsFailed',
  /** Hops whose run goes on: by a continuation, or by a retry. */
  runsWaiting: 'RunsWaiting',
  runDuration: 'RunDuration',
  daysExpected: 'DaysExpected',
  daysStored: 'DaysStored',
  daysMissing: 'DaysMissing',
  rowsWritten: 'RowsWritten',
  requests: 'Requests',
  retries: 'Retries',
  rateLimited: 'RateLimited',
  /** Hours since the last complete run, as each hop leaves it. */
  hoursSinceComplete: 'HoursSinceComplete',
  /** Hours since the end of the newest day that is final in every series. */
  priceAgeHours: 'PriceAgeHours',
  errorFindings: 'ErrorFindings',
  /** By rule: the dimension `rule` is added. */
  findings: 'Findings',
  creditsLeft: 'CreditsLeft',
  /** Credits left this month less what the scheduled runs still need: below zero the month will not last. */
  creditsSpare: 'CreditsSpare',
  /** 1 when a de-authorised connection was authorised again. */
  connectionRepaired: 'ConnectionRepaired',
  /** 1 when the connection was found de-authorised; a repair begins. */
  connectionNotAuthorized: 'ConnectionNotAuthorized',
  rotationFailed: 'RotationFailed',
} as const;
