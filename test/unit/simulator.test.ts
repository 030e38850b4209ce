import { get } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/server.ts';

const now = Date.parse('2026-03-10T12:30:15.250Z');
const seconds = (iso: string): number => Date.parse(iso) / 1000;

let simulator: Simulator | undefined;
afterEach(() => simulator?.close());

async function start(options: SimulatorOptions = {}): Promise<Simulator> {
  simulator = await startSimulator({ now: () => now, disturbedShare: 0, ...options });
  return simulator;
}

/** What the tests look at; each answer has some of it. */
type Body = {
  prices: [at: number, price: number][];
  error_code?: number;
  status?: { error_code: number };
  error: { status: { error_code: number; error_message: string } };
};

async function ask(path: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${simulator?.baseUrl}${path}`, { headers });
  const body = (await response.json()) as Body;
  return { status: response.status, retryAfter: response.headers.get('retry-after'), body };
}

async function timesOf(path: string): Promise<number[]> {
  const { status, body } = await ask(path);
  expect(status).toBe(200);
  return body.prices.map(([at]) => at);
}

const spacings = (times: readonly number[]): number[] => times.slice(1).map((at, index) => at - (times[index] ?? at));
const bitcoin = '/coins/bitcoin/market_chart';

describe('the endpoints', () => {
  test('greet, and list the coins and currencies of the universe', async () => {
    const universe = {
      coins: [{ id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' }],
      currencies: [{ code: 'chf', name: 'Swiss franc' }],
    };
    await start({ universe });
    expect((await ask('/ping')).body).toEqual({ gecko_says: '(V3) To the Moon!' });
    expect((await ask('/coins/list')).body).toEqual(universe.coins);
    expect((await ask('/simple/supported_vs_currencies')).body).toEqual(['chf']);
    expect((await ask(`${bitcoin}?vs_currency=chf&days=2`)).status).toBe(200);
    expect((await ask(`${bitcoin}?vs_currency=usd&days=2`)).status).toBe(400);
  });

  test('write down every request with its path, query, status and moment', async () => {
    const { requests } = await start({ clock: () => 123_456 });
    await ask('/coins/nothing/market_chart?vs_currency=usd&days=7');
    expect(requests).toEqual([
      {
        receivedAt: 123_456,
        path: '/api/v3/coins/nothing/market_chart',
        query: { vs_currency: 'usd', days: '7' },
        status: 404,
      },
    ]);
  });

  test.each([
    ['1 day', 1, 5],
    ['90 days', 90, 60],
    ['91 days', 91, 24 * 60],
  ])('choose the granularity of a range by its span: %s', async (_, days, minutes) => {
    await start();
    const to = seconds('2026-03-01T00:00:00Z');
    const times = await timesOf(`${bitcoin}/range?vs_currency=usd&from=${to - days * 86_400}&to=${to}`);
    expect(times).toHaveLength((days * 24 * 60) / minutes);
    expect(spacings(times).toSorted((a, b) => a - b)[Math.floor(times.length / 2)]).toBeCloseTo(minutes * 60_000, -5);
    expect(times.every((at) => at < to * 1000)).toBe(true);
  });

  test('give days=2 with all of yesterday, a part of the first day, and a tail cut to the second of the answer', async () => {
    await start();
    const times = await timesOf(`${bitcoin}?vs_currency=usd&days=2`);
    const byDay = Map.groupBy(times, (at) => new Date(at).toISOString().slice(0, 10));
    expect(byDay.get('2026-03-09')).toHaveLength(24);
    expect(byDay.get('2026-03-08')?.length).toBeLessThan(13);
    expect(times.at(-1)).toBe(Date.parse('2026-03-10T12:30:15.000Z'));
  });

  test('never give a sample of the future', async () => {
    await start();
    const times = await timesOf(
      `${bitcoin}/range?vs_currency=usd&from=${now / 1000 - 3 * 86_400}&to=${now / 1000 + 86_400}`,
    );
    expect(Math.max(...times)).toBeLessThanOrEqual(now);
    expect(Math.max(...times)).toBeGreaterThan(now - 60 * 60_000);
  });

  test('give a range that ends now a tail some of the time', async () => {
    let moment = now;
    await start({ now: () => moment });
    const tails = new Set<boolean>();
    for (let index = 0; index < 20; index++, moment += 1000) {
      const times = await timesOf(
        `${bitcoin}/range?vs_currency=usd&from=${moment / 1000 - 3 * 86_400}&to=${moment / 1000}`,
      );
      tails.add(times.at(-1) === Math.floor(moment / 1000) * 1000);
    }
    expect(tails).toEqual(new Set([true, false]));
  });

  test('take ISO dates, in UTC, as well as UNIX seconds', async () => {
    await start();
    const bySeconds = await timesOf(
      `${bitcoin}/range?vs_currency=usd&from=${seconds('2026-02-01T00:00Z')}&to=${seconds('2026-02-04T06:00Z')}`,
    );
    expect(await timesOf(`${bitcoin}/range?vs_currency=usd&from=2026-02-01&to=2026-02-04T06:00`)).toEqual(bySeconds);
  });

  test('give empty arrays for a range before the coin was listed', async () => {
    await start({ history: { listedSince: { bitcoin: '2026-03-01' } } });
    expect((await ask(`${bitcoin}/range?vs_currency=usd&from=2026-02-01&to=2026-02-04`)).body).toEqual({
      prices: [],
      market_caps: [],
      total_volumes: [],
    });
  });

  test('show a history that changes while they run', async () => {
    await start();
    const path = `${bitcoin}/range?vs_currency=usd&from=2026-02-01&to=2026-02-04`;
    const before = (await ask(path)).body;
    simulator?.setHistory({ revision: { from: '2026-02-01', factor: 1.5 } });
    expect((await ask(path)).body.prices[0]?.[1]).toBeCloseTo((before.prices[0]?.[1] ?? 0) * 1.5, 6);
    simulator?.setHistory({});
    expect((await ask(path)).body).toEqual(before);
  });
});

describe('wrong requests', () => {
  test.each([
    ['/nothing', 404, { error: 'Incorrect path. Please check https://www.coingecko.com/api/' }],
    ['/coins/nothing/market_chart?vs_currency=usd&days=2', 404, { error: 'coin not found' }],
    [`${bitcoin}?days=2`, 422, { error: 'Missing parameter vs_currency' }],
    [`${bitcoin}?vs_currency=usd`, 422, { error: 'Missing parameter days' }],
    [`${bitcoin}/range?vs_currency=usd&from=1770000000`, 422, { error: 'Missing parameter to' }],
    [`${bitcoin}?vs_currency=xyz&days=2`, 400, { error: 'invalid vs_currency' }],
    [`${bitcoin}?vs_currency=usd&days=-2`, 400, { error: 'invalid days' }],
    [`${bitcoin}/range?vs_currency=usd&from=yesterday&to=1770000000`, 400, { error: 'invalid from' }],
    [`${bitcoin}/range?vs_currency=usd&from=1770000000&to=1760000000`, 400, { error: 'invalid to' }],
  ])('%s is answered with %d', async (path, status, body) => {
    await start();
    expect(await ask(path)).toMatchObject({ status, body });
  });

  test('without a User-Agent are refused with 403', async () => {
    const { baseUrl } = await start();
    const status = await new Promise((resolve, reject) => {
      get(`${baseUrl}/ping`, (response) => resolve(response.resume().statusCode)).on('error', reject);
    });
    expect(status).toBe(403);
  });

  test('beyond the history of the plan are refused with 10012, a 401, and on its edge they are not', async () => {
    await start({ historyDays: 365 });
    const { status, body } = await ask(
      `${bitcoin}/range?vs_currency=usd&from=${now / 1000 - 366 * 86_400}&to=${now / 1000}`,
    );
    expect(status).toBe(401);
    expect(body.error.status).toMatchObject({ error_code: 10012, timestamp: '2026-03-10T12:30:15.250+00:00' });
    expect(body.error.status.error_message).toContain('365 days');
    expect((await ask(`${bitcoin}?vs_currency=usd&days=max`)).status).toBe(401);
    expect((await ask(`${bitcoin}?vs_currency=usd&days=365`)).status).toBe(200);
  });

  test('for a paid interval are refused with 10005 on a free plan only', async () => {
    await start({ plan: 'public' });
    const path = `${bitcoin}?vs_currency=usd&days=2&interval=hourly`;
    expect(await ask(path)).toMatchObject({ status: 401, body: { status: { error_code: 10005 } } });
    await simulator?.close();
    await start({ plan: null });
    expect((await ask(path)).status).toBe(200);
  });
});

describe('keys', () => {
  const demo = { 'x-cg-demo-api-key': 'CG-good' };
  const paid = { 'x-cg-pro-api-key': 'CG-good' };

  test.each([
    ['public', {}, 200, null],
    ['public', paid, 400, 10010],
    ['demo', demo, 200, null],
    ['demo', {}, 401, 10002],
    ['demo', { 'x-cg-demo-api-key': 'CG-bad' }, 401, 10002],
    ['demo', paid, 400, 10010],
    ['paid', paid, 200, null],
    ['paid', {}, 401, 10002],
    ['paid', demo, 400, 10011],
  ] as const)('on plan %s with headers %j give %d and code %p', async (plan, headers, status, code) => {
    await start({ plan, keys: ['CG-good'] });
    const reply = await ask('/ping', headers);
    expect(reply.status).toBe(status);
    expect(reply.body.error_code ?? reply.body.status?.error_code ?? null).toBe(code);
  });

  test('in the query string are not taken', async () => {
    await start({ plan: 'demo' });
    expect((await ask('/ping?x_cg_demo_api_key=CG-good')).status).toBe(401);
    expect((await ask('/ping', { 'x-cg-demo-api-key': 'CG-any' })).status).toBe(200);
  });
});

describe('the limit per minute', () => {
  test('refuses the request that would be one too many in 60 s, and says when the next may come', async () => {
    let clock = 0;
    await start({ requestsPerMinute: 2, clock: () => clock });
    const statusAt = async (at: number) => {
      clock = at;
      const { status, retryAfter } = await ask('/ping');
      return [status, retryAfter];
    };
    expect(await statusAt(0)).toEqual([200, null]);
    expect(await statusAt(30_000)).toEqual([200, null]);
    // The refused one counts too: the request at 30 s has to leave the window.
    expect(await statusAt(59_999)).toEqual([429, '31']);
    expect(await statusAt(89_999)).toEqual([429, '30']);
    expect(await statusAt(119_999)).toEqual([200, null]);
  });

  test('is that of the plan unless given', async () => {
    await start({ plan: 'public' });
    const replies = [];
    for (let index = 0; index < 11; index++) replies.push(await ask('/ping'));
    expect(replies.map(({ status }) => status)).toEqual([...Array.from({ length: 10 }, () => 200), 429]);
    expect(replies.at(-1)?.body).toMatchObject({ status: { error_code: 429 } });
  });
});
