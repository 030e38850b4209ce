import * as z from 'zod';
import { RequestError } from '../../ingestion/message/request.ts';
import { parseEvent } from '../common/invocation.ts';

/** Room for a request that names every series of a large universe. */
const MAX_BODY_BYTES = 64 * 1024;

const httpApiEvent = z.object({
  requestContext: z.object({
    requestId: z.string().min(1),
    http: z.object({ method: z.string(), sourceIp: z.string() }),
  }),
  headers: z.record(z.string(), z.string().optional()).default({}),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().default(false),
});

/** A call of the endpoint. */
export type Call = ReturnType<typeof readCall>;

/** @throws IngestionError when the event is not one of an HTTP API with payload version 2.0. */
export function readCall(event: unknown) {
  const parsed = parseEvent(httpApiEvent, event, 'an event of an HTTP API with payload version 2.0');
  const { requestId, http } = parsed.requestContext;
  return {
    requestId,
    ...http,
    /** Their names are in lower case. */
    headers: new Map(Object.entries(parsed.headers).map(([name, value]) => [name.toLowerCase(), value ?? ''])),
    body: Buffer.from(parsed.body ?? '', parsed.isBase64Encoded ? 'base64' : 'utf8'),
  };
}

/** @returns the token of `Authorization: Bearer <token>`; null where there is none. */
export const bearerToken = ({ headers }: Call): string | null =>
  /^Bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '')?.[1] ?? null;

/** @throws RequestError when there is an Idempotency-Key that can't be kept. */
export function idempotencyKey({ headers }: Call): string | null {
  const key = headers.get('idempotency-key');
  if (key === undefined) return null;
  if (/^[\x21-\x7e]{1,200}$/.test(key)) return key;
  throw new RequestError('Idempotency-Key', `${key.length} characters`, '1 to 200 characters of ASCII without spaces');
}

/**
 * Parses the body as JSON, whatever its Content-Type says: curl sends JSON as a form unless told otherwise.
 * @returns an empty object where there is no body.
 * @throws RequestError
 */
export function jsonBody({ body }: Call): unknown {
  if (body.byteLength > MAX_BODY_BYTES) {
    throw new RequestError('body', `${body.byteLength} bytes`, `at most ${MAX_BODY_BYTES}`);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    return text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    // The parser's own error would quote the body.
    throw new RequestError('body', `${body.byteLength} bytes that are no JSON`, 'a JSON object, or nothing');
  }
}

/**
 * What the endpoint answers, as an HTTP API takes it. The body is always JSON, `{"success":true,"data":…}` or
 * `{"success":false,"error":…}`.
 */
export type HttpResponse = {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export const success = (statusCode: 200 | 202, data: Record<string, unknown>): HttpResponse =>
  response(statusCode, { success: true, data });

export const failure = (statusCode: number, error: string, headers?: Record<string, string>): HttpResponse =>
  response(statusCode, { success: false, error }, headers);

const response = (statusCode: number, body: unknown, headers?: Record<string, string>): HttpResponse => ({
  statusCode,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  body: JSON.stringify(body),
});
