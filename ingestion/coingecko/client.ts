import * as z from 'zod';
import { SERVICE_NAME } from '../contract/names.ts';
import type { Coin } from '../contract/universe-schema.ts';
import { dayOf, HOUR_MS, type Instant } from '../domain/day.ts';
import { SourceError } from '../domain/failure.ts';
import { seriesName } from '../domain/series.ts';
import type { Clock, PriceSource } from '../ports.ts';
import { type Asked, classifyAnswer, classifyBrokenWay, findStatedError, parseRetryAfter } from './errors.ts';
import {
  brief,
  parseAnswer,
  parseLatestPrices,
  parseSamples,
  parseShape,
  readJson,
  refuseNoJson,
} from './parse-answer.ts';

export type CoinGeckoOptions = {
  /** Without the endpoint: `https://api.coingecko.com/api/v3`. */
  readonly baseUrl: string;
  /** The plan's header for the key; null where the plan takes none. */
  readonly keyHeader: string | null;
  /** Null or empty: requests carry no key. */
  readonly apiKey: string | null;
  /** For the whole answer, body included. Slow ones take some 10 s. @default 30 s */
  readonly timeoutMs?: number;
  /** Of the decoded body. 90 days of hourly samples are 300 kB, the list of all coins 2 MB. @default 8 MB */
  readonly maxBodyBytes?: number;
  readonly clock: Pick<Clock, 'now' | 'standsIn'>;
  /** @default Node's own, with its pool of connections */
  readonly fetch?: typeof fetch;
};

/** Every call is one request, never repeated. All reject with a SourceError, or with the signal's reason when aborted. */
export type CoinGeckoClient = PriceSource & {
  listCoins(signal: AbortSignal): Promise<Coin[]>;
  /** Their codes. */
  listCurrencies(signal: AbortSignal): Promise<string[]>;
};

/** One coin without a symbol or a name is no reason to know none of them. */
const CoinList = z.array(z.object({ id: z.string(), symbol: z.string().catch(''), name: z.string().catch('') }));

/** CoinGecko answers an empty one with 403, and asks for a descriptive one. */
const USER_AGENT = `${SERVICE_NAME}/1.0 (daily price history; Node.js ${process.versions.node})`;

/** The one status that prices come with: a 204 or 206 holds none, or not all. */
const OK = 200;

export function createCoinGeckoClient(options: CoinGeckoOptions): CoinGeckoClient {
  const { baseUrl, keyHeader, apiKey, clock, fetch = globalThis.fetch } = options;
  const { timeoutMs = 30_000, maxBodyBytes = 8 * 1024 * 1024 } = options;
  const { host } = new URL(baseUrl);
  const key = keyHeader && apiKey ? { header: keyHeader, value: apiKey, ...spellingsOf(apiKey) } : null;

  /** @returns the body of an answer that holds what was asked for, as it came and as JSON. */
  async function request(path: string, subject: string, signal: AbortSignal) {
    const asked = { host, subject };
    const timeout = AbortSignal.timeout(timeoutMs);
    let status: number | undefined;
    try {
      const response = await fetch(`${baseUrl}${path}`, {
        headers: headers(asked),
        // To follow one would take the key to another host.
        redirect: 'manual',
        signal: AbortSignal.any([signal, timeout]),
      });
      status = response.status;
      const body = await readBody(response);
      const json = readJson(body);
      const answered = momentOf(response, json);
      if (isClockOff(answered)) throw clockOff(asked, status, answered);
      const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'), clock.now());
      const stated = findStatedError(json);
      // What is no such JSON (`Throttled`, an HTML page) is quoted.
      const text = stated === null && status !== OK ? brief(new TextDecoder().decode(body)) : null;
      if (stated || status !== OK)
        throw classifyAnswer(asked, { status, stated: stated ?? { code: null, text }, retryAfterMs });
      if (json === undefined) refuseNoJson(body);
      return { body, json, receivedAt: answered.at, clockAheadMs: answered.clockAheadMs };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SourceError) throw error;
      if (!timeout.aborted) throw classifyBrokenWay(asked, error, status);
      const message = `${subject}: no whole answer of ${host} within ${timeoutMs / 1000} s`;
      throw new SourceError('timeout', message, { status });
    }
  }

  /** The moment is this machine's where the answer has no Date, or is not the source's own: a proxy may answer in its place. */
  function momentOf({ headers }: Response, json: unknown): AnsweredAt {
    const here = clock.now();
    const at = Date.parse(headers.get('date') ?? '');
    if (clock.standsIn || Number.isNaN(at) || json === undefined) return { at: here, clockAheadMs: null, ageMs: 0 };
    return { at, clockAheadMs: here - at, ageMs: 1000 * (Number.parseInt(headers.get('age') ?? '', 10) || 0) };
  }

  function headers({ subject }: Asked): Record<string, string> {
    const common = { accept: 'application/json', 'user-agent': USER_AGENT };
    if (!key) return common;
    // fetch would refuse such a key too, with an error that shows it.
    if (!/^[\x21-\x7e]+$/.test(key.value)) {
      const found = 'COINGECKO_API_KEY holds a space, a line break or a letter that no key has';
      throw new SourceError('wrong_key', `${subject}: ${found}. Set it to the key alone`);
    }
    return { ...common, [key.header]: key.value };
  }

  /** Of an error the status says most: its body may be too large, or break off. */
  async function readBody(response: Response): Promise<Buffer> {
    try {
      return withoutKey(await readWhole(response, maxBodyBytes));
    } catch (error) {
      if (response.status === OK) throw error;
      return Buffer.alloc(0);
    }
  }

  /** A body is stored, and quoted in errors: whoever echoes the key must not bring it there. */
  function withoutKey(body: Buffer): Buffer {
    if (!key?.marks.some((mark) => body.includes(mark))) return body;
    return Buffer.from(body.toString('latin1').replaceAll(key.pattern, '[key]'), 'latin1');
  }

  return {
    async fetchRange(series, window, signal) {
      const query = new URLSearchParams({
        vs_currency: series.currency,
        from: String(Math.floor(window.from / 1000)),
        to: String(Math.floor(window.to / 1000)),
        precision: 'full',
      });
      const path = `/coins/${encodeURIComponent(series.coin)}/market_chart/range?${query}`;
      const subject = `${seriesName(series)} from ${dayOf(window.from)} to ${dayOf(window.to)}`;
      const { json, ...answer } = await request(path, subject, signal);
      return { ...answer, ...parseSamples(json) };
    },
    async fetchLatest({ coins, currencies }, signal) {
      const query = new URLSearchParams({
        ...{ ids: coins.join(','), vs_currencies: currencies.join(','), precision: 'full' },
        ...{ include_market_cap: 'true', include_24hr_vol: 'true', include_24hr_change: 'true' },
        include_last_updated_at: 'true',
      });
      const { json, receivedAt } = await request(`/simple/price?${query}`, 'the latest prices', signal);
      return parseLatestPrices(json, { coins, currencies }, receivedAt);
    },
    parse: parseAnswer,
    async listCoins(signal) {
      const { json } = await request('/coins/list', 'the list of coins', signal);
      return parseShape(json, CoinList);
    },
    async listCurrencies(signal) {
      const { json } = await request('/simple/supported_vs_currencies', 'the list of currencies', signal);
      return parseShape(json, z.array(z.string()));
    },
  };
}

/** @property marks one of them is in whatever `pattern` matches. */
function spellingsOf(key: string): { readonly pattern: RegExp; readonly marks: readonly string[] } {
  const bytes = Buffer.from(key);
  const hex = bytes.toString('hex');
  const percent = hex.replace(/../g, '%$&');
  const base64 = (['base64', 'base64url'] as const).map((encoding) => bytes.toString(encoding).replace(/=+$/, ''));
  const encoded = [...base64, hex, hex.toUpperCase(), percent, percent.toUpperCase()];
  const patterns = [anySpelling(key), ...encoded.map((text) => text.replace(/\W/g, '\\$&'))];
  return { pattern: new RegExp(patterns.join('|'), 'g'), marks: [key, '\\', ...encoded] };
}

/** @returns a pattern of the text as JSON may spell it: any letter of it may be an escape. */
function anySpelling(text: string): string {
  const letters = [...text].map((letter) => {
    const code = letter.charCodeAt(0).toString(16).padStart(4, '0');
    const escaped = code.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
    return `(?:\\\\?${letter.replace(/\W/, '\\$&')}|\\\\u${escaped})`;
  });
  return letters.join('');
}

/** When an answer was made. @property ageMs how long it lay in a cache, which may have put its own Date on it. */
type AnsweredAt = { readonly at: Instant; readonly clockAheadMs: number | null; readonly ageMs: number };

/** No time zone or summer time that was set wrong is less. */
const MAX_CLOCK_OFF_MS = HOUR_MS;

const isClockOff = ({ clockAheadMs, ageMs }: AnsweredAt): boolean =>
  clockAheadMs !== null && (clockAheadMs < -MAX_CLOCK_OFF_MS || clockAheadMs > MAX_CLOCK_OFF_MS + ageMs);

function clockOff({ subject, host }: Asked, status: number, { at, clockAheadMs }: AnsweredAt): SourceError {
  const [here, there] = [at + (clockAheadMs ?? 0), at].map((moment) => new Date(moment).toISOString());
  const message =
    `${subject}: this machine's clock says ${here}, and the answer of ${host} ${there}. They must be less than an hour apart, ` +
    'since the clock decides which days are over. Set it (on Linux: timedatectl set-ntp true), and run again. Nothing was stored';
  return new SourceError('clock', message, { status, answeredAt: at });
}

async function readWhole({ body, status }: Response, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > maxBytes) {
      const found = `CoinGecko's answer is larger than ${maxBytes} bytes, the most that is read`;
      throw new SourceError('malformed', found, { status });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}
