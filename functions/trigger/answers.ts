/**
 * What the endpoint answers, as an HTTP API takes it. The body is always JSON, `{"success":true,"data":…}` or
 * `{"success":false,"error":…}`.
 */
export type Answer = {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export const success = (statusCode: 200 | 202, data: Record<string, unknown>): Answer =>
  answer(statusCode, { success: true, data });

export const failure = (statusCode: number, error: string, headers: Record<string, string> = {}): Answer =>
  answer(statusCode, { success: false, error }, headers);

const answer = (statusCode: number, body: unknown, headers: Record<string, string> = {}): Answer => ({
  statusCode,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  body: JSON.stringify(body),
});
