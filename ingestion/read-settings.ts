import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type * as z from 'zod';
import { ENVIRONMENT } from './contract/environment.ts';
import { editDistance, nearest } from './contract/nearest.ts';
import { PLANS, type PlanName } from './contract/plans.ts';
import {
  BaseUrl,
  CoingeckoPlan,
  DatabaseUrl,
  HeaderText,
  HistoryDays,
  LogLevel as LogLevelSetting,
  MonthlyCredits,
  OnOrOff,
  RequestsPerMinute,
  UniversePath,
} from './contract/settings.ts';
import { parseUniverse, UNIVERSE_FILE, type Universe } from './contract/universe-schema.ts';
import type { WaysToAsk } from './domain/credits.ts';
import { IngestionError } from './domain/failure.ts';

/** Environment variables as `process.env` holds them. An empty one counts as not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** How to ask CoinGecko: the plan's defaults, unless a setting says otherwise. */
export type SourceSettings = {
  readonly plan: PlanName;
  /** Without a slash at the end. */
  readonly baseUrl: string;
  /** The header that carries the key. Null on the public plan, which takes none. */
  readonly keyHeader: string | null;
  readonly apiKey: string | null;
  readonly requestsPerMinute: number;
  /** Credits of a UTC month. Null where the plan has no quota. */
  readonly monthlyCredits: number | null;
  readonly historyDays: number;
} & WaysToAsk;

/** Everything that the local command reads from the environment. */
export type LocalSettings = {
  readonly source: SourceSettings;
  readonly universe: Universe;
  /** The file that the universe was read from. */
  readonly universeFile: string;
  /** Null: the embedded server. */
  readonly databaseUrl: string | null;
  readonly cronSecret: string | null;
  readonly logLevel: LogLevel;
};

/** Wrong settings. The message has one line for each problem. */
export class SettingError extends IngestionError {
  override readonly name = 'SettingError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** @throws SettingError naming every COINGECKO_ setting that is wrong. */
export const parseSourceSettings = (env: Environment): SourceSettings => reading(env, readSource);

/**
 * @returns the universe in the file that the `UNIVERSE` setting names, or in `universe.json`.
 * @throws SettingError naming each wrong place in the file.
 */
export const readUniverse = (env: Environment): Universe => reading(env, readUniverseFile);

/** @throws SettingError naming every setting that is wrong. */
export const parseLocalSettings = (env: Environment): LocalSettings =>
  reading(env, (read) => ({
    source: readSource(read),
    universe: readUniverseFile(read),
    universeFile: universePath(read),
    databaseUrl: read('DATABASE_URL', withoutSecrets) ?? null,
    cronSecret: read('CRON_SECRET', hidden) ?? null,
    logLevel: read('LOG_LEVEL') ?? 'warn',
  }));

/** What each variable takes: the schema's description says it. */
export const SETTINGS = {
  COINGECKO_API_KEY: HeaderText,
  COINGECKO_PLAN: CoingeckoPlan,
  COINGECKO_BASE_URL: BaseUrl,
  COINGECKO_REQUESTS_PER_MINUTE: RequestsPerMinute,
  COINGECKO_MONTHLY_CREDITS: MonthlyCredits,
  COINGECKO_HISTORY_DAYS: HistoryDays,
  COINGECKO_CROSS_RATES: OnOrOff,
  LATEST_PRICES: OnOrOff,
  UNIVERSE: UniversePath,
  DATABASE_URL: DatabaseUrl,
  CRON_SECRET: HeaderText,
  LOG_LEVEL: LogLevelSetting,
} as const;
type SettingName = keyof typeof SETTINGS;

function readSource(read: Read): SourceSettings {
  const apiKey = read('COINGECKO_API_KEY', hidden) ?? null;
  const plan = read('COINGECKO_PLAN') ?? (apiKey ? 'demo' : 'public');
  const { baseUrl, keyHeader, requestsPerMinute, monthlyCredits, historyDays } = PLANS[plan];
  if (keyHeader && !apiKey)
    read.refuse(`COINGECKO_PLAN is "${plan}", which needs a key: set COINGECKO_API_KEY, or take the public plan.`);
  if (!keyHeader && apiKey)
    read.refuse('COINGECKO_API_KEY is set, but COINGECKO_PLAN is "public", which takes none: set demo or paid.');
  return {
    plan,
    baseUrl: read('COINGECKO_BASE_URL', withoutSecrets) ?? baseUrl,
    keyHeader,
    apiKey,
    requestsPerMinute: read('COINGECKO_REQUESTS_PER_MINUTE') ?? requestsPerMinute,
    monthlyCredits: read('COINGECKO_MONTHLY_CREDITS') ?? monthlyCredits,
    historyDays: read('COINGECKO_HISTORY_DAYS') ?? historyDays,
    crossRates: read('COINGECKO_CROSS_RATES') === 'on',
    latestPrices: read('LATEST_PRICES') !== 'off',
  };
}

const universePath = (read: Read): string => read('UNIVERSE') ?? fileURLToPath(UNIVERSE_FILE);

function readUniverseFile(read: Read): Universe {
  const file = universePath(read);
  const nothing = { coins: [], currencies: [] };
  try {
    const universe = parseUniverse(readFileSync(file, 'utf8'), file);
    if (!('problems' in universe)) return universe;
    for (const problem of universe.problems) read.refuse(problem);
    return nothing;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const found = code === 'ENOENT' ? 'a file that does not exist' : `a file that can't be read (${message})`;
    read.refuse(`UNIVERSE is "${file}", ${found}; it takes ${UniversePath.description}.`);
    return nothing;
  }
}

/** Reads one variable. It is undefined where it is not set. A wrong one is too, and its problem is remembered. */
type Read = {
  <Name extends SettingName>(
    variable: Name,
    describe?: (found: string) => string,
  ): z.output<(typeof SETTINGS)[Name]> | undefined;
  /** Remembers another problem, such as two settings that contradict each other. */
  refuse(problem: string): void;
};

/** Collects the problems of all variables before it throws, so that nobody has to fix them one at a time. */
function reading<Settings>(env: Environment, readAll: (read: Read) => Settings): Settings {
  const problems: string[] = [];
  function read<Name extends SettingName>(variable: Name, describe: (found: string) => string = quoted) {
    const found = env[variable]?.trim();
    if (!found) return undefined;
    const parsed = SETTINGS[variable].safeParse(found);
    if (parsed.success) return parsed.data as z.output<(typeof SETTINGS)[Name]>;
    for (const { message } of parsed.error.issues)
      problems.push(`${variable} is ${describe(found)}; it takes ${message}.`);
    return undefined;
  }
  read.refuse = (problem: string) => void problems.push(problem);
  refuseUnknown(env, read);
  const settings = readAll(read);
  if (problems.length > 0) throw new SettingError(problems);
  return settings;
}

/** Every variable that begins so is meant for this program. */
const PREFIX = 'COINGECKO_';

/** A misspelt setting must not be ignored. */
function refuseUnknown(env: Environment, read: Read): void {
  const names = Object.keys(SETTINGS) as SettingName[];
  const known: readonly string[] = [...names, ENVIRONMENT.coingeckoSecretId];
  for (const variable of Object.keys(env)) {
    if (!env[variable]?.trim() || known.includes(variable)) continue;
    const given = variable.toUpperCase().startsWith(PREFIX) ? variable.toUpperCase() : variable;
    const [first, ...others] = names.filter((name) =>
      given.startsWith(PREFIX) ? name.startsWith(PREFIX) : isMisspelt(given, name),
    );
    if (first === undefined) continue;
    const meant = nearest(given, [first, ...others]);
    read.refuse(`${variable} is no setting; did you mean ${meant}? It takes ${SETTINGS[meant].description}.`);
  }
}

/**
 * One letter off, or the same letters with other underscores. Two letters off may be another program's variable, and
 * refusing that is worse than missing a typo.
 */
const isMisspelt = (variable: string, name: string): boolean =>
  variable.replaceAll('_', '') === name.replaceAll('_', '') ||
  (Math.abs(variable.length - name.length) <= 1 && editDistance(variable, name) === 1);

const hidden = () => 'not shown, because it is a secret';

function quoted(found: string): string {
  const text = JSON.stringify(found);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

/** @returns the address without what may be secret: everything before an @, and the query. */
function withoutSecrets(found: string): string {
  const [, scheme, rest] = /^([a-z]+:\/\/)(.*)$/is.exec(found) ?? [];
  if (scheme === undefined || rest === undefined) return 'no address';
  return quoted(scheme + rest.replace(/^.*@/s, '…@').replace(/[?#].*$/s, '?…'));
}
