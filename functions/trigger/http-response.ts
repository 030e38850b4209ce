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

export const failure = (statusCode: number, error: string, headers: Record<string, string> = {}): HttpResponse =>
  response(statusCode, { success: false, error }, headers);

const response = (statusCode: number, body: unknown, headers: Record<string, string> = {}): HttpResponse => ({
  statusCode,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  body: JSON.stringify(body),
});
