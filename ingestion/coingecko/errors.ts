import * as z from 'zod';
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

type Meaning = { readonly kind: FailureKind; readonly what: string; readonly advice: string };

const BASE_URL = 'COINGECKO_BASE_URL';

const BLOCKED: Meaning = {
  kind: 'blocked',
  what: 'the request was blocked',
  advice: 'CoinGecko blocks User-Agents it dislikes and addresses that send too much',
};

/** What CoinGecko's codes (from its page of errors) and HTTP statuses mean. */
const MEANINGS: Readonly<Record<number, Meaning>> = {
  10002: {
    kind: 'wrong_key',
    // Said of a mistyped key too.
    what: 'the request carried no key that this host knows',
    advice: `Set COINGECKO_API_KEY to a key of yours, and COINGECKO_PLAN to the plan it belongs to`,
  },
  10005: {
    kind: 'plan',
    what: 'the plan of this key does not cover the request',
    advice: 'Leave the series out, or take a larger plan',
  },
  10010: {
    kind: 'wrong_key',
    // Said of a mistyped Demo key too, which is the commoner mistake.
    what: 'this host takes Demo keys, and this is none that it knows',
    advice: `Compare it with the one in CoinGecko's dashboard. If it is a key of a paid plan, set COINGECKO_PLAN to paid`,
  },
  10011: {
    kind: 'wrong_key',
    what: 'this host takes keys of paid plans, and this is none that it knows',
    advice: `Compare it with the one in CoinGecko's dashboard. If it is a Demo key, set COINGECKO_PLAN to demo`,
  },
  10012: {
    kind: 'history',
    what: 'this reaches beyond the history that the plan allows',
    advice: `Ask for later days, and set COINGECKO_HISTORY_DAYS to what the plan has`,
  },
  1020: BLOCKED,
  401: {
    kind: 'wrong_key',
    what: 'the key was not accepted',
    advice: "Compare it with the one in CoinGecko's dashboard",
  },
  403: BLOCKED,
  404: {
    kind: 'not_found',
    what: 'CoinGecko does not know this',
    advice: `It may have been renamed or delisted: npm run universe -- check compares. If nothing is known, ${BASE_URL} is wrong`,
  },
  408: { kind: 'timeout', what: 'the request took too long to arrive', advice: 'Is the network slow?' },
  429: { kind: 'rate_limited', what: 'too many requests', advice: 'They must be fewer a minute' },
};

const REDIRECT: Meaning = {
  kind: 'malformed',
  what: 'the answer is a redirect, which CoinGecko never sends',
  advice: `Check COINGECKO_BASE_URL, and whether a proxy answers in its place`,
};

const OTHER: Meaning = {
  kind: 'server_error',
  what: 'CoinGecko could not answer',
  advice: 'If it lasts, see status.coingecko.com',
};

/**
 * Tells what an answer without prices means: by the stated code first, by the status where that is unknown. A 10012 comes
 * as a 401 and is no authentication failure, a refusal may come as a 200.
 */
export function classifyAnswer(
  { host, subject }: Asked,
  { status, stated, retryAfterMs }: { status: number; stated: StatedError; retryAfterMs: number | null },
): SourceError {
  const isRedirect = status >= 300 && status < 400;
  const { kind, what, advice } = MEANINGS[codeOf(stated)] ?? MEANINGS[status] ?? (isRedirect ? REDIRECT : OTHER);
  const code = stated.code === null || stated.code === status ? '' : `, error ${stated.code}`;
  const text = stated.text ? `: ${brief(stated.text)}` : '';
  const wait = retryAfterMs === null ? '' : `. It asks to wait ${Math.ceil(retryAfterMs / 1000)} s`;
  return new SourceError(kind, `${subject}: ${what} (${host}: status ${status}${code}${text}). ${advice}${wait}`, {
    status,
    retryAfterMs: retryAfterMs ?? undefined,
  });
}

/** Two refusals have a text and no code, or not the code they should have. */
function codeOf({ code, text }: StatedError): number {
  if (text === 'Throttled') return 429;
  if (text === 'invalid vs_currency') return 404;
  return code ?? 0;
}

/** @returns the time that a Retry-After header (seconds or an HTTP date) asks for, uncapped; null where it asks for none. */
export function parseRetryAfter(header: string | null, now: Instant): number | null {
  if (header === null) return null;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const at = header.endsWith('GMT') ? Date.parse(header) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

/** What went wrong on the way, by the codes of Node's network stack; in the order of the way. */
const BROKEN_WAY: readonly [RegExp, string][] = [
  [/^(ENOTFOUND|EAI_AGAIN|EAI_FAIL)$/, 'the name did not resolve; is there a network?'],
  [/^(ENETUNREACH|EHOSTUNREACH|ENETDOWN)$/, 'there is no way to it; is there a network?'],
  [/^ECONNREFUSED$/, 'nothing listens there; is the address right, or that of HTTPS_PROXY?'],
  [/^(ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/, 'no connection was made; does a firewall let it through?'],
  [
    /CERT|TLS|SSL|EPROTO|UNABLE_TO/,
    'no secure connection was made; does a proxy answer in its place, or does NODE_EXTRA_CA_CERTS lack its authority?',
  ],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/, 'the connection broke off'],
];

/** No connection came about, so nothing was sent. */
const NEVER_SENT = /^(ENOTFOUND|EAI_AGAIN|EAI_FAIL|ENETUNREACH|EHOSTUNREACH|ENETDOWN|ECONNREFUSED)$/;

/** Node says "Request was cancelled", and keeps the proxy's answer in the cause of that. */
function proxyRefusal(error: unknown): string | undefined {
  const { message = '' } = Error.isError(error) && Error.isError(error.cause) ? error.cause : {};
  const [, status] = /^Proxy response \((\d+)\)/.exec(message) ?? [];
  if (status === undefined) return undefined;
  return `the proxy refuses the way there with ${status}; is HTTPS_PROXY right${status === '407' ? ', with user and password' : ''}?`;
}

/** @param status of the answer whose body could not be read; undefined where there was no answer. */
export function classifyBrokenWay({ host, subject }: Asked, error: unknown, status: number | undefined): SourceError {
  // fetch rejects with "fetch failed" or "terminated", and keeps what happened in the cause.
  const cause = Error.isError(error) && Error.isError(error.cause) ? error.cause : error;
  const code = Error.isError(cause) && 'code' in cause && cause.code !== 0 ? String(cause.code) : null;
  const sentence = BROKEN_WAY.find(([pattern]) => code !== null && pattern.test(code))?.[1];
  const what = sentence ?? proxyRefusal(cause) ?? (Error.isError(cause) ? cause.message : String(cause));
  const isUnread = status !== undefined;
  const where = isUnread
    ? `the answer of ${host} could not be read whole`
    : `CoinGecko could not be reached at ${host}`;
  const wasSent = code === null || !NEVER_SENT.test(code);
  const message = `${subject}: ${where}: ${what}${code ? ` (${code})` : ''}`;
  return new SourceError('network', message, { status, wasSent, cause });
}
