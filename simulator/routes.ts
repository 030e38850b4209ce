import { PLANS, type PlanName } from '../ingestion/contract/settings.ts';
import type { Universe } from '../ingestion/contract/universe-schema.ts';
import {
  type Chart,
  DAY_MS,
  EMPTY_CHART,
  formatChart,
  type Granularity,
  granularityOf,
  MINUTE_MS,
  mapChart,
  SECOND_MS,
  startOfDay,
} from './chart.ts';
import { makeSeries, randomAt, streamKey } from './price-series.ts';
import type { Reply } from './replies.ts';
import * as replies from './replies.ts';
import { FIRST_DAY, revisionFactor, type SyntheticSource, syntheticChart } from './synthetic-chart.ts';

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
  /** Sends this granularity, whatever was asked for. */
  | { readonly kind: 'granularity'; readonly granularity: Granularity }
  /** No samples. */
  | { readonly kind: 'empty' }
  /** Makes the middle price more than 10 times its neighbours, however they moved. */
  | { readonly kind: 'spike' }
  /** Sends US dollars, whatever currency was asked for. */
  | { readonly kind: 'currency_ignored' }
  /** Repeats the first values. */
  | { readonly kind: 'frozen' };

/** @returns the answer to a call that is within the rate limit. */
export function answer(source: Source, call: Call, fault: Fault | null): Reply {
  if (fault?.kind === 'rate_limited') return replies.rateLimited(fault.retryAfterSeconds);
  if (fault?.kind === 'server_error') return replies.serverError();
  if (fault?.kind === 'html') return replies.htmlPage();
  if (fault?.kind === 'reply') return replies.json(fault.status, fault.body);
  if (!call.headers['user-agent']) return replies.forbidden();
  if (!hasGoodKey(source, call)) return replies.missingKey();
  if (!call.path.startsWith(`${BASE_PATH}/`)) return replies.incorrectPath();
  const path = call.path.slice(BASE_PATH.length);
  const { coins, currencies } = source.universe;
  const codes = currencies.map(({ code }) => code);
  if (path === '/coins/list') return replies.json(200, coins);
  if (path === '/simple/supported_vs_currencies') return replies.json(200, codes);
  if (path === '/simple/price') return simplePrice(source, call);
  const [, coin] = /^\/coins\/([^/]+)\/market_chart\/range$/.exec(path) ?? [];
  return coin === undefined ? replies.incorrectPath() : chartReply(source, call, coin, fault);
}

/** CoinGecko lets a Demo request without a key pass, only slower. Here a client that forgets its key is found out. */
function hasGoodKey({ plan, keys }: Source, { headers }: Call): boolean {
  if (plan === null || plan === 'public') return true;
  const key = headers[PLANS[plan].keyHeader ?? ''];
  return typeof key === 'string' && (keys?.includes(key) ?? key.startsWith('CG-'));
}

function chartReply(source: Source, { query, now }: Call, coin: string, fault: Fault | null): Reply {
  const { universe, historyDays } = source;
  for (const name of ['vs_currency', 'from', 'to'])
    if (query[name] === undefined) return replies.missingParameter(name);
  const { vs_currency: currency = '' } = query;
  const [from, to] = [Number(query['from']) * SECOND_MS, Number(query['to']) * SECOND_MS];
  if (Number.isNaN(from)) return replies.invalidParameter('from');
  if (Number.isNaN(to) || to < from) return replies.invalidParameter('to');
  if (!universe.coins.some(({ id }) => id === coin)) return replies.coinNotFound();
  if (!universe.currencies.some(({ code }) => code === currency)) return replies.invalidParameter('vs_currency');
  if (historyDays !== null && from < now - historyDays * DAY_MS) return replies.beyondHistory(now, historyDays);

  // A tail is a last sample at the moment of the answer. A range that ends in the past never has one, one that ends now may.
  const mayHaveTail = from <= now && now <= to;
  const hasTail = mayHaveTail && randomAt(streamKey(from), Math.floor(now / SECOND_MS)) < 0.5;
  const chart = syntheticChart(source, {
    coin,
    currency: fault?.kind === 'currency_ignored' ? 'usd' : currency,
    span: { from: Math.max(from, startOfDay(FIRST_DAY)), to: Math.min(to, now) },
    granularity: fault?.kind === 'granularity' ? fault.granularity : granularityOf(to - from),
    tailAt: hasTail ? now : null,
  });
  return replies.json(200, formatChart(spoilChart(fault, chart)));
}

const SPIKE = 12;

function spoilChart(fault: Fault | null, chart: Chart): Chart {
  if (fault?.kind === 'empty') return EMPTY_CHART;
  if (fault?.kind === 'frozen')
    return mapChart(chart, (samples) => samples.map(([at]) => [at, samples[0]?.[1] ?? null]));
  if (fault?.kind !== 'spike') return chart;
  const middle = Math.floor(chart.prices.length / 2);
  const prices = chart.prices.map(
    ([at, price], index) => [at, index === middle && price !== null ? price * SPIKE : price] as const,
  );
  return { ...chart, prices };
}

/**
 * @returns what the coins cost at the last full minute, by keys such as `eur` and `eur_market_cap`, with all that can be
 * included. What is not known is left out without a word.
 */
function simplePrice(source: Source, { query, now }: Call): Reply {
  for (const name of ['ids', 'vs_currencies']) if (query[name] === undefined) return replies.missingParameter(name);
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
  return replies.json(200, Object.fromEntries(entries));
}
