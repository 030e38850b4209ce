// What each setting takes, whether it comes from the environment or, for a deploy, from the stage's file. Messages complete
// the sentence "it takes …".
import * as z from 'zod';

/** @returns a whole number, given as a number or as its text. */
export function wholeNumber(least: number, most: number) {
  const takes = `a whole number from ${least} to ${most}`;
  return z
    .union(
      [
        z.number(),
        z
          .string()
          .regex(/^\d{1,10}$/)
          .transform(Number),
      ],
      takes,
    )
    .pipe(z.number().int(takes).min(least, takes).max(most, takes));
}

export const oneOf = <const Names extends readonly string[]>(names: Names) =>
  z.enum(names, `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`);

/** @returns whether the address is this machine's own, so that nothing sent there leaves it. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

/** A century: no plan reaches back that far, and no window's arithmetic suffers. */
const MOST_HISTORY_DAYS = 36_500;

export const CoingeckoPlan = oneOf(['public', 'demo', 'paid']);
export const RequestsPerMinute = wholeNumber(1, 100_000);
export const MonthlyCredits = wholeNumber(1, 1_000_000_000);
/** A request is at least 72 hours wide and must lie inside the history. */
export const HistoryDays = wholeNumber(4, MOST_HISTORY_DAYS);

export const BaseUrl = z
  .string()
  .refine((text) => {
    if (!URL.canParse(text)) return false;
    const url = new URL(text);
    const isAllowed = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(text));
    return isAllowed && url.username === '' && url.password === '' && !/[?#]/.test(text);
  }, 'an https address without user, query or fragment (http only on this machine, e.g. 127.0.0.1)')
  .transform((text) => text.replace(/\/+$/, ''));

export const DatabaseUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^postgres(ql)?:$/.test(new URL(text).protocol),
    'an address like postgres://user:password@host:5432/database, with special characters of the password percent-encoded',
  );

/** Of a secret or a key, which travel in a header. */
export const HeaderText = z.string().regex(/^[\x21-\x7e]+$/, 'letters, digits and signs of ASCII, without spaces');

export const LogLevel = oneOf(['debug', 'info', 'warn', 'error']);
