import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type CoinGeckoOptions, createCoinGeckoClient } from '../../ingestion/coingecko/client.ts';
import { parseLatestPrices } from '../../ingestion/coingecko/parse-answer.ts';
import { HOUR_MS } from '../../ingestion/domain/day.ts';
import { type FailureKind, SourceError } from '../../ingestion/domain/failure.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const NOW = Date.UTC(2026, 10, 23, 2, 0, 5);
const KEY = 'CG-madeUpForThisTest1234';
const BITCOIN = { coin: 'bitcoin', currency: 'usd' };
const WINDOW = { from: Date.UTC(2026, 10, 19), to: Date.UTC(2026, 10, 23, 2) + 999 };

const HOUR = Date.UTC(2026, 10, 22, 5);
const CHART = {
  prices: [
    [HOUR + 201_000, 0.0000068],
    [HOUR + 3_600_955, null],
    [HOUR + 3_600_000, '7'],
  ],
  market_caps: [[HOUR + 201_000, 0.0]],
  total_volumes: [],
  note: 'a key that nobody reads',
};

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let handler: Handler;
let origin: string;
let requests: IncomingMessage[];
const server = createServer((request, response) => {
  requests.push(request);
  handler(request, response);
});

beforeEach(async () => {
  requests = [];
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const answer =
  (status: number, body: unknown, headers: Record<string, string> = {}): Handler =>
  (_, response) => {
    response.writeHead(status, headers);
    response.end(typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body));
  };

/** Begins to answer, and then does something else. */
const beginning =
  (status: number, then: (response: ServerResponse) => void): Handler =>
  (_, response) => {
    response.writeHead(status, { 'content-length': '1000' });
    response.write('{"prices":[', () => then(response));
  };

const createClient = (options: Partial<CoinGeckoOptions> = {}) =>
  createCoinGeckoClient({
    baseUrl: `${origin}/api/v3`,
    keyHeader: 'x-cg-demo-api-key',
    apiKey: KEY,
    maxBodyBytes: 100_000,
    clock: { ...createVirtualClock(NOW), standsIn: true },
    ...options,
  });

const fetchBitcoin = (options: Partial<CoinGeckoOptions> = {}, signal = new AbortController().signal) =>
  createClient(options).fetchRange(BITCOIN, WINDOW, signal);

/** @returns the SourceError that the promise rejects with; fails on any other end. */
async function failureOf(promise: Promise<unknown>): Promise<SourceError> {
  const reason = await promise.then(
    () => new Error('it was expected to fail, and did not'),
    (error: unknown) => error,
  );
  if (!(reason instanceof SourceError)) throw reason;
  return reason;
}

describe('a request', () => {
  test('asks for the window in UNIX seconds, in full precision, with the key in its header only', async () => {
    handler = answer(200, CHART);
    await fetchBitcoin();
    const [request] = requests;
    expect(request?.method).toBe('GET');
    const query = 'vs_currency=usd&from=1795046400&to=1795399200&precision=full';
    expect(request?.url).toBe(`/api/v3/coins/bitcoin/market_chart/range?${query}`);
    expect(request?.headers['x-cg-demo-api-key']).toBe(KEY);
    expect(request?.headers['user-agent']).toMatch(/^crypto-price-ingestion\/\d/);
  });

  test.each([{ keyHeader: null }, { apiKey: null }, { apiKey: '' }])('carries no key with %j', async (options) => {
    handler = answer(200, CHART);
    await fetchBitcoin(options);
    expect(requests[0]?.rawHeaders.join()).not.toMatch(/x-cg|null|CG-/);
  });

  test('cannot have its path changed by a coin', async () => {
    handler = answer(200, CHART);
    await createClient().fetchRange({ coin: '../ping?x', currency: 'usd' }, WINDOW, new AbortController().signal);
    expect(requests[0]?.url).toMatch(/^\/api\/v3\/coins\/\.\.%2Fping%3Fx\/market_chart\/range\?/);
  });

  test('a key that no header can carry is refused without being shown or sent', async () => {
    const failure = await failureOf(fetchBitcoin({ apiKey: `${KEY}\n` }));
    expect(failure.kind).toBe('wrong_key');
    expect(failure.message).toContain('COINGECKO_API_KEY');
    expect(failure.message).not.toContain(KEY);
    expect(requests).toHaveLength(0);
  });
});

describe('a proper answer', () => {
  test('gives the samples in the order sent, the body as it came and the moment it came', async () => {
    handler = answer(200, CHART);
    expect(await fetchBitcoin()).toEqual({
      body: Buffer.from(JSON.stringify(CHART)),
      samples: { prices: CHART.prices, marketCaps: CHART.market_caps, volumes: [] },
      receivedAt: NOW,
      strayPoints: 0,
      clockAheadMs: null,
    });
  });

  test.each<[string, object]>([
    ['no caps and volumes', { market_caps: undefined, total_volumes: null }],
    ['caps that are none', { market_caps: {}, total_volumes: [[null, 1], 7, [HOUR], ['x', 2]] }],
  ])('with %s has its prices all the same', async (_, parts) => {
    handler = answer(200, { ...CHART, ...parts });
    const { samples } = await fetchBitcoin();
    expect(samples.prices).toEqual(CHART.prices);
    expect(samples.marketCaps).toEqual([]);
  });

  test('keeps odd prices, to be rejected by name, and leaves out points without a moment', async () => {
    handler = answer(200, { ...CHART, prices: [[HOUR, null], [HOUR + 1], null, ['soon', 3], [HOUR + 2, 5]] });
    const { samples, strayPoints } = await fetchBitcoin();
    expect(samples.prices).toEqual([[HOUR, null], [HOUR + 1], [HOUR + 2, 5]]);
    expect(strayPoints).toBe(2);
  });

  test('may be compressed, is kept decoded, and can be parsed again', async () => {
    handler = answer(200, gzipSync(JSON.stringify(CHART)), { 'content-encoding': 'gzip' });
    const { body, samples } = await fetchBitcoin();
    expect(JSON.parse(Buffer.from(body).toString())).toEqual(CHART);
    expect(createClient().parse(body)).toEqual(samples);
  });

  test('that quotes the key is kept without it', async () => {
    handler = answer(200, { ...CHART, note: `you sent ${KEY}` });
    const { body } = await fetchBitcoin();
    expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({ note: 'you sent [key]' });
  });
});

describe('the lists', () => {
  test('give all coins, also those that lack a symbol or a name, and all currencies', async () => {
    handler = answer(200, [
      { id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' },
      { id: 'nameless', symbol: 'nml', name: null },
    ]);
    expect(await createClient().listCoins(new AbortController().signal)).toEqual([
      { id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' },
      { id: 'nameless', symbol: 'nml', name: '' },
    ]);
    expect(requests[0]?.url).toBe('/api/v3/coins/list');
    handler = answer(200, ['btc', 'usd', 'try']);
    expect(await createClient().listCurrencies(new AbortController().signal)).toEqual(['btc', 'usd', 'try']);
    expect(requests[1]?.url).toBe('/api/v3/simple/supported_vs_currencies');
  });

  test('of another shape are refused, naming the field', async () => {
    handler = answer(200, [{ symbol: 'btc' }]);
    const failure = await failureOf(createClient().listCoins(new AbortController().signal));
    expect(failure).toMatchObject({ kind: 'malformed', message: expect.stringContaining('[0].id') });
  });
});

describe('an error', () => {
  const flat = (code: number, message: string) => ({ status: { error_code: code, error_message: message } });
  const nested = (code: number, message: string) => ({ error: { timestamp: '2026-11-23', ...flat(code, message) } });
  const split = (code: number, message: string) => ({ error_code: code, status: { error_message: message } });

  test.each<[number, unknown, FailureKind, RegExp]>([
    [401, nested(10002, 'No key'), 'wrong_key', /carried no key that this host knows.*COINGECKO_API_KEY/],
    [400, split(10010, 'Wrong key'), 'wrong_key', /Demo keys, and this is none that it knows.*COINGECKO_PLAN to paid/],
    [400, split(10011, 'Wrong key'), 'wrong_key', /paid plans, and this is none that it knows.*COINGECKO_PLAN to demo/],
    [403, flat(10005, 'Pro only'), 'plan', /^bitcoin\/usd.*plan.*does not cover/],
    [401, nested(10012, 'Old'), 'history', /^bitcoin\/usd from 2026-11-19 .*beyond the history .*HISTORY_DAYS/],
    [403, flat(1020, 'Access denied'), 'blocked', /blocked.*1020/],
    [403, '<html><title>Denied</title></html>', 'blocked', /Denied/],
    [401, { error: 'Who are you' }, 'wrong_key', /not accepted.*Who are you/],
    [404, { error: 'coin not found' }, 'not_found', /^bitcoin\/usd.*coin not found.*universe -- check/],
    [400, { error: 'invalid vs_currency' }, 'not_found', /bitcoin\/usd.*does not know/],
    [422, { error: 'Missing parameter x' }, 'server_error', /422: Missing parameter x/],
    [408, '', 'timeout', /took too long/],
    [429, flat(429, 'Slow down'), 'rate_limited', /too many requests.*Slow down/],
    [403, 'Throttled', 'rate_limited', /Throttled/],
    [500, { status: 500, error: 'Oops' }, 'server_error', /500: Oops/],
    [502, '<html>\n<h1>Bad  gateway</h1></html>', 'server_error', /<h1>Bad gateway/],
    [418, nested(10999, 'New here'), 'server_error', /status 418, error 10999: New here/],
    [429, '{"status":{"error_code":4', 'rate_limited', /too many/],
    [500, { error: null, status: [], error_code: 'x' }, 'server_error', /"error_code":"x"/],
    [206, CHART, 'server_error', /status 206/],
    [200, flat(429, 'Slow down'), 'rate_limited', /status 200, error 429/],
    [200, nested(10012, 'Too long ago'), 'history', /status 200, error 10012/],
    [200, { error: 'Something broke' }, 'server_error', /status 200: Something broke/],
  ])('of status %i that holds %j is %s, and says %s', async (status, body, kind, says) => {
    handler = answer(status, body);
    const failure = await failureOf(fetchBitcoin());
    expect(failure).toMatchObject({ kind, status, retryAfterMs: null });
    expect(failure.message).toMatch(says);
    expect(failure.message).toContain(new URL(origin).host);
  });

  test.each([
    ['119', 119_000],
    ['3600', 3_600_000],
    ['0', 0],
    ['Mon, 23 Nov 2026 02:01:05 GMT', 60_000],
    ['Mon, 23 Nov 2026 01:00:00 GMT', 0],
    ['soon', null],
    ['-5', null],
  ])('with Retry-After: %s asks for %p ms', async (header, retryAfterMs) => {
    handler = answer(429, 'Throttled', { 'retry-after': header });
    const failure = await failureOf(fetchBitcoin());
    expect(failure.retryAfterMs).toBe(retryAfterMs);
    if (retryAfterMs) expect(failure.message).toContain(`asks to wait ${retryAfterMs / 1000} s`);
  });

  test('whose body is huge or breaks off is still told by its status', async () => {
    handler = answer(429, 'x'.repeat(200_000), { 'retry-after': '7' });
    expect(await failureOf(fetchBitcoin())).toMatchObject({ kind: 'rate_limited', retryAfterMs: 7_000 });
    handler = beginning(404, (response) => response.destroy());
    expect(await failureOf(fetchBitcoin())).toMatchObject({ kind: 'not_found', status: 404 });
  });

  const spelt = [...KEY].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
  const bytes = Buffer.from(KEY);
  const hex = bytes.toString('hex');
  const encoded = [bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url'), hex, hex.toUpperCase()];
  test.each([KEY, spelt, ...encoded, hex.replace(/../g, '%$&')])(
    'that quotes the key as %s is passed on without it',
    async (quoted) => {
      handler = answer(401, `{"error":"${quoted} is no good, ${quoted}!"}`);
      const failure = await failureOf(fetchBitcoin());
      expect(failure.message).toContain('[key] is no good, [key]!');
      const everything = [failure.message, failure.stack, String(failure.cause)].join();
      for (const secret of [KEY, quoted]) expect(everything).not.toContain(secret);
    },
  );

  test('a redirect is not followed: the key stays with its host', async () => {
    handler = answer(302, '', { location: `${origin}/elsewhere` });
    const failure = await failureOf(fetchBitcoin());
    expect(failure).toMatchObject({ kind: 'malformed', status: 302, message: expect.stringContaining('redirect') });
    expect(requests).toHaveLength(1);
  });
});

describe('an answer that cannot be used', () => {
  const chart = (changes: object) => JSON.stringify({ ...CHART, ...changes });

  test.each([
    ['HTML', '<!doctype html><title>Please wait</title>', /Please wait/],
    ['cut JSON', chart({}).slice(0, -60), /cut off/],
    ['nothing', '', /0 bytes/],
    ['an array', '[]', /object/],
    ['a stamp in seconds', chart({ prices: [[HOUR / 1000, 1]] }), /prices\[0]\[0].*milliseconds.*1795323600/],
    ['a stamp in microseconds', chart({ prices: [[HOUR * 1000, 1]] }), /prices\[0]\[0]/],
    ['a fractional stamp', chart({ prices: [[HOUR + 0.5, 1]] }), /prices\[0]\[0]/],
    ['a stamp as text', chart({ prices: [[String(HOUR), 1]] }), /prices\[0]\[0]/],
    ['a sample that is none', chart({ prices: [1] }), /prices\[0]/],
  ])('because it is or holds %s is malformed, and the message shows it', async (_, body, says) => {
    handler = answer(200, body);
    const failure = await failureOf(fetchBitcoin());
    expect(failure).toMatchObject({ kind: 'malformed', status: 200 });
    expect(failure.message).toMatch(says);
    expect(failure.message.length).toBeLessThan(500);
  });

  test('because it is too large is not read to its end, which never comes', async () => {
    handler = (_, response) => {
      const write = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, ' ')));
      };
      response.on('drain', write);
      write();
    };
    const message = expect.stringContaining('larger than 100000 bytes');
    expect(await failureOf(fetchBitcoin())).toMatchObject({ kind: 'malformed', message });
  });

  test('because it is too large once decompressed is refused', async () => {
    handler = answer(200, gzipSync(Buffer.alloc(1_000_000, ' ')), { 'content-encoding': 'gzip' });
    expect(await failureOf(fetchBitcoin())).toMatchObject({ kind: 'malformed', status: 200 });
  });
});

describe('time', () => {
  test.each<[string, Handler, number | null]>([
    ['no answer comes', () => {}, null],
    ['the body stalls', beginning(200, () => {}), 200],
  ])('runs out when %s', async (_, stall, status) => {
    handler = stall;
    const failure = await failureOf(fetchBitcoin({ timeoutMs: 60 }));
    expect(failure).toMatchObject({ kind: 'timeout', status });
    expect(failure.message).toContain('within 0.06 s');
  });

  test('a signal that has aborted already sends nothing', async () => {
    await expect(fetchBitcoin({}, AbortSignal.abort('interrupted'))).rejects.toBe('interrupted');
    expect(requests).toHaveLength(0);
  });

  test.each<[string, (abort: () => void) => Handler]>([
    ['before the answer', (abort) => () => abort()],
    ['within the body', (abort) => beginning(200, () => setImmediate(abort))],
    ['within the body of an error', (abort) => beginning(429, () => setImmediate(abort))],
  ])('an abort %s rejects with its own reason', async (_, handle) => {
    const controller = new AbortController();
    const reason = new Error('the lock is lost');
    handler = handle(() => controller.abort(reason));
    await expect(fetchBitcoin({}, controller.signal)).rejects.toBe(reason);
  });
});

describe("this machine's clock", () => {
  const dated = (status: number, body: unknown, aheadMs: number, ageSeconds = 0): Handler =>
    answer(status, body, { date: new Date(NOW - aheadMs).toUTCString(), age: String(ageSeconds) });
  const kindOf = async (handle: Handler) => {
    handler = handle;
    const asked = fetchBitcoin({ clock: createVirtualClock(NOW) });
    return await asked.then(
      ({ clockAheadMs, receivedAt }) => [clockAheadMs, receivedAt],
      (error: unknown) => (error as SourceError).kind,
    );
  };

  test('may be an hour off; the moment of the answer is CoinGecko’s', async () => {
    for (const aheadMs of [-HOUR_MS, 0, HOUR_MS])
      expect(await kindOf(dated(200, CHART, aheadMs))).toEqual([aheadMs, NOW - aheadMs]);
  });

  test.each([
    [200, CHART],
    [429, { status: { error_code: 429, error_message: 'Slow down' } }],
    [401, { status: { error_code: 10_002, error_message: 'No key' } }],
  ])('further off ends the request, also of an answer of status %i', async (status, body) => {
    for (const aheadMs of [-HOUR_MS - 1_000, HOUR_MS + 1_000])
      expect(await kindOf(dated(status, body, aheadMs))).toBe('clock');
  });

  test('is not judged by the Date of an answer from a cache, nor by a page that is not CoinGecko’s', async () => {
    expect(await kindOf(dated(200, CHART, 3 * HOUR_MS, 2 * 3_600))).toEqual([3 * HOUR_MS, NOW - 3 * HOUR_MS]);
    expect(await kindOf(dated(200, CHART, 3 * HOUR_MS, 3_600))).toBe('clock');
    expect(await kindOf(dated(429, 'Throttled', 48 * HOUR_MS))).toBe('rate_limited');
    expect(await kindOf(dated(200, '<html>Log in</html>', 48 * HOUR_MS))).toBe('malformed');
  });
});

describe('the network', () => {
  test.each<[string, Handler, number | null, string]>([
    ['breaks before the answer', (request) => request.socket.resetAndDestroy(), null, 'broke off'],
    ['breaks within the body', beginning(200, (response) => response.destroy()), 200, 'could not be read whole'],
    ['brings no gzip, as it claims', answer(200, 'plain', { 'content-encoding': 'gzip' }), 200, 'Z_DATA_ERROR'],
  ])('a connection that %s', async (_, broken, status, says) => {
    handler = broken;
    const failure = await failureOf(fetchBitcoin());
    expect(failure).toMatchObject({ kind: 'network', status, message: expect.stringContaining(says) });
  });

  test('an address where nothing listens', async () => {
    await new Promise((resolve) => server.close(resolve));
    const says = `could not be reached at ${new URL(origin).host}: nothing listens there`;
    const { kind, message } = await failureOf(fetchBitcoin());
    expect([kind, message]).toEqual(['network', expect.stringMatching(`${says}.*ECONNREFUSED`)]);
  });

  test('a server without TLS behind an https address', async () => {
    const failure = await failureOf(fetchBitcoin({ baseUrl: origin.replace('http:', 'https:') }));
    expect(failure.kind).toBe('network');
    expect(failure.message).toContain('no secure connection was made');
  });

  test.each([
    ['ENOTFOUND', 'the name did not resolve; is there a network? (ENOTFOUND)'],
    ['ENETUNREACH', 'is there a network?'],
    ['UND_ERR_CONNECT_TIMEOUT', 'firewall'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'NODE_EXTRA_CA_CERTS'],
    ['ENEWCODE', 'what Node says (ENEWCODE)'],
  ])('%s is told in a sentence', async (code, says) => {
    const cause = Object.assign(new Error('what Node says'), { code });
    const fetch = () => Promise.reject(new TypeError('fetch failed', { cause }));
    const failure = await failureOf(fetchBitcoin({ fetch }));
    expect(failure).toMatchObject({ kind: 'network', status: null, cause });
    expect(failure.message).toContain(says);
  });
});

describe('latest prices', () => {
  const RECEIVED_AT = Date.parse('2026-11-27T02:00:30Z');
  const ASKED = { coins: ['bitcoin', 'pepe', 'unknown'], currencies: ['usd', 'eur'] };
  const UNKNOWN = { marketCap: null, volume24h: null, change24hPercent: null };
  const parse = (json: unknown) => parseLatestPrices(json, ASKED, RECEIVED_AT);

  test('every price comes with what is known of it, and what was left out is not there', () => {
    const dollars = { usd: 91_234.567890123, usd_market_cap: 1.8e12, usd_24h_vol: 3e10, usd_24h_change: -1.25 };
    const bitcoin = { ...dollars, eur: 8e4, last_updated_at: 1_795_744_800 };
    const known = { coin: 'bitcoin', observedAt: 1_795_744_800_000 };
    const ofDollars = { price: 91_234.567890123, marketCap: 1.8e12, volume24h: 3e10, change24hPercent: -1.25 };
    expect(parse({ bitcoin, pepe: {} })).toEqual([
      { ...known, currency: 'usd', ...ofDollars },
      { ...known, currency: 'eur', price: 8e4, ...UNKNOWN },
    ]);
  });

  test('null, 0, negative and other odd values are unknown; a price that is none is left out', () => {
    const odd = { usd_market_cap: 0, usd_24h_vol: -1, usd_24h_change: 'much', eur: null, last_updated_at: null };
    expect(parse({ bitcoin: { usd: 1, ...odd } })).toEqual([
      { coin: 'bitcoin', currency: 'usd', price: 1, ...UNKNOWN, observedAt: RECEIVED_AT },
    ]);
    expect(parse({ bitcoin: { usd: 0, eur: -3 } })).toEqual([]);
    expect(parse({ bitcoin: { usd: 1, usd_24h_vol: 0 } })).toMatchObject([{ volume24h: 0 }]);
  });

  test('a moment in the future would keep out all later prices: that of the arrival stands for it', () => {
    expect(parse({ bitcoin: { usd: 1, last_updated_at: 4_000_000_000 } })).toMatchObject([{ observedAt: RECEIVED_AT }]);
  });

  test.each([[[]], ['text'], [{ bitcoin: 3 }], [null]])('%j is refused', (json) => {
    expect(() => parse(json)).toThrow(SourceError);
  });
});
