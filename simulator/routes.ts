import { PLANS, type PlanName } from '../ingestion/contract/settings.ts';
import type { Universe } from '../ingestion/contract/universe-schema.ts';
import { type Chart, cutChart, EMPTY_CHART, formatChart, type Granularity, granularityOf } from './chart.ts';
import { type Fault, spoilChart } from './faults.ts';
import { randomAt, streamKey } from './random.ts';
import type { Recordings } from './recordings.ts';
import type { Reply } from './replies.ts';
import * as replies from './replies.ts';
import { simplePrice } from './simple-price.ts';
import { type ChartRequest, FIRST_DAY, type SyntheticSource, syntheticChart } from './synthetic-chart.ts';
import { DAY_MS, SECOND_MS, type Span, startOfDay } from './time.ts';

export const BASE_PATH = '/api/v3';

/** What the answers are made from. */
export type Source = SyntheticSource & {
  readonly universe: Universe;
  readonly plan: PlanName | null;
  /** The valid keys; null: every key that looks like one. */
  readonly keys: readonly string[] | null;
  readonly historyDays: number | null;
  readonly recordings: Recordings | null;
  /** How series that were never recorded are answered. */
  readonly unrecorded: 'made_up' | 'not_found';
};

export type Call = {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The simulated moment of the answer. */
  readonly now: number;
};

/** @returns the answer to a key that is missing, unknown or of the other kind of plan; null to a good one. */
function refuseKey({ plan, keys }: Source, { headers, now }: Call): Reply | null {
  if (plan === null) return null;
  const demoKey = headers[PLANS.demo.keyHeader ?? ''];
  const paidKey = headers[PLANS.paid.keyHeader ?? ''];
  // The public plan and Demo share a host; the paid plans have another. CoinGecko lets a request without a key pass, only
  // slower. On Demo the stand-in refuses it, so that a client that forgets its key is found out.
  const isPaidHost = plan === 'paid';
  if (isPaidHost && demoKey !== undefined) return replies.wrongHost(now, 10011);
  if (!isPaidHost && paidKey !== undefined) return replies.wrongHost(now, 10010);
  const key = isPaidHost ? paidKey : demoKey;
  if (key === undefined) return plan === 'public' ? null : replies.missingKey();
  const isGood = typeof key === 'string' && (keys?.includes(key) ?? key.startsWith('CG-'));
  return isGood ? null : replies.missingKey();
}

/** @returns the moment of a `from` or `to`: UNIX seconds, or an ISO date, in UTC unless it names a zone; else NaN. */
function parseMoment(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * SECOND_MS;
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return Number.NaN;
  const hasZone = !text.includes('T') || /(Z|[+-]\d{2}:?\d{2})$/.test(text);
  return Date.parse(hasZone ? text : `${text}Z`);
}

/** What `days`, or `from` and `to`, ask for. A tail is a last sample at the moment of the answer. */
type Asked = { readonly span: Span; readonly hasTail: boolean };

function parseDays({ query, now }: Call): Asked | Reply {
  const { days } = query;
  if (days === undefined) return replies.missingParameter('days');
  if (days === 'max') return { span: { from: startOfDay(FIRST_DAY), to: now }, hasTail: true };
  const count = /^\d+$/.test(days) ? Number(days) : 0;
  if (count === 0) return replies.invalidParameter('days');
  return { span: { from: now - count * DAY_MS, to: now }, hasTail: true };
}

function parseRange({ query, now }: Call): Asked | Reply {
  const { from, to } = query;
  if (from === undefined) return replies.missingParameter('from');
  if (to === undefined) return replies.missingParameter('to');
  const span = { from: parseMoment(from), to: parseMoment(to) };
  if (Number.isNaN(span.from)) return replies.invalidParameter('from');
  if (Number.isNaN(span.to) || span.to < span.from) return replies.invalidParameter('to');
  // A range that ends in the past never has a tail; one that ends now may have one.
  const mayHaveTail = span.from <= now && now <= span.to;
  return { span, hasTail: mayHaveTail && randomAt(streamKey(span.from), Math.floor(now / SECOND_MS)) < 0.5 };
}

const INTERVALS: Readonly<Record<string, Granularity>> = { '5m': '5min', hourly: 'hourly', daily: 'daily' };

/** Answers market_chart and market_chart/range: they ask for the same in two ways. */
function chartReply(source: Source, call: Call, asked: Asked | Reply, coin: string, fault: Fault | null): Reply {
  const { vs_currency: currency, interval } = call.query;
  const { now } = call;
  if (currency === undefined) return replies.missingParameter('vs_currency');
  if ('status' in asked) return asked;
  const { span } = asked;

  const recorded = source.recordings?.find(coin, currency) ?? null;
  if (recorded === null) {
    if (source.unrecorded === 'not_found' || !source.universe.coins.some(({ id }) => id === coin))
      return replies.coinNotFound();
    if (!source.universe.currencies.some(({ code }) => code === currency))
      return replies.invalidParameter('vs_currency');
  }
  if (interval !== undefined) {
    if (INTERVALS[interval] === undefined) return replies.invalidParameter('interval');
    if (interval !== 'daily' && (source.plan === 'public' || source.plan === 'demo')) return replies.planRestricted();
  }
  if (source.historyDays !== null && span.from < now - source.historyDays * DAY_MS) {
    return replies.beyondHistory(now, source.historyDays);
  }

  const request: ChartRequest = {
    coin,
    currency: fault?.kind === 'currency_ignored' ? 'usd' : currency,
    span: { from: Math.max(span.from, startOfDay(FIRST_DAY)), to: Math.min(span.to, now) },
    granularity:
      fault?.kind === 'granularity'
        ? fault.granularity
        : (INTERVALS[interval ?? ''] ?? granularityOf(span.to - span.from)),
    tailAt: asked.hasTail ? now : null,
  };
  const chart: Chart = recorded
    ? cutChart(recorded.get(request.granularity) ?? EMPTY_CHART, request.span)
    : syntheticChart(source, request);
  return replies.json(200, formatChart(spoilChart(fault, chart)));
}

/** @returns the answer to a call that is within the rate limit. The fault shows only in charts. */
export function answer(source: Source, call: Call, fault: Fault | null): Reply {
  if (!call.headers['user-agent']) return replies.forbidden();
  const keyError = refuseKey(source, call);
  if (keyError) return keyError;
  if (!call.path.startsWith(`${BASE_PATH}/`)) return replies.incorrectPath();
  const { coins, currencies } = source.universe;
  const path = call.path.slice(BASE_PATH.length);
  switch (path) {
    case '/ping':
      return replies.json(200, { gecko_says: '(V3) To the Moon!' });
    case '/coins/list':
      return replies.json(200, coins);
    case '/simple/supported_vs_currencies':
      return replies.json(
        200,
        currencies.map(({ code }) => code),
      );
    case '/simple/price': {
      const { ids, vs_currencies } = call.query;
      if (ids === undefined) return replies.missingParameter('ids');
      if (vs_currencies === undefined) return replies.missingParameter('vs_currencies');
      const known = (asked: string, all: readonly string[]) => asked.split(',').filter((one) => all.includes(one));
      const knownCoins = known(
        ids,
        coins.map(({ id }) => id),
      );
      const knownCurrencies = known(
        vs_currencies,
        currencies.map(({ code }) => code),
      );
      // What is not known is left out without a word.
      return replies.json(200, simplePrice(source, knownCoins, knownCurrencies, call.now));
    }
    default: {
      const { coin, range } = /^\/coins\/(?<coin>[^/]+)\/market_chart(?<range>\/range)?$/.exec(path)?.groups ?? {};
      if (coin === undefined) return replies.incorrectPath();
      return chartReply(source, call, range ? parseRange(call) : parseDays(call), coin, fault);
    }
  }
}
