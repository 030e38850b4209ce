// Every kind of answer without data, in the shapes that CoinGecko has been seen to send.

/** One HTTP answer. */
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
const timestamp = (now: number): string => new Date(now).toISOString().replace('Z', '+00:00');

export const incorrectPath = (): Reply => plain(404, 'Incorrect path. Please check https://www.coingecko.com/api/');
export const coinNotFound = (): Reply => plain(404, 'coin not found');
export const missingParameter = (name: string): Reply => plain(422, `Missing parameter ${name}`);
export const invalidParameter = (name: string): Reply => plain(400, `invalid ${name}`);

/** To a request without User-Agent. */
export const forbidden = (): Reply => coded(403, 403, 'Please add a descriptive User-Agent to your request.');

/** To a request without a key, or with one that was never given out. */
export const missingKey = (): Reply => coded(401, 10002, 'API Key Missing');

export const planRestricted = (): Reply => coded(401, 10005, 'This request is limited to PRO API subscribers.');

/** To a key of the other kind of plan: 10010 for a paid key on the public host, 10011 for a Demo key on the other. */
export const wrongHost = (now: number, code: 10010 | 10011): Reply => {
  const [kind, found, expected] =
    code === 10010
      ? ['Pro', 'api.coingecko.com', 'pro-api.coingecko.com']
      : ['Demo', 'pro-api.coingecko.com', 'api.coingecko.com'];
  const message = `If you are using ${kind} API key, please change your root URL from ${found} to ${expected}`;
  return json(400, { timestamp: timestamp(now), error_code: code, status: { error_message: message } });
};

/** To a request for prices older than the plan's history: a 401, although the key is good. */
export const beyondHistory = (now: number, days: number): Reply => {
  const message = `Your request exceeds the allowed time range. Users of this plan are limited to querying historical data within the past ${days} days.`;
  return json(401, { error: { status: { timestamp: timestamp(now), error_code: 10012, error_message: message } } });
};

/** CoinGecko has sent it both with and without Retry-After. */
export const rateLimited = (retryAfterSeconds?: number): Reply =>
  coded(
    429,
    429,
    "You've exceeded the Rate Limit.",
    retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) },
  );

export const throttled = (): Reply => ({ status: 429, headers: { 'content-type': 'text/plain' }, body: 'Throttled' });

/** Here `status` is a number; in other answers it is an object. */
export const serverError = (status: number): Reply => json(status, { status, error: 'Internal Server Error' });

export const htmlPage = (): Reply => ({
  status: 200,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body: '<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>',
});
