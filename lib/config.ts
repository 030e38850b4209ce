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
import type { PlanName } from '../ingestion/contract/plans.ts';
import {
  BaseUrl,
  CoingeckoPlan,
  HistoryDays,
  MonthlyCredits,
  oneOf,
  RequestsPerMinute,
  wholeNumber,
} from '../ingestion/contract/settings.ts';
import { parseUniverse } from '../ingestion/contract/universe.ts';
import { longestIntervalMinutes, ScheduleError } from './schedule.ts';

export type StageName = 'dev' | 'staging' | 'prod';

/** How the worker reaches CoinGecko: a gateway that AWS keeps running, or one small instance at a tenth of its price. */
export type NetworkMode = 'nat-gateway' | 'nat-instance';

/** Instance classes of the database, and their memory in GiB, which decides how many connections PostgreSQL takes. */
export const DATABASE_INSTANCES = { 't4g.micro': 1, 't4g.small': 2, 't4g.medium': 4, 't4g.large': 8 } as const;

/** What one deployment is. See `SETTINGS` for how each can be overridden. */
export type StackConfig = {
  readonly stage: StageName;
  /** Appended to every name: empty in prod, else `-<stage>`. */
  readonly suffix: string;
  /** When runs are queued, in UTC; null where they are only started by hand. */
  readonly schedule: { readonly expression: string; readonly longestIntervalMinutes: number } | null;
  readonly alarmMails: readonly string[];
  readonly network: NetworkMode;
  readonly coingecko: {
    /** Undefined: demo when there is a key, else public. */
    readonly plan?: PlanName | undefined;
    readonly baseUrl?: string | undefined;
    readonly requestsPerMinute?: number | undefined;
    readonly monthlyCredits?: number | undefined;
    readonly historyDays?: number | undefined;
  };
  /** The file of coins and currencies that goes along with the functions. */
  readonly universeFile: string;
  readonly database: {
    readonly instance: keyof typeof DATABASE_INSTANCES;
    readonly storageGib: number;
    readonly backupDays: number;
    /** Who may reach the port besides this stack's own functions. */
    readonly clientSecurityGroups: readonly string[];
    readonly clientCidrs: readonly string[];
  };
  /** For how long a message that a worker took stays hidden from others: until a crashed worker's run is continued. */
  readonly visibilityMinutes: number;
  readonly logRetentionDays: number;
  /** Whether the data outlives a mistake: deletion protection, a last snapshot, a stack that can't be deleted. */
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

/** Settings that are not what they should be. The message has one sentence each, on a line of its own. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

// Each schema takes the text of a setting, or what cdk.json holds; its messages complete the sentence "it takes …".

const list = <Item extends z.ZodType<string, string>>(item: Item) =>
  z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value),
    z.array(item, 'a list with commas between its items'),
  );

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
);

const cidrText = 'IPv4 ranges of /8 or smaller, such as 10.20.0.0/16';
const Cidr = z.cidrv4(cidrText).refine((range) => Number(range.split('/')[1]) >= 8, cidrText);

const DEFAULT_UNIVERSE_FILE = fileURLToPath(new URL('../universe.json', import.meta.url));

const UniverseFile = z.string('the path of a file like universe.json').transform((path, context) => {
  const file = resolve(path);
  const problems = universeProblems(file);
  if (problems.length === 0) return file;
  context.issues.push({ code: 'custom', input: path, message: `a file like universe.json: ${problems.join(' ')}` });
  return z.NEVER;
});

function universeProblems(file: string): readonly string[] {
  try {
    const universe = parseUniverse(readFileSync(file, 'utf8'), file);
    return 'problems' in universe ? universe.problems : [];
  } catch (error) {
    return [`it can't be read (${(error as Error).message}).`];
  }
}

/** Every setting by its context name: what it takes. `-c logRetentionDays=7` or `CRYPTO_PRICES_LOG_RETENTION_DAYS=7`. */
const SETTINGS = {
  stage: oneOf(['dev', 'staging', 'prod']),
  schedule: WatchedSchedule,
  alarmMails: list(z.email('mail addresses, such as you@example.com')),
  network: oneOf(['nat-gateway', 'nat-instance']),
  coingeckoPlan: CoingeckoPlan,
  coingeckoBaseUrl: BaseUrl.refine((url) => url.startsWith('https:'), 'an https address'),
  coingeckoRequestsPerMinute: RequestsPerMinute,
  coingeckoMonthlyCredits: MonthlyCredits,
  coingeckoHistoryDays: HistoryDays,
  universe: UniverseFile,
  databaseInstance: oneOf(Object.keys(DATABASE_INSTANCES) as (keyof typeof DATABASE_INSTANCES)[]),
  databaseStorageGib: wholeNumber(20, 1_000),
  databaseBackupDays: wholeNumber(1, 35),
  databaseClientSecurityGroups: list(
    z.string().regex(/^sg-[0-9a-f]{8,17}$/, 'ids of security groups, such as sg-0a1b2c3d4e5f60718'),
  ),
  databaseClientCidrs: list(Cidr),
  visibilityMinutes: wholeNumber(1, 720).refine(
    (minutes) => minutes > WORKER_TIMEOUT_MINUTES,
    `more than the worker's ${WORKER_TIMEOUT_MINUTES} minutes, or a second worker would get the message of the first`,
  ),
  logRetentionDays: wholeNumber(1, 731).refine(
    (days) => LOG_RETENTION_DAYS.some((allowed) => allowed === days),
    `a number of days that CloudWatch knows: ${LOG_RETENTION_DAYS.join(', ')}`,
  ),
} as const;

type SettingName = keyof typeof SETTINGS;

/** `logRetentionDays` as `CRYPTO_PRICES_LOG_RETENTION_DAYS`. */
const ENVIRONMENT_PREFIX = 'CRYPTO_PRICES_';
const variableOf = (name: string): string =>
  `${ENVIRONMENT_PREFIX}${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

/**
 * @param context what `-c name=value` and cdk.json hold. It goes before the environment; an empty text counts as not set.
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
    problems.push(
      `${name} is ${JSON.stringify(value).slice(0, 100)}; it takes ${takes}. Set -c ${name}=… or ${variableOf(name)}.`,
    );
    // Never seen by a caller: with a problem there is no config.
    return undefined as never;
  }

  const stage = read('stage', 'prod') ?? 'prod';
  const defaults = STAGES[stage];
  const config: StackConfig = {
    stage,
    suffix: stage === 'prod' ? '' : `-${stage}`,
    schedule: read('schedule', defaults.schedule),
    alarmMails: read('alarmMails', []),
    network: read('network', defaults.network),
    coingecko: {
      plan: readOptional('coingeckoPlan'),
      baseUrl: readOptional('coingeckoBaseUrl'),
      requestsPerMinute: readOptional('coingeckoRequestsPerMinute'),
      monthlyCredits: readOptional('coingeckoMonthlyCredits'),
      historyDays: readOptional('coingeckoHistoryDays'),
    },
    // The program's own setting names the file here too, so that both always agree.
    universeFile: read('universe', environment['UNIVERSE'] || DEFAULT_UNIVERSE_FILE),
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

/** A setting that is spelt wrong must not be ignored. CDK's own context names hold a sign that none of ours has. */
function unknownSettings(
  context: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const names = Object.keys(SETTINGS);
  const variables = new Set(names.map(variableOf));
  const unknown = [
    ...Object.keys(context).filter((name) => /^[A-Za-z]+$/.test(name) && !(name in SETTINGS)),
    ...Object.keys(environment).filter((name) => name.startsWith(ENVIRONMENT_PREFIX) && !variables.has(name)),
  ];
  return unknown.map((name) => `${name} is no setting; the settings are ${names.join(', ')}.`);
}
