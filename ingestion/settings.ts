import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type * as z from 'zod';
import { PLANS, type PlanName } from './contract/plans.ts';
import {
  BaseUrl,
  CoingeckoPlan,
  DatabaseUrl,
  HeaderText,
  HistoryDays,
  LogLevel as LogLevelSetting,
  MonthlyCredits,
  RequestsPerMinute,
} from './contract/settings.ts';
import { parseUniverse, type Universe } from './contract/universe.ts';
import { IngestionError } from './domain/failure.ts';
import { editDistance, nearest } from './nearest.ts';

/** Environment variables as `process.env` holds them. An empty one counts as not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** How CoinGecko is asked: its plan's defaults, unless a setting says otherwise. */
export type SourceSettings = {
  readonly plan: PlanName;
  /** Without a slash at the end. */
  readonly baseUrl: string;
  /** The header that carries the key; null on the public plan, which takes none. */
  readonly keyHeader: string | null;
  readonly apiKey: string | null;
  readonly requestsPerMinute: number;
  /** Credits of a UTC month; null where the plan has no quota. */
  readonly monthlyCredits: number | null;
  readonly historyDays: number;
};

/** Everything that the local command reads from the environment. */
export type LocalSettings = {
  readonly source: SourceSettings;
  readonly universe: Universe;
  /** Null: the embedded server is used. */
  readonly databaseUrl: string | null;
  readonly cronSecret: string | null;
  readonly logLevel: LogLevel;
};

/** Settings that are not what they should be. The message has one sentence a setting, each on a line of its own. */
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
 * @returns the universe of the file that the `UNIVERSE` setting names, else of `universe.json`.
 * @throws SettingError naming each place in it that is wrong.
 */
export const readUniverse = (env: Environment): Universe => reading(env, readUniverseFile);

/** @throws SettingError naming every setting that is wrong. */
export const parseLocalSettings = (env: Environment): LocalSettings =>
  reading(env, (read) => ({
    source: readSource(read),
    universe: readUniverseFile(read),
    databaseUrl: read('DATABASE_URL', DatabaseUrl, withoutSecrets) ?? null,
    cronSecret: read('CRON_SECRET', HeaderText, hidden) ?? null,
    logLevel: read('LOG_LEVEL', LogLevelSetting) ?? 'warn',
  }));

function readSource(read: Read): SourceSettings {
  const apiKey = read('COINGECKO_API_KEY', HeaderText, hidden) ?? null;
  const plan = read('COINGECKO_PLAN', CoingeckoPlan) ?? (apiKey ? 'demo' : 'public');
  const { baseUrl, keyHeader, requestsPerMinute, monthlyCredits, historyDays } = PLANS[plan];
  if (keyHeader && !apiKey)
    read.refuse(`COINGECKO_PLAN is "${plan}", which needs a key: set COINGECKO_API_KEY, or take the public plan.`);
  if (!keyHeader && apiKey)
    read.refuse('COINGECKO_API_KEY is set, but COINGECKO_PLAN is "public", which takes none: set demo or paid.');
  return {
    plan,
    baseUrl: read('COINGECKO_BASE_URL', BaseUrl, withoutSecrets) ?? baseUrl,
    keyHeader,
    apiKey,
    requestsPerMinute: read('COINGECKO_REQUESTS_PER_MINUTE', RequestsPerMinute) ?? requestsPerMinute,
    monthlyCredits: read('COINGECKO_MONTHLY_CREDITS', MonthlyCredits) ?? monthlyCredits,
    historyDays: read('COINGECKO_HISTORY_DAYS', HistoryDays) ?? historyDays,
  };
}

const DEFAULT_UNIVERSE_FILE = fileURLToPath(new URL('../universe.json', import.meta.url));

function readUniverseFile(read: Read): Universe {
  const file = read.text('UNIVERSE') ?? DEFAULT_UNIVERSE_FILE;
  const nothing = { coins: [], currencies: [] };
  try {
    const universe = parseUniverse(readFileSync(file, 'utf8'), file);
    if (!('problems' in universe)) return universe;
    for (const problem of universe.problems) read.refuse(problem);
    return nothing;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const found = code === 'ENOENT' ? 'a file that does not exist' : `a file that can't be read (${message})`;
    read.refuse(`UNIVERSE is "${file}", ${found}; it takes the path of a file like universe.json.`);
    return nothing;
  }
}

/** Reads one variable: undefined where it is not set, and where it is wrong, which is remembered. */
type Read = {
  <Value>(variable: string, schema: z.ZodType<Value>, describe?: (found: unknown) => string): Value | undefined;
  /** The variable as it is, without spaces around it. */
  text(variable: string): string | undefined;
  /** Remembers a sentence about settings that don't go together. */
  refuse(problem: string): void;
};

/** Collects what is wrong with all variables before it throws, so that nobody corrects them one at a time. */
function reading<Settings>(env: Environment, readAll: (read: Read) => Settings): Settings {
  const problems: string[] = [];
  const text = (variable: string) => env[variable]?.trim() || undefined;
  const read: Read = (variable, schema, describe = quoted) => {
    const found = text(variable);
    if (found === undefined) return undefined;
    const parsed = schema.safeParse(found);
    if (parsed.success) return parsed.data;
    for (const { message } of parsed.error.issues)
      problems.push(`${variable} is ${describe(found)}; it takes ${message}.`);
    return undefined;
  };
  read.text = text;
  read.refuse = (problem) => problems.push(problem);
  refuseUnknown(env, read);
  const settings = readAll(read);
  if (problems.length > 0) throw new SettingError(problems);
  return settings;
}

/** Every variable that begins so is meant for this program. */
const PREFIX = 'COINGECKO_';
const OF_PREFIX = [
  'API_KEY',
  'PLAN',
  'BASE_URL',
  'REQUESTS_PER_MINUTE',
  'MONTHLY_CREDITS',
  'HISTORY_DAYS',
  'SECRET_ID',
].map((name) => `${PREFIX}${name}`);
const OTHERS = ['DATABASE_URL', 'CRON_SECRET', 'UNIVERSE', 'LOG_LEVEL'];

/** A setting that is misspelt must not be ignored. */
function refuseUnknown(env: Environment, read: Read): void {
  for (const name of Object.keys(env)) {
    if (!env[name]?.trim() || OF_PREFIX.includes(name) || OTHERS.includes(name)) continue;
    const candidates = name.startsWith(PREFIX) ? OF_PREFIX : OTHERS.filter((known) => isMisspelt(name, known));
    if (candidates.length === 0) continue;
    read.refuse(`${name} is no setting; did you mean ${nearest(name, candidates)}?`);
  }
}

/** One letter off, or the same letters without the underscores: other programs have variables of their own. */
const isMisspelt = (name: string, known: string): boolean =>
  name.replaceAll('_', '') === known.replaceAll('_', '') || editDistance(name, known) === 1;

const hidden = () => 'not shown, because it is a secret';

function quoted(found: unknown): string {
  const text = found === undefined ? 'missing' : JSON.stringify(found);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

/** An address without what may be secret in it: anything before an @, and its query. */
function withoutSecrets(found: unknown): string {
  const [, scheme, rest] = /^([a-z]+:\/\/)(.*)$/is.exec(String(found)) ?? [];
  if (scheme === undefined || rest === undefined) return 'no address';
  return quoted(scheme + rest.replace(/^.*@/s, '…@').replace(/[?#].*$/s, '?…'));
}
