import * as z from 'zod';
import { PLANS, type PlanName } from './contract/plans.ts';
import { DEFAULT_UNIVERSE, type Universe } from './contract/universe.ts';
import { IngestionError } from './domain/failure.ts';

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
 * @returns the universe of the `UNIVERSE` setting, else the default one.
 * @throws SettingError naming each place in it that is wrong.
 */
export const parseUniverse = (env: Environment): Universe => reading(env, readUniverse);

/** @throws SettingError naming every setting that is wrong. */
export const parseLocalSettings = (env: Environment): LocalSettings =>
  reading(env, (read) => ({
    source: readSource(read),
    universe: readUniverse(read),
    databaseUrl: read('DATABASE_URL', DatabaseUrl, withoutSecrets) ?? null,
    cronSecret: read('CRON_SECRET', HeaderText, hidden) ?? null,
    logLevel: read('LOG_LEVEL', z.enum(['debug', 'info', 'warn', 'error'], 'debug, info, warn or error')) ?? 'warn',
  }));

/** @returns whether the address is this machine's own, so that nothing sent there leaves it. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

// Each schema takes the text of a variable; its messages complete the sentence "it takes …".

const ALLOWED_BASE_URL = 'an https address without user, query or fragment (http only on this machine, e.g. 127.0.0.1)';
const BaseUrl = z
  .string()
  .refine((text) => {
    if (!URL.canParse(text)) return false;
    const url = new URL(text);
    const isAllowed = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(text));
    return isAllowed && url.username === '' && url.password === '' && !/[?#]/.test(text);
  }, ALLOWED_BASE_URL)
  .transform((text) => text.replace(/\/+$/, ''));

const DatabaseUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^postgres(ql)?:$/.test(new URL(text).protocol),
    'an address like postgres://user:password@host:5432/database, with special characters of the password percent-encoded',
  );

const HeaderText = z.string().regex(/^[\x21-\x7e]+$/, 'letters, digits and signs of ASCII, without spaces');

function wholeNumber(least: number, most: number) {
  const takes = `a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,10}$/, takes)
    .transform(Number)
    .pipe(z.number().min(least, takes).max(most, takes));
}

const Text = z.string('a text').trim().min(1, 'a text that is not empty');
const unique = <Item>(key: keyof Item) => ({
  check: (items: readonly Item[]) => new Set(items.map((item) => item[key])).size === items.length,
  takes: `a list that names no ${String(key)} twice`,
});
const coinOnce = unique<Universe['coins'][number]>('id');
const currencyOnce = unique<Universe['currencies'][number]>('code');
const UniverseText = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      context.issues.push({ code: 'custom', input: text, message: 'JSON like {"coins":[…],"currencies":[…]}' });
      return z.NEVER;
    }
  })
  .pipe(
    z.strictObject(
      {
        coins: z
          .array(
            z.strictObject(
              {
                id: z.string("CoinGecko's id of a coin").regex(/^[^\s/?#]{1,100}$/, "CoinGecko's id of a coin"),
                symbol: Text,
                name: Text,
              },
              'an object {"id","symbol","name"}',
            ),
            'a list of {"id","symbol","name"}',
          )
          .min(1, 'at least one coin')
          .refine(coinOnce.check, coinOnce.takes),
        currencies: z
          .array(
            z.strictObject(
              {
                code: z.string('a code like "usd"').regex(/^[a-z0-9]{2,10}$/, 'a code like "usd", in small letters'),
                name: Text,
              },
              'an object {"code","name"}',
            ),
            'a list of {"code","name"}',
          )
          .min(1, 'at least one currency')
          .refine(currencyOnce.check, currencyOnce.takes),
      },
      'an object {"coins","currencies"}',
    ),
  );

/** A century: no plan reaches back that far, and no window's arithmetic suffers. */
const MOST_HISTORY_DAYS = 36_500;

function readSource(read: Read): SourceSettings {
  const apiKey = read('COINGECKO_API_KEY', HeaderText, hidden) ?? null;
  const plan =
    read('COINGECKO_PLAN', z.enum(['public', 'demo', 'paid'], 'public, demo or paid')) ?? (apiKey ? 'demo' : 'public');
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
    requestsPerMinute: read('COINGECKO_REQUESTS_PER_MINUTE', wholeNumber(1, 100_000)) ?? requestsPerMinute,
    monthlyCredits: read('COINGECKO_MONTHLY_CREDITS', wholeNumber(1, 1_000_000_000)) ?? monthlyCredits,
    // A request is at least 72 hours wide and must lie inside the history.
    historyDays: read('COINGECKO_HISTORY_DAYS', wholeNumber(4, MOST_HISTORY_DAYS)) ?? historyDays,
  };
}

const readUniverse = (read: Read): Universe => read('UNIVERSE', UniverseText) ?? DEFAULT_UNIVERSE;

/** Reads one variable: undefined where it is not set, and where it is wrong, which is remembered. */
type Read = {
  <Value>(variable: string, schema: z.ZodType<Value, string>, describe?: (found: unknown) => string): Value | undefined;
  /** Remembers a sentence about settings that don't go together. */
  refuse(problem: string): void;
};

/** Collects what is wrong with all variables before it throws, so that nobody corrects them one at a time. */
function reading<Settings>(env: Environment, readAll: (read: Read) => Settings): Settings {
  const problems: string[] = [];
  const read: Read = (variable, schema, describe = quoted) => {
    const text = env[variable]?.trim();
    if (!text) return undefined;
    const parsed = schema.safeParse(text, { reportInput: true });
    if (parsed.success) return parsed.data;
    for (const { path, input, message } of parsed.error.issues)
      problems.push(`${variable}${pathText(path)} is ${describe(input)}; it takes ${message}.`);
    return undefined;
  };
  read.refuse = (problem) => problems.push(problem);
  const settings = readAll(read);
  if (problems.length > 0) throw new SettingError(problems);
  return settings;
}

/** `['coins', 3, 'id']` as ` at coins[3].id`. */
function pathText(path: readonly PropertyKey[]): string {
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return text === '' ? '' : ` at ${text.slice(1)}`;
}

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
