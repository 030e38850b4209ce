// What each setting takes, in the environment and at a deploy alike. A schema's messages and its description complete the
// sentence "it takes …".
import * as z from 'zod';

/** A whole number may be given as text: the environment and the command line know nothing else. */
const fromText = (value: unknown): unknown =>
  typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;

/** @returns a schema of whole numbers, given as numbers or as text. */
export const wholeNumber = (least: number, most: number, takes = `a whole number from ${least} to ${most}`) =>
  z.preprocess(fromText, z.int(takes).min(least, takes).max(most, takes)).describe(takes);

/** @returns a schema of some whole numbers, given as numbers or as text. */
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

/** A century. No plan reaches back that far, and every calculation with it stays exact. */
const MOST_HISTORY_DAYS = 36_500;

export const CoingeckoPlan = oneOf(['public', 'demo', 'paid']);
export const RequestsPerMinute = wholeNumber(1, 100_000);
export const MonthlyCredits = wholeNumber(1, 1_000_000_000);
/** A request is at least 72 hours wide and must fit into the history. */
export const HistoryDays = wholeNumber(4, MOST_HISTORY_DAYS);

export const OnOrOff = oneOf(['on', 'off']);

const HTTPS_ADDRESS = 'an https address without user, query or fragment (http only on this machine, e.g. 127.0.0.1)';
export const BaseUrl = z
  .string()
  .refine((text) => {
    if (!URL.canParse(text)) return false;
    const url = new URL(text);
    const isAllowed = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(text));
    return isAllowed && url.username === '' && url.password === '' && !/[?#]/.test(text);
  }, HTTPS_ADDRESS)
  .transform((text) => text.replace(/\/+$/, ''))
  .describe(HTTPS_ADDRESS);

const POSTGRES_ADDRESS =
  'an address like postgres://user:password@host:5432/database?sslmode=require, with special characters of the password percent-encoded';
/** Whoever connects reads the rest: `URL` knows neither a user without a host nor a socket's folder. */
export const DatabaseUrl = z
  .string()
  .trim()
  .regex(/^postgres(ql)?:\/\//i, POSTGRES_ADDRESS)
  .describe(POSTGRES_ADDRESS);

const HEADER_TEXT = 'letters, digits and signs of ASCII, without spaces';
/** A secret or a key: it travels in a header. */
export const HeaderText = z
  .string()
  .regex(/^[\x21-\x7e]+$/, HEADER_TEXT)
  .describe(HEADER_TEXT);

const UNIVERSE_PATH = 'the path of a file like universe.json';
export const UniversePath = z.string(UNIVERSE_PATH).describe(UNIVERSE_PATH);

export const LogLevel = oneOf(['debug', 'info', 'warn', 'error']);
