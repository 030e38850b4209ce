import { PLANS, type PlanName } from '../ingestion/contract/settings.ts';
import type { Universe } from '../ingestion/contract/universe-schema.ts';
import { makeSeries, randomAt, streamKey } from './price-series.ts';
import {
  type Chart,
  DAY_MS,
  FIRST_DAY,
  formatChart,
  MINUTE_MS,
  revisionFactor,
  SECOND_MS,
  type SyntheticSource,
  startOfDay,
  syntheticChart,
} from './synthetic-chart.ts';

export const BASE_PATH = '/api/v3';

/** What the answers are made from. */
export type Source = SyntheticSource & {
  readonly universe: Universe;
  readonly plan: PlanName | null;
  /** The valid keys; null: every key that looks like one. */
  readonly keys: readonly string[] | null;
  readonly historyDays: number | null;
};

export type Call = {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The simulated moment of the answer. */
  readonly now: number;
};

/** What goes wrong with one request: with its answer, on the way, or in the chart. */
export type Fault =
  /** A 429: with `Retry-After` where seconds are given. */
  | { readonly kind: 'rate_limited'; readonly retryAfterSeconds?: number }
  | { readonly kind: 'server_error' }
  /** A web page, with status 200. */
  | { readonly kind: 'html' }
  | { readonly kind: 'reply'; readonly status: number; readonly body: unknown }
  | { readonly kind: 'latency'; readonly durationMs: number }
  /** The connection breaks. */
  | { readonly kind: 'reset' }
  /** Ends after half of the body, as if that were all. */
  | { readonly kind: 'truncated' }
  /** Sends one sample a day, whatever was asked for. */
  | { readonly kind: 'daily' }
  /** No samples. */
  | { readonly kind: 'empty' }
  /** Makes the middle price more than 10 times its neighbours, however they moved. */
  | { readonly kind: 'spike' }
  /** Sends US dollars, whatever currency was asked for. */
  | { readonly kind: 'currency_ignored' }
  /** Repeats the first price. */
  | { readonly kind: 'frozen' };

/** @returns the answer to a call that is within the rate limit. */
export function answer(source: Source, call: Call, fault: Fault | null): Reply {
  if (fault?.kind === 'rate_limited') return rateLimited(fault.retryAfterSeconds);
  // Here `status` is a number; in other answers it is an object.
  if (fault?.kind === 'server_error') return json(500, { status: 500, error: 'Internal Server Error' });
  if (fault?.kind === 'html') return HTML_PAGE;
  if (fault?.kind === 'reply') return json(fault.status, fault.body);
  if (!call.headers['user-agent']) return coded(403, 403, 'Please add a descriptive User-Agent to your request.');
  if (!hasGoodKey(source, call)) return coded(401, 10002, 'API Key Missing');
  if (!call.path.startsWith(`${BASE_PATH}/`)) return incorrectPath();
  const path = call.path.slice(BASE_PATH.length);
  const { coins, currencies } = source.universe;
  if (path === '/coins/list') return json(200, coins);
  const codes = currencies.map(({ code }) => code);
  if (path === '/simple/supported_vs_currencies') return json(200, codes);
  if (path === '/simple/price') return simplePrice(source, call);
  const [, coin] = /^\/coins\/([^/]+)\/market_chart\/range$/.exec(path) ?? [];
  return coin === undefined ? incorrectPath() : chartReply(source, call, coin, fault);
}

/** CoinGecko lets a Demo request without a key pass, only slower. Here a client that forgets its key is found out. */
function hasGoodKey({ plan, keys }: Source, { headers }: Call): boolean {
  if (plan === null || plan === 'public') return true;
  const key = headers[PLANS[plan].keyHeader ?? ''];
  return typeof key === 'string' && (keys?.includes(key) ?? key.startsWith('CG-'));
}

function chartReply(source: Source, { query, now }: Call, coin: string, fault: Fault | null): Reply {
  const { universe, historyDays } = source;
  for (const name of ['vs_currency', 'from', 'to']) if (query[name] === undefined) return missingParameter(name);
  const { vs_currency: currency = '' } = query;
  const [from, to] = [Number(query['from']) * SECOND_MS, Number(query['to']) * SECOND_MS];
  if (Number.isNaN(from)) return plain(400, 'invalid from');
  if (Number.isNaN(to) || to < from) return plain(400, 'invalid to');
  if (!universe.coins.some(({ id }) => id === coin)) return plain(404, 'coin not found');
  if (!universe.currencies.some(({ code }) => code === currency)) return plain(400, 'invalid vs_currency');
  if (historyDays !== null && from < now - historyDays * DAY_MS) return beyondHistory(now, historyDays);

  // A tail is a last sample at the moment of the answer. A range that ends in the past never has one, one that ends now may.
  const mayHaveTail = from <= now && now <= to;
  const hasTail = mayHaveTail && randomAt(streamKey(from), Math.floor(now / SECOND_MS)) < 0.5;
  const chart = syntheticChart(source, {
    coin,
    currency: fault?.kind === 'currency_ignored' ? 'usd' : currency,
    span: { from: Math.max(from, startOfDay(FIRST_DAY)), to: Math.min(to, now) },
    isDaily: fault?.kind === 'daily' || to - from > 90 * DAY_MS,
    tailAt: hasTail ? now : null,
  });
  return json(200, formatChart(spoilChart(fault, chart)));
}

const SPIKE = 12;

function spoilChart(fault: Fault | null, chart: Chart): Chart {
  const { prices } = chart;
  if (fault?.kind === 'empty') return { prices: [], market_caps: [], total_volumes: [] };
  if (fault?.kind === 'frozen') return { ...chart, prices: prices.map(([at]) => [at, prices[0]?.[1] ?? null]) };
  if (fault?.kind !== 'spike') return chart;
  const middle = Math.floor(prices.length / 2);
  return {
    ...chart,
    prices: prices.map(([at, price], index) => [at, index === middle ? SPIKE * Number(price) : price]),
  };
}

/**
 * @returns what the coins cost at the last full minute, by keys such as `eur` and `eur_market_cap`, with all that can be
 * included. What is not known is left out without a word.
 */
function simplePrice(source: Source, { query, now }: Call): Reply {
  for (const name of ['ids', 'vs_currencies']) if (query[name] === undefined) return missingParameter(name);
  const [ids, codes] = [query['ids']?.split(','), query['vs_currencies']?.split(',')];
  const currencies = source.universe.currencies.filter(({ code }) => codes?.includes(code));
  const at = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  const quotesOf = (coin: string) =>
    currencies.flatMap(({ code: currency }): [string, number][] => {
      const quoteAt = makeSeries(coin, currency, source.hasFixedRates);
      const factor = revisionFactor(source.history, { coin, currency })(at);
      const { price, marketCap, volume } = quoteAt(at);
      return [
        [currency, price * factor],
        [`${currency}_market_cap`, marketCap * factor],
        [`${currency}_24h_vol`, volume * factor],
        [`${currency}_24h_change`, 100 * (price / quoteAt(at - DAY_MS).price - 1)],
      ];
    });
  const coins = source.universe.coins.filter(({ id }) => ids?.includes(id));
  const entries = coins.map(({ id }) => [id, { ...Object.fromEntries(quotesOf(id)), last_updated_at: at / SECOND_MS }]);
  return json(200, Object.fromEntries(entries));
}

// Every kind of answer without data, in the shapes that CoinGecko has been seen to send.

export type Reply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Reply => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

const plain = (status: number, error: string): Reply => json(status, { error });
const coded = (status: number, code: number, message: string, headers?: Record<string, string>): Reply =>
  json(status, { status: { error_code: code, error_message: message } }, headers);

const incorrectPath = (): Reply => plain(404, 'Incorrect path. Please check https://www.coingecko.com/api/');
const missingParameter = (name: string): Reply => plain(422, `Missing parameter ${name}`);

/** To a request for prices older than the plan's history: a 401, although the key is good. */
function beyondHistory(now: number, days: number): Reply {
  const timestamp = new Date(now).toISOString().replace('Z', '+00:00');
  const limit = `Users of this plan are limited to querying historical data within the past ${days} days.`;
  const message = `Your request exceeds the allowed time range. ${limit}`;
  return json(401, { error: { status: { timestamp, error_code: 10012, error_message: message } } });
}

/** CoinGecko has sent it both with and without Retry-After. */
export const rateLimited = (seconds?: number): Reply =>
  coded(429, 429, "You've exceeded the Rate Limit.", seconds === undefined ? {} : { 'retry-after': `${seconds}` });

const HTML_PAGE: Reply = {
  status: 200,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body: '<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>',
};
