// Every kind of answer without data, in the shapes that CoinGecko has been seen to send.

export type Reply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Reply => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

const plain = (status: number, error: string): Reply => json(status, { error });
const coded = (status: number, code: number, message: string, headers?: Record<string, string>): Reply =>
  json(status, { status: { error_code: code, error_message: message } }, headers);

export const incorrectPath = (): Reply => plain(404, 'Incorrect path. Please check https://www.coingecko.com/api/');
export const coinNotFound = (): Reply => plain(404, 'coin not found');
export const missingParameter = (name: string): Reply => plain(422, `Missing parameter ${name}`);
export const invalidParameter = (name: string): Reply => plain(400, `invalid ${name}`);

/** To a request without User-Agent. */
export const forbidden = (): Reply => coded(403, 403, 'Please add a descriptive User-Agent to your request.');

/** To a request without a key, or with a wrong one. */
export const missingKey = (): Reply => coded(401, 10002, 'API Key Missing');

/** To a request for prices older than the plan's history: a 401, although the key is good. */
export const beyondHistory = (now: number, days: number): Reply => {
  const timestamp = new Date(now).toISOString().replace('Z', '+00:00');
  const limit = `Users of this plan are limited to querying historical data within the past ${days} days.`;
  const message = `Your request exceeds the allowed time range. ${limit}`;
  return json(401, { error: { status: { timestamp, error_code: 10012, error_message: message } } });
};

/** CoinGecko has sent it both with and without Retry-After. */
export const rateLimited = (retryAfterSeconds?: number): Reply => {
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'retry-after': `${retryAfterSeconds}` };
  return coded(429, 429, "You've exceeded the Rate Limit.", headers);
};

/** Here `status` is a number; in other answers it is an object. */
export const serverError = (): Reply => json(500, { status: 500, error: 'Internal Server Error' });

export const htmlPage = (): Reply => ({
  status: 200,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body: '<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>',
});
