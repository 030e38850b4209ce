import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import * as z from 'zod';
import { ALARM_IDS } from '../ingestion/contract/alarm-names.ts';
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

/** The least that RDS takes. */
export const FIRST_STORAGE_GIB = 20;

const LOG_RETENTION_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731] as const;

// Each schema takes what a settings file holds, or the text of `-c name=value`. Its messages and its description complete
// the sentence "it takes …"; its title says what it is for, to whoever edits the file.

const text = (takes: string, pattern: RegExp) => z.string(takes).regex(pattern, takes).describe(takes);

const list = (takes: string, item: z.ZodType<string, string>, least = 0) =>
  z
    .preprocess(
      (value) => (typeof value === 'string' ? value.split(',').flatMap((part) => part.trim() || []) : value),
      z.array(item, takes).min(least, takes),
    )
    .describe(takes);

/** As text: `name=value,name=value`. */
const pairs = <Schema extends z.ZodType>(takes: string, schema: Schema) =>
  z
    .preprocess(
      (value) =>
        typeof value === 'string' ? Object.fromEntries(value.split(',').map((pair) => pair.trim().split('='))) : value,
      schema,
    )
    .describe(takes);

const SCHEDULE = 'rate(12 hours), cron(0 2 * * ? *) or none';
const Schedule = z
  .string(SCHEDULE)
  .transform((expression, context) => {
    if (expression === 'none') return null;
    try {
      return { expression, longestIntervalMinutes: longestIntervalMinutes(expression) };
    } catch (error) {
      if (!(error instanceof ScheduleError)) throw error;
      context.issues.push({ code: 'custom', input: expression, message: `a schedule, or none: ${error.message}` });
      return z.NEVER;
    }
  })
  .refine(
    (schedule) => schedule === null || schedule.longestIntervalMinutes <= MAX_SCHEDULE_INTERVAL_HOURS * 60,
    `a schedule with at most ${MAX_SCHEDULE_INTERVAL_HOURS} hours between runs, the longest silence that an alarm can watch`,
  )
  .describe(SCHEDULE);

const MAILS = 'mail addresses, such as you@example.com, or none';
const TAGS = 'tags by their keys, such as {"team":"data"}; not application, stage or aws:…';
const THRESHOLDS = `a threshold or off, by the alarm's name, such as {"worker-slow":"off"}; the alarms are ${ALARM_IDS.join(', ')}`;
const GROUPS = 'ids of security groups, such as sg-0a1b2c3d4e5f60718';
const ZONES = 'two or more zones of one region, such as eu-central-1a and eu-central-1b';
const VPC_RANGE = 'an IPv4 range of /16 to /24, such as 10.74.0.0/24';
const RANGES = 'IPv4 ranges of /8 or smaller, such as 10.20.0.0/16';
const HTTPS_ADDRESS = 'an https address';

const UniverseFile = SETTINGS.UNIVERSE.transform((path, context) => {
  const file = resolve(path);
  const problems = universeProblems(file);
  if (problems.length === 0) return file;
  const message = `${SETTINGS.UNIVERSE.description}: ${problems.join(' ')}`;
  context.issues.push({ code: 'custom', input: path, message });
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

const LEAST_VISIBILITY = WORKER_TIMEOUT_MINUTES + 1;

/** A setting that may be left out. */
const optional = <Schema extends z.ZodType>(title: string, schema: Schema) => schema.optional().meta({ title });

/** What `stages/<stage>.json` holds. What has no default must stand there. */
export const StageSettings = z.strictObject({
  $schema: z.string().optional(),
  name: optional(
    'Tells a second deployment of this stage from the first: every name ends with it',
    text(
      'at most 16 small letters, digits and single hyphens, beginning with a letter, and not with the name of a stage',
      // 16 leave room for `-staging-` in the longest name that AWS takes. Production's `dev` would have the stage's names.
      /^(?=.{1,16}$)(?!(dev|staging|prod)(-|$))[a-z][a-z0-9]*(-[a-z0-9]+)*$/,
    ),
  ),
  account: optional(
    'The account that this stage is deployed to; CDK then refuses any other',
    text("an account's 12 digits", /^\d{12}$/),
  ),
  region: optional(
    'The region that this stage is deployed to, whatever the shell says',
    text('a region, such as eu-central-1', /^[a-z]{2}(-[a-z]+)+-\d$/),
  ),
  schedule: Schedule.meta({ title: 'When runs are queued, in UTC; none: only by hand' }),
  alarmMails: z
    .union([z.literal('none'), list(MAILS, z.email(MAILS))], MAILS)
    .describe(MAILS)
    .default([])
    .meta({ title: 'Who is told of alarms; production refuses an empty list' }),
  alarms: optional(
    'Other thresholds than ours, or off, by the names of the alarms; each in the unit of what the alarm watches',
    pairs(
      THRESHOLDS,
      z.partialRecord(
        z.enum(ALARM_IDS),
        z.preprocess(
          (value) => (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value),
          z.union([z.literal('off'), z.number()], THRESHOLDS),
        ),
        THRESHOLDS,
      ),
    ),
  ),
  monthlyBudget: optional(
    'Dollars a month; at 80 and 100 % of them, spent by the whole account, AWS mails the addresses of alarmMails',
    wholeNumber(1, 1_000_000),
  ),
  tags: optional(
    'Your own tags, for the stack and all that is in it',
    pairs(
      TAGS,
      z.record(
        z.string().regex(/^(?!aws:|(application|stage)$)[\w .:/=+@-]{1,128}$/i, TAGS),
        z.string(TAGS).regex(/^[\w .:/=+@-]{0,256}$/, TAGS),
        TAGS,
      ),
    ),
  ),
  alarmWebhookSecretName: optional(
    'The secret with the address of a webhook (Slack, Teams, Discord) that is told of alarms too',
    text(
      'the name or the whole ARN of a secret, such as crypto-prices-webhook',
      /^(?!arn:)[\w/+=.@-]{1,200}$|^arn:aws[\w-]*:secretsmanager:[\w-]+:\d{12}:secret:[\w/+=.@-]{1,200}-\w{6}$/,
    ),
  ),
  repositoryUrl: optional(
    'Where the repository is: then the links of alarms to the runbook work from everywhere',
    text(
      // An alarm's text has room for so many.
      'an https address of at most 100 characters, such as https://github.com/you/crypto-prices',
      /^(?=.{1,100}$)https:\/\/[\w.-]+(\/[\w.~-]+)+$/,
    ),
  ),
  network: oneOf(['nat-gateway', 'nat-instance']).meta({
    title:
      'How the worker reaches CoinGecko: through a gateway that AWS runs, or one small instance at a tenth of the price',
  }),
  natInstance: oneOf(['t4g.nano', 't4g.micro', 't4g.small'])
    .default('t4g.nano')
    .meta({ title: "The nat-instance's size; an account on the free plan of AWS refuses t4g.nano" }),
  availabilityZones: optional(
    'The zones of the VPC, where one lacks what is needed; the first two are used. Not to be changed once deployed',
    list(ZONES, z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/, ZONES), 2),
  ),
  vpcCidr: z
    .cidrv4(VPC_RANGE)
    .refine((range) => /\/(1[6-9]|2[0-4])$/.test(range), VPC_RANGE)
    .describe(VPC_RANGE)
    .default('10.73.0.0/24')
    .meta({ title: "The VPC's addresses; no two VPCs that are peered may share any. Not to be changed once deployed" }),
  coingeckoPlan: optional('Your plan; unless set, demo if there is a key, else public', SETTINGS.COINGECKO_PLAN),
  coingeckoBaseUrl: optional(
    'Another address of the API',
    SETTINGS.COINGECKO_BASE_URL.refine((url) => url.startsWith('https:'), HTTPS_ADDRESS).describe(HTTPS_ADDRESS),
  ),
  coingeckoRequestsPerMinute: optional('Unless set, the plan decides', SETTINGS.COINGECKO_REQUESTS_PER_MINUTE),
  coingeckoMonthlyCredits: optional('Unless set, the plan decides', SETTINGS.COINGECKO_MONTHLY_CREDITS),
  coingeckoHistoryDays: optional(
    'How far back your plan reaches; unless set, it decides',
    SETTINGS.COINGECKO_HISTORY_DAYS,
  ),
  coingeckoCrossRates: optional(
    'Whether prices in all currencies but the first are calculated from rates, for a quarter of the credits; off unless set',
    SETTINGS.COINGECKO_CROSS_RATES,
  ),
  latestPrices: optional('Whether a run ends by asking for the latest prices; on unless off', SETTINGS.LATEST_PRICES),
  universe: optional('Another file of coins and currencies than universe.json', UniverseFile),
  databaseInstance: oneOf(Object.keys(DATABASE_INSTANCES) as (keyof typeof DATABASE_INSTANCES)[])
    .default('t4g.micro')
    .meta({ title: "The database's size" }),
  databaseStorageGib: wholeNumber(FIRST_STORAGE_GIB, 1_000).default(FIRST_STORAGE_GIB).meta({
    title:
      "The database's storage in GiB, 20 unless set; it may double by itself. RDS takes a change of at least 10 % more than is allocated, and no less",
  }),
  databaseBackupDays: wholeNumber(1, 35).meta({
    title: 'How long backups are kept; an account on the free plan of AWS takes only 1',
  }),
  databaseClientSecurityGroups: list(GROUPS, z.string().regex(/^sg-[0-9a-f]{8,17}$/, GROUPS))
    .default([])
    .meta({ title: 'Who may reach the database, besides this stack itself' }),
  databaseClientCidrs: list(
    RANGES,
    z.cidrv4(RANGES).refine((range) => Number(range.split('/')[1]) >= 8, RANGES),
  )
    .default([])
    .meta({ title: 'Who may reach the database, besides this stack itself' }),
  visibilityMinutes: wholeNumber(
    LEAST_VISIBILITY,
    720,
    `a whole number from ${LEAST_VISIBILITY} to 720: more than the worker's ${WORKER_TIMEOUT_MINUTES} minutes, or a second worker would get the message of the first`,
  )
    .default(VISIBILITY_MINUTES)
    .meta({
      title: `How long a message stays hidden from other workers, ${VISIBILITY_MINUTES} unless set: a crashed worker's run waits so long`,
    }),
  logRetentionDays: oneOfNumbers(
    LOG_RETENTION_DAYS,
    `a number of days that CloudWatch knows: ${LOG_RETENTION_DAYS.join(', ')}`,
  ).meta({ title: 'How long logs are kept' }),
});

/** @returns the same as a JSON schema, for editors. `stages/schema.json` holds it. */
export const stageSettingsJsonSchema = () => z.toJSONSchema(StageSettings, { target: 'draft-7', io: 'input' });
