import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import {
  DAILY_SCHEDULE,
  MAX_SCHEDULE_INTERVAL_HOURS,
  VISIBILITY_MINUTES,
  WORKER_TIMEOUT_MINUTES,
} from '../ingestion/contract/limits.ts';
import { nearest } from '../ingestion/contract/nearest.ts';
import type { PlanName } from '../ingestion/contract/plans.ts';
import {
  BaseUrl,
  CoingeckoPlan,
  HistoryDays,
  MonthlyCredits,
  oneOf,
  RequestsPerMinute,
  UniversePath,
  wholeNumber,
} from '../ingestion/contract/settings.ts';
import { show } from '../ingestion/contract/show.ts';
import { parseUniverse, UNIVERSE_FILE } from '../ingestion/contract/universe.ts';
import { longestIntervalMinutes, ScheduleError } from './schedule.ts';

export type StageName = 'dev' | 'staging' | 'prod';

/** How the worker reaches CoinGecko: through a gateway that AWS runs, or one small instance at a tenth of the price. */
export type NetworkMode = 'nat-gateway' | 'nat-instance';

/** The database's instance classes and their memory in GiB. The memory decides how many connections PostgreSQL takes. */
export const DATABASE_INSTANCES = { 't4g.micro': 1, 't4g.small': 2, 't4g.medium': 4, 't4g.large': 8 } as const;

/** What is deployed. `SETTINGS` says how to override each value. */
export type StackConfig = {
  readonly stage: StageName;
  /** Appended to every name: empty in prod, else `-<stage>`. */
  readonly suffix: string;
  /** When runs are queued, in UTC. Null: only by hand. */
  readonly schedule: { readonly expression: string; readonly longestIntervalMinutes: number } | null;
  readonly alarmMails: readonly string[];
  /** Name or ARN of the secret with the address that alarms are posted to. Undefined: none. */
  readonly alarmWebhookSecretName: string | undefined;
  /** Where the repository is, for links to the runbook. Undefined: they are paths in it. */
  readonly repositoryUrl: string | undefined;
  readonly network: NetworkMode;
  readonly coingecko: {
    /** Undefined: demo if there is a key, else public. */
    readonly plan?: PlanName | undefined;
    readonly baseUrl?: string | undefined;
    readonly requestsPerMinute?: number | undefined;
    readonly monthlyCredits?: number | undefined;
    readonly historyDays?: number | undefined;
  };
  /** The file of coins and currencies that is deployed with the functions. */
  readonly universeFile: string;
  readonly database: {
    readonly instance: keyof typeof DATABASE_INSTANCES;
    readonly storageGib: number;
    readonly backupDays: number;
    /** Who may reach the port, besides this stack's own functions. */
    readonly clientSecurityGroups: readonly string[];
    readonly clientCidrs: readonly string[];
  };
  /** How long a message stays hidden from other workers. A crashed worker's run waits this long. */
  readonly visibilityMinutes: number;
  readonly logRetentionDays: number;
  /** Whether the data survives a mistake: deletion protection, a last snapshot, a stack that can't be deleted. */
  readonly isProtected: boolean;
};

const LOG_RETENTION_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731] as const;

type StageDefaults = {
  readonly schedule: string;
  readonly network: NetworkMode;
  readonly backupDays: number;
  readonly logRetentionDays: number;
};

const STAGES: Readonly<Record<StageName, StageDefaults>> = {
  dev: { schedule: 'none', network: 'nat-instance', backupDays: 1, logRetentionDays: 14 },
  staging: { schedule: 'rate(12 hours)', network: 'nat-instance', backupDays: 1, logRetentionDays: 30 },
  prod: { schedule: DAILY_SCHEDULE, network: 'nat-gateway', backupDays: 14, logRetentionDays: 90 },
};

/** Wrong settings. The message has one line for each of them. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

// Each schema takes the text of a setting, or what cdk.json holds. Its messages and its description complete the sentence
// "it takes …".

const list = (takes: string, itemOf: (takes: string) => z.ZodType<string, string>) =>
  z
    .preprocess(
      (value) => (typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value),
      z.array(itemOf(takes), 'a list with commas between its items'),
    )
    .describe(takes);

const Schedule = z.string('text').transform((expression, context) => {
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

const HTTPS_ADDRESS = 'an https address';

const UniverseFile = UniversePath.transform((path, context) => {
  const file = resolve(path);
  const problems = universeProblems(file);
  if (problems.length === 0) return file;
  context.issues.push({ code: 'custom', input: path, message: `${UniversePath.description}: ${problems.join(' ')}` });
  return z.NEVER;
}).describe(UniversePath.description ?? '');

function universeProblems(file: string): readonly string[] {
  try {
    const universe = parseUniverse(readFileSync(file, 'utf8'), file);
    return 'problems' in universe ? universe.problems : [];
  } catch (error) {
    return [`it can't be read (${(error as Error).message}).`];
  }
}

const SECRET_NAME = 'the name or the whole ARN of a secret, such as crypto-prices-webhook';
const REPOSITORY = 'an https address of at most 100 characters, such as https://github.com/you/crypto-prices';

const VISIBILITY = `more than the worker's ${WORKER_TIMEOUT_MINUTES} minutes, or a second worker would get the message of the first`;
const LOG_RETENTION = `a number of days that CloudWatch knows: ${LOG_RETENTION_DAYS.join(', ')}`;

/** Every setting by its context name: what it takes. `-c logRetentionDays=7` or `CRYPTO_PRICES_LOG_RETENTION_DAYS=7`. */
const SETTINGS = {
  stage: oneOf(['dev', 'staging', 'prod']),
  schedule: WatchedSchedule,
  alarmMails: list('mail addresses, such as you@example.com', (takes) => z.email(takes)),
  alarmWebhookSecretName: z
    .string()
    .regex(
      /^(?!arn:)[\w/+=.@-]{1,200}$|^arn:aws[\w-]*:secretsmanager:[\w-]+:\d{12}:secret:[\w/+=.@-]{1,200}-\w{6}$/,
      SECRET_NAME,
    )
    .describe(SECRET_NAME),
  repositoryUrl: z
    .string()
    .max(100, REPOSITORY)
    .regex(/^https:\/\/[\w.-]+(\/[\w.~-]+)+$/, REPOSITORY)
    .describe(REPOSITORY),
  network: oneOf(['nat-gateway', 'nat-instance']),
  coingeckoPlan: CoingeckoPlan,
  coingeckoBaseUrl: BaseUrl.refine((url) => url.startsWith('https:'), HTTPS_ADDRESS).describe(HTTPS_ADDRESS),
  coingeckoRequestsPerMinute: RequestsPerMinute,
  coingeckoMonthlyCredits: MonthlyCredits,
  coingeckoHistoryDays: HistoryDays,
  universe: UniverseFile,
  databaseInstance: oneOf(Object.keys(DATABASE_INSTANCES) as (keyof typeof DATABASE_INSTANCES)[]),
  databaseStorageGib: wholeNumber(20, 1_000),
  databaseBackupDays: wholeNumber(1, 35),
  databaseClientSecurityGroups: list('ids of security groups, such as sg-0a1b2c3d4e5f60718', (takes) =>
    z.string().regex(/^sg-[0-9a-f]{8,17}$/, takes),
  ),
  databaseClientCidrs: list('IPv4 ranges of /8 or smaller, such as 10.20.0.0/16', (takes) =>
    z.cidrv4(takes).refine((range) => Number(range.split('/')[1]) >= 8, takes),
  ),
  visibilityMinutes: wholeNumber(1, 720)
    .refine((minutes) => minutes > WORKER_TIMEOUT_MINUTES, VISIBILITY)
    .describe(VISIBILITY),
  logRetentionDays: wholeNumber(1, 731)
    .refine((days) => LOG_RETENTION_DAYS.some((allowed) => allowed === days), LOG_RETENTION)
    .describe(LOG_RETENTION),
} as const;

type SettingName = keyof typeof SETTINGS;

/** `logRetentionDays` as `CRYPTO_PRICES_LOG_RETENTION_DAYS`. */
const ENVIRONMENT_PREFIX = 'CRYPTO_PRICES_';
const variableOf = (name: string): string =>
  `${ENVIRONMENT_PREFIX}${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

/**
 * @param context what `-c name=value` and cdk.json hold. It wins over the environment. An empty text counts as not set.
 * @throws ConfigError naming every setting that is wrong or unknown, what was found, and what it takes.
 */
export function readConfig(
  context: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
): StackConfig {
  const problems = unknownSettings(context, environment);

  const given = (name: SettingName): unknown =>
    [context[name], environment[variableOf(name)]].find((value) => value !== undefined && value !== '');
  const read = <Name extends SettingName>(name: Name, fallback: z.input<(typeof SETTINGS)[Name]>) =>
    parse(name, given(name) ?? fallback);
  const readOptional = <Name extends SettingName>(name: Name) =>
    given(name) === undefined ? undefined : parse(name, given(name));
  function parse<Name extends SettingName>(name: Name, value: unknown): z.output<(typeof SETTINGS)[Name]> {
    const parsed = SETTINGS[name].safeParse(value);
    if (parsed.success) return parsed.data as z.output<(typeof SETTINGS)[Name]>;
    const takes = [...new Set(parsed.error.issues.map(({ message }) => message))].join('; ');
    problems.push(`${name} is ${show(value)}; it takes ${takes}. Set -c ${name}=… or ${variableOf(name)}.`);
    // No caller sees it: with a problem there is no config.
    return undefined as never;
  }

  const stage = read('stage', 'prod') ?? 'prod';
  const defaults = STAGES[stage];
  const config: StackConfig = {
    stage,
    suffix: stage === 'prod' ? '' : `-${stage}`,
    schedule: read('schedule', defaults.schedule),
    alarmMails: read('alarmMails', []),
    alarmWebhookSecretName: readOptional('alarmWebhookSecretName'),
    repositoryUrl: readOptional('repositoryUrl'),
    network: read('network', defaults.network),
    coingecko: {
      plan: readOptional('coingeckoPlan'),
      baseUrl: readOptional('coingeckoBaseUrl'),
      requestsPerMinute: readOptional('coingeckoRequestsPerMinute'),
      monthlyCredits: readOptional('coingeckoMonthlyCredits'),
      historyDays: readOptional('coingeckoHistoryDays'),
    },
    // The program's own setting counts here too, so that a deploy and a local run use the same file.
    universeFile: read('universe', environment['UNIVERSE'] || fileURLToPath(UNIVERSE_FILE)),
    database: {
      instance: read('databaseInstance', 't4g.micro'),
      storageGib: read('databaseStorageGib', 20),
      backupDays: read('databaseBackupDays', defaults.backupDays),
      clientSecurityGroups: read('databaseClientSecurityGroups', []),
      clientCidrs: read('databaseClientCidrs', []),
    },
    visibilityMinutes: read('visibilityMinutes', VISIBILITY_MINUTES),
    logRetentionDays: read('logRetentionDays', defaults.logRetentionDays),
    isProtected: stage === 'prod',
  };
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return config;
}

/** A misspelt setting must not be ignored. Unlike ours, CDK's own context names have characters other than letters. */
function unknownSettings(
  context: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const names = Object.keys(SETTINGS) as [SettingName, ...SettingName[]];
  const refusal = (unknown: string, nameOf: (name: SettingName) => string): string => {
    const meant = nearest(unknown, names, nameOf);
    const takes = SETTINGS[meant].description;
    return `${unknown} is no setting; did you mean ${nameOf(meant)}? It takes ${takes}. The settings are ${names.join(', ')}.`;
  };
  const variables = new Set(names.map(variableOf));
  return [
    ...Object.keys(context)
      .filter((name) => /^[A-Za-z]+$/.test(name) && !(name in SETTINGS))
      .map((name) => refusal(name, String)),
    ...Object.keys(environment)
      .filter((name) => name.startsWith(ENVIRONMENT_PREFIX) && !variables.has(name))
      .map((name) => refusal(name, variableOf)),
  ];
}
