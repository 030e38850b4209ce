import { fileURLToPath } from 'node:url';
import { ENVIRONMENT } from './contract/names.ts';
import { PLANS, SETTINGS, type SettingName, type SettingValue } from './contract/settings.ts';
import { editDistance, nearest, parseUniverse, UNIVERSE_FILE, type Universe } from './contract/universe-schema.ts';
import { IngestionError } from './domain/failure.ts';
import { readLimited } from './read-limited.ts';

/** Environment variables as `process.env` holds them. An empty one counts as not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

export type LogLevel = SettingValue<'LOG_LEVEL'>;
export type SourceSettings = ReturnType<typeof parseSourceSettings>;
export type LocalSettings = ReturnType<typeof parseLocalSettings>;

/** Wrong settings. The message has one line for each problem. */
export class SettingError extends IngestionError {
  override readonly name = 'SettingError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** @returns how to ask CoinGecko: the plan's defaults, unless a setting says otherwise. @throws SettingError */
export const parseSourceSettings = (env: Environment) => reading(env, readSource);

/** @returns the universe in the file that the `UNIVERSE` setting names, or in `universe.json`. @throws SettingError */
export const readUniverse = (env: Environment): Universe => reading(env, readUniverseFile);

/** @returns all that the local command reads. Without a `databaseUrl` it starts the embedded server. @throws SettingError */
export const parseLocalSettings = (env: Environment) =>
  reading(env, (read) => ({
    source: readSource(read),
    universe: readUniverseFile(read),
    universeFile: universePath(read),
    databaseUrl: read('DATABASE_URL', withoutSecrets) ?? null,
    embeddedPort: read('EMBEDDED_PORT') ?? null,
    cronSecret: read('CRON_SECRET', hidden) ?? null,
    heartbeatUrl: read('HEARTBEAT_URL', hidden) ?? null,
    alertWebhookUrl: read('ALERT_WEBHOOK_URL', hidden) ?? null,
    logLevel: read('LOG_LEVEL') ?? 'warn',
  }));

function readSource(read: Read) {
  const apiKey = read('COINGECKO_API_KEY', hidden) ?? null;
  const plan = read('COINGECKO_PLAN') ?? (apiKey ? 'demo' : 'public');
  const { baseUrl, keyHeader, requestsPerMinute, monthlyCredits, historyDays } = PLANS[plan];
  if (keyHeader && !apiKey)
    read.refuse(`COINGECKO_PLAN is "${plan}", which needs a key: set COINGECKO_API_KEY, or take the public plan.`);
  if (!keyHeader && apiKey)
    read.refuse('COINGECKO_API_KEY is set, but COINGECKO_PLAN is "public", which takes none: set demo or paid.');
  return {
    ...{ plan, keyHeader, apiKey },
    baseUrl: read('COINGECKO_BASE_URL', withoutSecrets) ?? baseUrl,
    requestsPerMinute: read('COINGECKO_REQUESTS_PER_MINUTE') ?? requestsPerMinute,
    monthlyCredits: read('COINGECKO_MONTHLY_CREDITS') ?? monthlyCredits,
    historyDays: read('COINGECKO_HISTORY_DAYS') ?? historyDays,
    crossRates: read('COINGECKO_CROSS_RATES') === 'on',
    latestPrices: read('LATEST_PRICES') !== 'off',
  };
}

const universePath = (read: Read): string => read('UNIVERSE') ?? fileURLToPath(UNIVERSE_FILE);

/** A hundred times what a free plan can fetch. */
const MOST_UNIVERSE_BYTES = 10_000_000;

function readUniverseFile(read: Read): Universe {
  const file = universePath(read);
  const nothing = { coins: [], currencies: [] };
  try {
    const universe = parseUniverse(readLimited(file, MOST_UNIVERSE_BYTES).toString(), file);
    if (!('problems' in universe)) return universe;
    for (const problem of universe.problems) read.refuse(problem);
    return nothing;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const found = code === 'ENOENT' ? 'a file that does not exist' : `a file that can't be read (${message})`;
    read.refuse(`UNIVERSE is "${file}", ${found}; it takes ${SETTINGS.UNIVERSE.description}.`);
    return nothing;
  }
}

/** Reads one setting; undefined where it is not set. @param show what is told of a wrong value. */
type Read = {
  <Name extends SettingName>(variable: Name, show?: (found: string) => string): SettingValue<Name> | undefined;
  refuse(problem: string): void;
};

/** Every problem is told at once: a person who mends one should not meet the next at the next start. */
function reading<Settings>(env: Environment, readAll: (read: Read) => Settings): Settings {
  const problems: string[] = [];
  function read<Name extends SettingName>(variable: Name, show: (found: string) => string = quoted) {
    const found = env[variable]?.trim();
    if (!found) return undefined;
    const parsed = SETTINGS[variable].safeParse(found);
    if (parsed.success) return parsed.data as SettingValue<Name>;
    for (const { message } of parsed.error.issues) problems.push(`${variable} is ${show(found)}; it takes ${message}.`);
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
    read.refuse(`Unknown setting ${variable}; did you mean ${meant}? It takes ${SETTINGS[meant].description}.`);
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
