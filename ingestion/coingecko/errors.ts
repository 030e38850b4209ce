import * as z from 'zod';
import { ENVIRONMENT } from '../contract/environment.ts';
import type { Instant } from '../domain/day.ts';
import { type FailureKind, SourceError } from '../domain/failure.ts';
import { brief } from './parse-answer.ts';

/** What a request was for. @property subject names it in messages: `bitcoin/usd from 2026-08-25 to 2026-11-23`. */
export type Asked = { readonly host: string; readonly subject: string };

/** The error that a body states. `code` is CoinGecko's own (10012), or an HTTP status, or null. */
export type StatedError = { readonly code: number | null; readonly text: string | null };

/** What any level of an error body may hold; of another type it counts as not there. */
const Level = z
  .object({
    error_code: z.number().optional().catch(undefined),
    error_message: z.string().optional().catch(undefined),
    status: z.unknown(),
    error: z.unknown(),
  })
  .partial()
  .catch({});

/**
 * Finds what a JSON body states, in any of the known shapes: `{error: text}`, `{status: 500, error: text}`,
 * `{status: {error_code, error_message}}`, `{error: {status: {error_code, …}}}`, `{error_code, status: {error_message}}`.
 * @returns null where it states no error.
 */
export function findStatedError(json: unknown): StatedError | null {
  const body = Level.parse(json);
  const error = Level.parse(body.error);
  const levels = [body, Level.parse(body.status), error, Level.parse(error.status)];
  const code = levels.map(({ error_code }) => error_code).find(Boolean) ?? null;
  const sentence = typeof body.error === 'string' ? body.error : null;
  const text = levels.map(({ error_message }) => error_message).find(Boolean) ?? sentence;
  return code === null && text === null ? null : { code, text };
}

/** @returns what the body of an error states; of one that is no such JSON (`Throttled`, an HTML page) its text. */
export function readStatedError(body: Uint8Array): StatedError {
  const text = new TextDecoder().decode(body);
  const asText = { code: null, text: brief(text) };
  try {
    return findStatedError(JSON.parse(text)) ?? asText;
  } catch {
    return asText;
  }
}

/**
 * Tells what an answer that holds no prices means: by the stated code first, by the status where that is unknown. A 10012
 * comes as a 401 and is no authentication failure.
 */
export function classifyAnswer(
  { host, subject }: Asked,
  { status, stated, retryAfterMs }: { status: number; stated: StatedError; retryAfterMs: number | null },
): SourceError {
  const { code, text } = stated;
  const evidence = { status, retryAfterMs: retryAfterMs ?? undefined };
  const found = `(status ${status}${code === null || code === status ? '' : `, error ${code}`}${text ? `: ${brief(text)}` : ''})`;
  const failure = (kind: FailureKind, sentence: string): SourceError =>
    new SourceError(kind, `${subject}: ${sentence}`, evidence);

  switch (code) {
    case 10002:
      return failure(
        'wrong_key',
        `${host} found no key in the request ${found}. Set COINGECKO_API_KEY, and ${PLAN} to the plan it belongs to`,
      );
    case 10010:
      return failure(
        'wrong_key',
        `the key is one of a paid plan, and ${host} takes Demo keys only ${found}. Set ${PLAN} to paid; if it is a Demo key, it is mistyped or was deleted`,
      );
    case 10011:
      return failure(
        'wrong_key',
        `the key is a Demo key, and ${host} takes keys of paid plans only ${found}. Set ${PLAN} to demo; if it is a paid key, it is mistyped or was deleted`,
      );
    case 10005:
      return failure(
        'plan',
        `the plan of this key does not cover the request ${found}. Leave it out, or take a larger plan`,
      );
    case 10012:
      return failure(
        'history',
        `this reaches beyond the history that the plan allows ${found}. Ask for later days, and set ${ENVIRONMENT.coingeckoHistoryDays} to what the plan has`,
      );
    case 1020:
      return failure('blocked', blocked(host, found));
  }

  if (text && /invalid vs_currency/i.test(text)) return failure('not_found', unknown(found));
  switch (httpStatusOf(status, stated)) {
    case 401:
      return failure(
        'wrong_key',
        `${host} did not accept the key ${found}. Compare it with the one in CoinGecko's dashboard`,
      );
    case 403:
      return failure('blocked', blocked(host, found));
    case 404:
      return failure('not_found', unknown(found));
    case 408:
      return failure('timeout', `${host} gave up waiting for the request ${found}`);
    case 429: {
      const wait = retryAfterMs === null ? 'names no time to wait' : `asks to wait ${Math.ceil(retryAfterMs / 1000)} s`;
      return failure('rate_limited', `too many requests for ${host}, which ${wait} ${found}`);
    }
  }
  if (status >= 300 && status < 400) {
    return failure(
      'malformed',
      `${host} redirects, which CoinGecko does not ${found}. Check ${ENVIRONMENT.coingeckoBaseUrl}, and whether a proxy answers in its place`,
    );
  }
  return failure('server_error', `${host} could not answer ${found}`);
}

const PLAN = ENVIRONMENT.coingeckoPlan;

const blocked = (host: string, found: string): string =>
  `${host} blocked the request ${found}. It does so for User-Agents it dislikes, and for addresses that sent too much`;

const unknown = (found: string): string =>
  `CoinGecko does not know this ${found}. It may have been renamed or delisted: npm run check-universe compares. If everything is unknown, ${ENVIRONMENT.coingeckoBaseUrl} is wrong`;

/** Codes of three digits are HTTP statuses, and truer than the status of a proxy or cache; `Throttled` came with several. */
function httpStatusOf(status: number, { code, text }: StatedError): number {
  if (code !== null && code >= 400 && code < 600) return code;
  return text === 'Throttled' ? 429 : status;
}

/** @returns the time that a Retry-After header (seconds or an HTTP date) asks for, uncapped; null where it asks for none. */
export function parseRetryAfter(header: string | null, now: Instant): number | null {
  if (header === null) return null;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

/** What went wrong on the way, by the codes of Node's network stack; in the order of the way. */
const BROKEN_WAY: readonly [RegExp, string][] = [
  [/^(ENOTFOUND|EAI_AGAIN|EAI_FAIL)$/, 'the name did not resolve. Is there a network?'],
  [/^(ENETUNREACH|EHOSTUNREACH|ENETDOWN)$/, 'there is no way to it. Is there a network?'],
  [/^ECONNREFUSED$/, 'nothing listens there. Is the address right, and does a firewall let it through?'],
  [/^(ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/, 'no connection came about. Does a firewall let it through?'],
  [
    /CERT|TLS|SSL|EPROTO|UNABLE_TO/,
    'a secure connection failed. Does a proxy answer in its place, or does NODE_EXTRA_CA_CERTS lack its authority?',
  ],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/, 'the connection broke off before the answer was whole'],
];

/** @param status of the answer whose body could not be read; undefined where there was no answer. */
export function classifyBrokenWay({ host, subject }: Asked, error: unknown, status: number | undefined): SourceError {
  // fetch rejects with "fetch failed" or "terminated", and keeps what happened in the cause.
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : null;
  const sentence = BROKEN_WAY.find(([pattern]) => code !== null && pattern.test(code))?.[1];
  const what = sentence ?? (cause instanceof Error ? cause.message : String(cause));
  return new SourceError(
    'network',
    `${subject}: CoinGecko could not be reached at ${host}${code ? ` (${code})` : ''}: ${what}`,
    {
      status,
      cause,
    },
  );
}
