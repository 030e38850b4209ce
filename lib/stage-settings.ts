import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import * as z from 'zod';
import {
  MAX_SCHEDULE_INTERVAL_HOURS,
  VISIBILITY_MINUTES,
  WORKER_TIMEOUT_MINUTES,
} from '../ingestion/contract/limits.ts';
import { oneOf, oneOfNumbers, SETTINGS, wholeNumber } from '../ingestion/contract/settings.ts';
import { parseUniverse } from '../ingestion/contract/universe-schema.ts';
import { longestIntervalMinutes, ScheduleError } from './schedule/schedule-expression.ts';

/** The database's instance classes and their memory in GiB. The memory decides how many connections PostgreSQL takes. */
export const DATABASE_INSTANCES = { 't4g.micro': 1, 't4g.small': 2, 't4g.medium': 4, 't4g.large': 8 } as const;

const LOG_RETENTION_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731] as const;

// Each schema takes what a settings file holds, or the text of `-c name=value`. Its messages and its description complete
// the sentence "it takes …"; its title says what it is for, to whoever edits the file.

const list = (takes: string, itemOf: (takes: string) => z.ZodType<string, string>) =>
  z
    .preprocess(
      (value) =>
        typeof value === 'string'
          ? value
              .split(',')
              .map((part) => part.trim())
              .filter(Boolean)
          : value,
      z.array(itemOf(takes), takes),
    )
    .describe(takes);

/** Room for `-staging-` in the longest name that AWS takes from us. */
const MAX_NAME_LENGTH = 16;
const DEPLOYMENT_NAME = `at most ${MAX_NAME_LENGTH} small letters, digits and single hyphens, beginning with a letter, and not with the name of a stage`;
const DeploymentName = z
  .string(DEPLOYMENT_NAME)
  .max(MAX_NAME_LENGTH, DEPLOYMENT_NAME)
  // Otherwise production's `dev` would have the names of the stage.
  .regex(/^(?!(dev|staging|prod)(-|$))[a-z][a-z0-9]*(-[a-z0-9]+)*$/, DEPLOYMENT_NAME)
  .describe(DEPLOYMENT_NAME);

const Schedule = z.string('rate(12 hours), cron(0 2 * * ? *) or none').transform((expression, context) => {
  if (expression === 'none') return null;
  try {
    return { expression, longestIntervalMinutes: longestIntervalMinutes(expression) };
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error;
    context.issues.push({ code: 'custom', input: expression, message: `a schedule, or none: ${error.message}` });
    return z.NEVER;
  }
});

const WatchedSchedule = Schedule.refine(
  (schedule) => schedule === null || schedule.longestIntervalMinutes <= MAX_SCHEDULE_INTERVAL_HOURS * 60,
  `a schedule with at most ${MAX_SCHEDULE_INTERVAL_HOURS} hours between runs, the longest silence that an alarm can watch`,
).describe('rate(12 hours), cron(0 2 * * ? *) or none');

const MAILS = 'mail addresses, such as you@example.com, or none';
const AlarmMails = z.union([z.literal('none'), list(MAILS, (takes) => z.email(takes))], MAILS).describe(MAILS);

const SECRET_NAME = 'the name or the whole ARN of a secret, such as crypto-prices-webhook';
const SecretName = z
  .string(SECRET_NAME)
  .regex(
    /^(?!arn:)[\w/+=.@-]{1,200}$|^arn:aws[\w-]*:secretsmanager:[\w-]+:\d{12}:secret:[\w/+=.@-]{1,200}-\w{6}$/,
    SECRET_NAME,
  )
  .describe(SECRET_NAME);

/** An alarm's text has room for it. */
const MAX_REPOSITORY_LENGTH = 100;
const REPOSITORY = `an https address of at most ${MAX_REPOSITORY_LENGTH} characters, such as https://github.com/you/crypto-prices`;
const RepositoryUrl = z
  .string(REPOSITORY)
  .max(MAX_REPOSITORY_LENGTH, REPOSITORY)
  .regex(/^https:\/\/[\w.-]+(\/[\w.~-]+)+$/, REPOSITORY)
  .describe(REPOSITORY);

const HTTPS_ADDRESS = 'an https address';

const UniverseFile = SETTINGS.UNIVERSE.transform((path, context) => {
  const file = resolve(path);
  const problems = universeProblems(file);
  if (problems.length === 0) return file;
  context.issues.push({
    code: 'custom',
    input: path,
    message: `${SETTINGS.UNIVERSE.description}: ${problems.join(' ')}`,
  });
  return z.NEVER;
}).describe(SETTINGS.UNIVERSE.description ?? '');

function universeProblems(file: string): readonly string[] {
  try {
    const universe = parseUniverse(readFileSync(file, 'utf8'), file);
    return 'problems' in universe ? universe.problems : [];
  } catch (error) {
    return [`it can't be read (${(error as Error).message}).`];
  }
}

const VISIBILITY = `a whole number from ${WORKER_TIMEOUT_MINUTES + 1} to 720: more than the worker's ${WORKER_TIMEOUT_MINUTES} minutes, or a second worker would get the message of the first`;
const LOG_RETENTION = `a number of days that CloudWatch knows: ${LOG_RETENTION_DAYS.join(', ')}`;

/** What `stages/<stage>.json` holds. What has no default must stand there. */
export const StageSettings = z.strictObject({
  $schema: z.string().optional(),
  name: DeploymentName.optional().meta({
    title: 'Tells a second deployment of this stage from the first: every name ends with it',
  }),
  schedule: WatchedSchedule.meta({ title: 'When runs are queued, in UTC; none: only by hand' }),
  alarmMails: AlarmMails.default([]).meta({ title: 'Who is told of alarms; production refuses an empty list' }),
  alarmWebhookSecretName: SecretName.optional().meta({
    title: 'The secret with the address of a webhook (Slack, Teams, Discord) that is told of alarms too',
  }),
  repositoryUrl: RepositoryUrl.optional().meta({
    title: 'Where the repository is: then the links of alarms to the runbook work from everywhere',
  }),
  network: oneOf(['nat-gateway', 'nat-instance']).meta({
    title:
      'How the worker reaches CoinGecko: through a gateway that AWS runs, or one small instance at a tenth of the price',
  }),
  coingeckoPlan: SETTINGS.COINGECKO_PLAN.optional().meta({
    title: 'Your plan; unless set, demo if there is a key, else public',
  }),
  coingeckoBaseUrl: SETTINGS.COINGECKO_BASE_URL.refine((url) => url.startsWith('https:'), HTTPS_ADDRESS)
    .describe(HTTPS_ADDRESS)
    .optional()
    .meta({ title: 'Another address of the API' }),
  coingeckoRequestsPerMinute: SETTINGS.COINGECKO_REQUESTS_PER_MINUTE.optional().meta({
    title: 'Unless set, the plan decides',
  }),
  coingeckoMonthlyCredits: SETTINGS.COINGECKO_MONTHLY_CREDITS.optional().meta({
    title: 'Unless set, the plan decides',
  }),
  coingeckoHistoryDays: SETTINGS.COINGECKO_HISTORY_DAYS.optional().meta({
    title: 'How far back your plan reaches; unless set, it decides',
  }),
  coingeckoCrossRates: SETTINGS.COINGECKO_CROSS_RATES.optional().meta({
    title:
      'Whether prices in all currencies but the first are calculated from rates, for a quarter of the credits; off unless set',
  }),
  latestPrices: SETTINGS.LATEST_PRICES.optional().meta({
    title: 'Whether a run ends by asking for the latest prices; on unless off',
  }),
  universe: UniverseFile.optional().meta({ title: 'Another file of coins and currencies than universe.json' }),
  databaseInstance: oneOf(Object.keys(DATABASE_INSTANCES) as (keyof typeof DATABASE_INSTANCES)[])
    .default('t4g.micro')
    .meta({ title: "The database's size" }),
  databaseStorageGib: wholeNumber(20, 1_000).default(20).meta({
    title: "The database's first storage in GiB, 20 unless set; it may double, and can't be made smaller again",
  }),
  databaseBackupDays: wholeNumber(1, 35).meta({
    title: 'How long backups are kept; an account on the free plan of AWS takes only 1',
  }),
  databaseClientSecurityGroups: list('ids of security groups, such as sg-0a1b2c3d4e5f60718', (takes) =>
    z.string().regex(/^sg-[0-9a-f]{8,17}$/, takes),
  )
    .default([])
    .meta({ title: 'Who may reach the database, besides this stack itself' }),
  databaseClientCidrs: list('IPv4 ranges of /8 or smaller, such as 10.20.0.0/16', (takes) =>
    z.cidrv4(takes).refine((range) => Number(range.split('/')[1]) >= 8, takes),
  )
    .default([])
    .meta({ title: 'Who may reach the database, besides this stack itself' }),
  visibilityMinutes: wholeNumber(WORKER_TIMEOUT_MINUTES + 1, 720, VISIBILITY)
    .default(VISIBILITY_MINUTES)
    .meta({
      title: `How long a message stays hidden from other workers, ${VISIBILITY_MINUTES} unless set: a crashed worker's run waits so long`,
    }),
  logRetentionDays: oneOfNumbers(LOG_RETENTION_DAYS, LOG_RETENTION).meta({ title: 'How long logs are kept' }),
});

/** @returns the same as a JSON schema, for editors. `stages/schema.json` holds it. */
export const stageSettingsJsonSchema = () => z.toJSONSchema(StageSettings, { target: 'draft-7', io: 'input' });
