// What each setting takes, in the environment and at a deploy alike. A schema's messages and its description complete the
// sentence "it takes …".
import * as z from 'zod';

/** Numbers may be given as text: the environment and the command line know nothing else. */
const fromText = (value: unknown): unknown =>
  typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;

export const wholeNumber = (least: number, most: number, takes = `a whole number from ${least} to ${most}`) =>
  z.preprocess(fromText, z.int(takes).min(least, takes).max(most, takes)).describe(takes);

export const oneOfNumbers = <const Numbers extends readonly number[]>(numbers: Numbers, takes: string) =>
  z.preprocess(fromText, z.literal(numbers, takes)).describe(takes);

export function oneOf<const Names extends readonly string[]>(names: Names) {
  const takes = `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
  return z.enum(names, takes).describe(takes);
}

/** @returns whether the host is this machine itself. What is sent there never leaves it. */
export const isLoopbackHost = (host: string): boolean =>
  ['localhost', '::1', '[::1]'].includes(host) || /^127(\.\d+){3}$/.test(host);

/** @returns whether the URL's host is this machine itself. */
export const isLoopback = (url: string): boolean => isLoopbackHost(new URL(url).hostname);

const HTTPS_ADDRESS = 'an https address without user, query or fragment (http only on this machine, e.g. 127.0.0.1)';
const BaseUrl = z
  .string()
  .refine((address) => {
    if (!URL.canParse(address)) return false;
    const url = new URL(address);
    const isAllowed = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(address));
    return isAllowed && url.username === '' && url.password === '' && !/[?#]/.test(address);
  }, HTTPS_ADDRESS)
  .transform((address) => address.replace(/\/+$/, ''))
  .describe(HTTPS_ADDRESS);

const POSTGRES_ADDRESS =
  'an address like postgres://user:password@host:5432/database?sslmode=require, with special characters of the password percent-encoded';

/** A secret or a key: it travels in a header. */
const HEADER_TEXT = 'letters, digits and signs of ASCII, without spaces';
const HeaderText = z
  .string()
  .regex(/^[\x21-\x7e]+$/, HEADER_TEXT)
  .describe(HEADER_TEXT);

/** Whether only this machine, or the network around it, can have the host: a name without a dot is no one else's. */
const isPrivateHost = (host: string): boolean =>
  isLoopbackHost(host) ||
  /^(10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))\.[\d.]+$|^\[f([cd]|e80)[0-9a-f]*:|^[a-z\d-]+$/i.test(host);

const TOLD_ADDRESS = 'an https address (http only on this machine and private addresses, e.g. 192.168.1.2)';
const ToldAddress = z
  .string()
  .refine((address) => {
    const url = URL.parse(address);
    return url?.protocol === 'https:' || (url?.protocol === 'http:' && isPrivateHost(url.hostname));
  }, TOLD_ADDRESS)
  .describe(TOLD_ADDRESS);

const UNIVERSE_PATH = 'the path of a file like universe.json';

const OnOrOff = oneOf(['on', 'off']);

/** Every setting of the environment. A stage's settings take those of the source and the universe too. */
export const SETTINGS = {
  COINGECKO_API_KEY: HeaderText,
  COINGECKO_PLAN: oneOf(['public', 'demo', 'paid']),
  COINGECKO_BASE_URL: BaseUrl,
  COINGECKO_REQUESTS_PER_MINUTE: wholeNumber(1, 100_000),
  COINGECKO_MONTHLY_CREDITS: wholeNumber(1, 1_000_000_000),
  /** A request is at least 72 hours wide. No plan reaches back a century, and every calculation with it stays exact. */
  COINGECKO_HISTORY_DAYS: wholeNumber(4, 36_500),
  COINGECKO_CROSS_RATES: OnOrOff,
  LATEST_PRICES: OnOrOff,
  UNIVERSE: z.string(UNIVERSE_PATH).describe(UNIVERSE_PATH),
  /** Whoever connects reads the rest: `URL` knows neither a user without a host nor a socket's folder. */
  DATABASE_URL: z
    .string()
    .trim()
    .regex(/^postgres(ql)?:\/\//i, POSTGRES_ADDRESS)
    .describe(POSTGRES_ADDRESS),
  EMBEDDED_PORT: wholeNumber(1024, 65_535),
  CRON_SECRET: HeaderText,
  HEARTBEAT_URL: ToldAddress,
  ALERT_WEBHOOK_URL: ToldAddress,
  LOG_LEVEL: oneOf(['debug', 'info', 'warn', 'error']),
} as const;

export type SettingName = keyof typeof SETTINGS;
export type SettingValue<Name extends SettingName> = z.output<(typeof SETTINGS)[Name]>;

export type PlanName = SettingValue<'COINGECKO_PLAN'>;

/**
 * What a CoinGecko plan allows, and how it is addressed. @property keyHeader carries the key, for one never goes into a URL;
 * null where the plan takes none. @property monthlyCredits successful answers a UTC month; null where CoinGecko names no quota.
 */
type Plan = {
  readonly baseUrl: string;
  readonly keyHeader: string | null;
  readonly requestsPerMinute: number;
  readonly monthlyCredits: number | null;
  readonly historyDays: number;
};

const SHARED_HOST = 'https://api.coingecko.com/api/v3';

/**
 * Figures from CoinGecko's pricing and API pages, November 2026. The public plan allows 5–15 calls a minute to everybody
 * behind one IP address. A run starts with 10, and a 429 lowers it. The paid figures are those of Basic, the smallest.
 */
export const PLANS: Readonly<Record<PlanName, Plan>> = {
  public: { baseUrl: SHARED_HOST, keyHeader: null, requestsPerMinute: 10, monthlyCredits: null, historyDays: 365 },
  demo: {
    ...{ baseUrl: SHARED_HOST, keyHeader: 'x-cg-demo-api-key' },
    ...{ requestsPerMinute: 30, monthlyCredits: 10_000, historyDays: 365 },
  },
  paid: {
    ...{ baseUrl: 'https://pro-api.coingecko.com/api/v3', keyHeader: 'x-cg-pro-api-key' },
    ...{ requestsPerMinute: 250, monthlyCredits: 100_000, historyDays: 730 },
  },
};
