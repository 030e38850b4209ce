import { type Chart, EMPTY_CHART, type Granularity, mapChart } from './chart.ts';

/** What goes wrong with one request. */
export type Fault =
  // In place of the answer.
  /** The connection breaks. */
  | { readonly kind: 'reset' }
  /** A 429: with `Retry-After` where seconds are given. */
  | { readonly kind: 'rate_limited'; readonly retryAfterSeconds?: number }
  | { readonly kind: 'server_error' }
  /** A web page, with status 200. */
  | { readonly kind: 'html' }
  | { readonly kind: 'reply'; readonly status: number; readonly body: unknown }
  // On the answer's way.
  | { readonly kind: 'latency'; readonly durationMs: number }
  /** Ends after half of the body, as if that were all. */
  | { readonly kind: 'truncated' }
  // In the chart.
  /** Sends this granularity, whatever was asked for. */
  | { readonly kind: 'granularity'; readonly granularity: Granularity }
  /** No samples. */
  | { readonly kind: 'empty' }
  /** Multiplies the middle price. The default of 12 makes it 10 times its neighbours, however they moved. */
  | { readonly kind: 'spike'; readonly factor?: number }
  /** Sends US dollars, whatever currency was asked for. */
  | { readonly kind: 'currency_ignored' }
  /** Repeats the first values. */
  | { readonly kind: 'frozen' };

/** @returns the answer that replaces the proper one; null where the fault replaces none. */
export function replyInstead(fault: Fault | null): Reply | null {
  switch (fault?.kind) {
    case 'rate_limited':
      return rateLimited(fault.retryAfterSeconds);
    case 'server_error':
      return serverError();
    case 'html':
      return htmlPage();
    case 'reply':
      return json(fault.status, fault.body);
    default:
      return null;
  }
}

/** @returns the chart with the fault in it. */
export function spoilChart(fault: Fault | null, chart: Chart): Chart {
  switch (fault?.kind) {
    case 'empty':
      return EMPTY_CHART;
    case 'frozen':
      return mapChart(chart, (samples) => samples.map(([at]) => [at, samples[0]?.[1] ?? null]));
    case 'spike': {
      const { factor = 12 } = fault;
      const middle = Math.floor(chart.prices.length / 2);
      const prices = chart.prices.map(
        ([at, price], index) => [at, index === middle && price !== null ? price * factor : price] as const,
      );
      return { ...chart, prices };
    }
    default:
      return chart;
  }
}

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
export const rateLimited = (retryAfterSeconds?: number): Reply =>
  coded(
    429,
    429,
    "You've exceeded the Rate Limit.",
    retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) },
  );

/** Here `status` is a number; in other answers it is an object. */
export const serverError = (): Reply => json(500, { status: 500, error: 'Internal Server Error' });

export const htmlPage = (): Reply => ({
  status: 200,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body: '<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>',
});
