import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Fault } from '../../simulator/routes.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/server.ts';
import {
  type ChartRequest,
  DAY_MS,
  formatChart,
  HOUR_MS,
  MINUTE_MS,
  type SyntheticSource,
  syntheticChart,
} from '../../simulator/synthetic-chart.ts';

const now = Date.parse('2026-03-10T12:30:15.250Z');
const secondsOf = (day: string): number => Date.parse(day) / 1000;
const rangeOf = (from: string, to: string, currency = 'usd', coin = 'bitcoin') =>
  `/coins/${coin}/market_chart/range?vs_currency=${currency}&from=${secondsOf(from)}&to=${secondsOf(to)}`;
const FEBRUARY = rangeOf('2026-02-01', '2026-02-10');

let simulator: Simulator | undefined;
afterEach(() => simulator?.close());

async function start(options: SimulatorOptions = {}): Promise<Simulator> {
  simulator = await startSimulator({ now: () => now, disturbedShare: 0, ...options });
  return simulator;
}

async function ask(path: string, headers: Record<string, string> = {}, baseUrl = simulator?.baseUrl) {
  const response = await fetch(`${baseUrl}${path}`, { headers });
  const body = await response.text();
  return { status: response.status, retryAfter: response.headers.get('retry-after'), body };
}

const pricesOf = ({ body }: { body: string }): [at: number, price: number][] => JSON.parse(body).prices;

describe('the endpoints', () => {
  test('choose the granularity of a range by its span, and give no sample from outside of it', async () => {
    await start();
    for (const [days, minutes] of [
      [90, 60],
      [91, 24 * 60],
    ] as const) {
      const to = secondsOf('2026-03-01');
      const path = `/coins/bitcoin/market_chart/range?vs_currency=usd&from=${to - days * 86_400}&to=${to}`;
      const times = pricesOf(await ask(path)).map(([at]) => at);
      expect(times).toHaveLength((days * 24 * 60) / minutes);
      expect(Math.max(...times)).toBeLessThan(to * 1000);
    }
  });

  test('give a range that ends now a tail some of the time, and no sample of the future', async () => {
    let moment = now;
    await start({ now: () => moment });
    const tails = new Set<boolean>();
    for (let index = 0; index < 20; index++, moment += 1000) {
      const [last = 0] = pricesOf(await ask(rangeOf('2026-03-07', '2026-03-12'))).at(-1) ?? [];
      expect(last).toBeLessThanOrEqual(moment);
      tails.add(last === Math.floor(moment / 1000) * 1000);
    }
    expect(tails).toEqual(new Set([true, false]));
  });

  test.each([
    ['/nothing', 404, 'Incorrect path. Please check https://www.coingecko.com/api/'],
    [rangeOf('2026-02-01', '2026-02-04', 'usd', 'nothing'), 404, 'coin not found'],
    ['/coins/bitcoin/market_chart/range?vs_currency=usd&from=1770000000', 422, 'Missing parameter to'],
    [rangeOf('2026-02-01', '2026-02-04', 'xyz'), 400, 'invalid vs_currency'],
    [rangeOf('2026-02-04', '2026-02-01'), 400, 'invalid to'],
  ])('answer %s with %d', async (path, status, error) => {
    const { requests } = await start({ clock: () => 123_456 });
    expect(await ask(path)).toMatchObject({ status, body: JSON.stringify({ error }) });
    expect(requests).toMatchObject([{ receivedAt: 123_456, path: `/api/v3${path.split('?')[0]}`, status }]);
  });

  test('refuse who has no User-Agent, or asks beyond the history of the plan', async () => {
    const { baseUrl } = await start({ plan: 'public' });
    const { promise, resolve } = Promise.withResolvers();
    get(`${baseUrl}/coins/list`, (response) => resolve(response.resume().statusCode));
    expect(await promise).toBe(403);
    const { status, body } = await ask(rangeOf('2025-03-10', '2026-02-04'));
    expect([status, JSON.parse(body).error.status.error_code]).toEqual([401, 10012]);
    expect((await ask(rangeOf('2025-03-11', '2026-02-04'))).status).toBe(200);
  });

  test.each([
    ['public', {}, 200],
    ['demo', { 'x-cg-demo-api-key': 'CG-good' }, 200],
    ['demo', { 'x-cg-demo-api-key': 'CG-bad' }, 401],
    ['demo', { 'x-cg-pro-api-key': 'CG-good' }, 401],
    ['paid', { 'x-cg-pro-api-key': 'CG-good' }, 200],
    ['paid', {}, 401],
  ] as const)('on plan %s answer headers %j with %d', async (plan, headers, status) => {
    await start({ plan, keys: ['CG-good'] });
    expect((await ask('/coins/list', headers)).status).toBe(status);
  });

  test('refuse the request that would be one too many in 60 s, and say when the next may come', async () => {
    let clock = 0;
    await start({ requestsPerMinute: 2, clock: () => clock });
    const statusAt = async (at: number) => {
      clock = at;
      const { status, retryAfter } = await ask('/coins/list');
      return [status, retryAfter];
    };
    expect(await statusAt(0)).toEqual([200, null]);
    expect(await statusAt(30_000)).toEqual([200, null]);
    // The refused one counts too: the request at 30 s has to leave the window.
    expect(await statusAt(59_999)).toEqual([429, '31']);
    expect(await statusAt(89_999)).toEqual([429, '30']);
    expect(await statusAt(119_999)).toEqual([200, null]);
  });
});

describe('faults', () => {
  test.each<[Fault, number, string | null, string]>([
    [{ kind: 'rate_limited', retryAfterSeconds: 119 }, 429, '119', '"error_code":429'],
    [{ kind: 'rate_limited' }, 429, null, '"error_code":429'],
    [{ kind: 'server_error' }, 500, null, '{"status":500,"error":"Internal Server Error"}'],
    [{ kind: 'html' }, 200, null, '<!DOCTYPE html>'],
    [{ kind: 'reply', status: 418, body: { any: 'shape' } }, 418, null, '{"any":"shape"}'],
    [{ kind: 'empty' }, 200, null, '{"prices":[],"market_caps":[],"total_volumes":[]}'],
  ])('%j takes the place of the answer, for as long as the list is', async (fault, status, retryAfter, body) => {
    await start();
    simulator?.setFaults([fault]);
    expect(await ask(FEBRUARY)).toMatchObject({ status, retryAfter, body: expect.stringContaining(body) });
    expect((await ask(FEBRUARY)).status).toBe(200);
  });

  test('reset breaks the connection, and the request keeps no status; a function that throws is the answer', async () => {
    await start();
    simulator?.setFaults(({ path }, index) => {
      if (index === 0) return { kind: 'reset' };
      throw new Error(`no such fault for ${path}`);
    });
    await expect(ask(FEBRUARY)).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
    expect(simulator?.requests).toMatchObject([{ status: null }]);
    expect(await ask('/coins/list')).toMatchObject({
      status: 500,
      body: 'Error: no such fault for /api/v3/coins/list',
    });
  });

  test('change the body or the chart as they say', async () => {
    await start();
    const faulty = async (fault: Fault) => {
      simulator?.setFaults([fault]);
      return await ask(FEBRUARY);
    };
    const sound = await ask(FEBRUARY);
    const prices = pricesOf(sound);
    expect((await faulty({ kind: 'truncated' })).body).toBe(sound.body.slice(0, sound.body.length / 2));
    expect(pricesOf(await faulty({ kind: 'daily' }))).toHaveLength(9);
    expect(pricesOf(await faulty({ kind: 'frozen' }))).toEqual(prices.map(([at]) => [at, prices[0]?.[1]]));
    const spiked = pricesOf(await faulty({ kind: 'spike' }));
    const [spike = 0, ...others] = spiked.flatMap(([, price], index) => (price === prices[index]?.[1] ? [] : [index]));
    expect(others).toEqual([]);
    for (const neighbour of [spike - 1, spike + 1])
      expect(spiked[spike]?.[1]).toBeGreaterThan(10 * (spiked[neighbour]?.[1] ?? Infinity));
    simulator?.setFaults([{ kind: 'currency_ignored' }]);
    expect((await ask(rangeOf('2026-02-01', '2026-02-10', 'eur'))).body).toBe(sound.body);
  });
});

describe('a made-up series', () => {
  const startAt = Date.parse('2026-01-01T00:00:00Z');
  const chartOf = (request: Partial<ChartRequest> = {}, source: Partial<SyntheticSource> = {}) =>
    syntheticChart(
      { disturbedShare: 0, history: {}, ...source },
      {
        ...{ coin: 'bitcoin', currency: 'usd', isDaily: false, tailAt: null },
        ...{ span: { from: startAt, to: startAt + 30 * DAY_MS }, ...request },
      },
    );
  const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

  test('has the same samples for the same moments, whatever window is asked for', () => {
    const wide = { from: startAt, to: startAt + 60 * DAY_MS };
    const source = { disturbedShare: 0.3 };
    const all = [false, true].map((isDaily) => chartOf({ span: wide, isDaily }, source).prices);
    const minutes = fc.integer({ min: 0, max: 60 * 24 * 60 });
    fc.assert(
      fc.property(fc.boolean(), minutes, minutes, (isDaily, a, b) => {
        const span = { from: startAt + Math.min(a, b) * MINUTE_MS, to: startAt + Math.max(a, b) * MINUTE_MS };
        const cut = all[Number(isDaily)]?.filter(([at]) => at >= span.from && at < span.to);
        expect(chartOf({ span, isDaily }, source).prices).toEqual(cut);
      }),
      { numRuns: 30 },
    );
  });

  test('stays near its level, never stands still, and in another currency is times a rate', () => {
    const span = { from: startAt - 3 * 365 * DAY_MS, to: startAt };
    const prices = chartOf({ span, isDaily: true }).prices.map(([, price]) => price ?? 0);
    expect([Math.min(...prices) > 90_000 / 4, Math.max(...prices) < 90_000 * 4]).toEqual([true, true]);
    expect(prices.filter((price, index) => price === prices[index - 1])).toEqual([]);
    const rates = chartOf({ span, currency: 'eur', isDaily: true }).prices.map(
      ([, price], index) => (price ?? 0) / (prices[index] ?? 0),
    );
    expect([Math.min(...rates) > 0.5, Math.max(...rates) < 1.5]).toEqual([true, true]);
    expect(formatChart(chartOf({ coin: 'coin-3' }))).toMatch(/\[\d+,[\d.]+e-0\d\]/);
  });

  test('has days of 22, 25 and 27 samples, of 21 hours, samples at 57 min, and caps that are null, 0 or left out', () => {
    const chart = chartOf({ span: { from: startAt - 365 * DAY_MS, to: startAt } }, { disturbedShare: 0.2 });
    const times = chart.prices.map(([at]) => at);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    const days = [...Map.groupBy(times, dayOf).values()];
    expect([...new Set(days.map((day) => day.length))]).toEqual(expect.arrayContaining([22, 24, 25, 27]));
    expect(Math.min(...days.map((day) => new Set(day.map((at) => Math.floor(at / HOUR_MS))).size))).toBe(21);
    expect(times.some((at) => at % HOUR_MS >= 57 * MINUTE_MS)).toBe(true);
    expect(chart.market_caps.map(([, cap]) => cap)).toEqual(expect.arrayContaining([null, 0]));
    expect(chart.market_caps.length).toBeLessThan(chart.total_volumes.length);
  });

  test('has the history that it is given, also while it is served', async () => {
    const daysOf = (history: SyntheticSource['history']) =>
      new Set(chartOf({}, { history }).prices.map(([at]) => dayOf(at)));
    expect(daysOf({ daysWithoutData: [{ coin: 'bitcoin', day: '2026-01-05' }] }).has('2026-01-05')).toBe(false);
    expect(daysOf({ daysWithoutData: [{ coin: 'litecoin', day: '2026-01-05' }] }).size).toBe(30);
    const hours = { daysWithoutData: [{ coin: 'bitcoin', day: '2026-01-05', hours: [0, 23] }] };
    expect(chartOf({}, { history: hours }).prices).toHaveLength(30 * 24 - 2);
    expect(daysOf({ listedSince: { bitcoin: '2026-01-10' } }).size).toBe(21);

    await start();
    const [[, before] = [0, 0]] = pricesOf(await ask(FEBRUARY));
    simulator?.setHistory({ revision: { from: '2026-02-01', factor: 1.5 } });
    expect(pricesOf(await ask(FEBRUARY))[0]?.[1]).toBeCloseTo(before * 1.5, 6);
  });
});

describe('the command', () => {
  const run = (...args: string[]) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'simulator/main.ts', ...args]);
    return { child, exit: once(child, 'exit') };
  };

  test('prints its address, serves as of the moment given, and ends on SIGTERM', async () => {
    const { child, exit } = run('--plan', 'demo', '--key', 'CG-one', '--now', '2026-02-01T02:00:00Z');
    const baseUrl = String(await once(child.stdout, 'data')).trim();
    const path = rangeOf('2026-01-01', '2026-02-02');
    expect((await ask(path, { 'x-cg-demo-api-key': 'CG-two' }, baseUrl)).status).toBe(401);
    const prices = pricesOf(await ask(path, { 'x-cg-demo-api-key': 'CG-one' }, baseUrl));
    expect(Math.max(...prices.map(([at]) => at))).toBeLessThan(Date.parse('2026-02-01T02:10:00Z'));
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
  });

  test.each([
    [['--plan', 'gold'], "'gold' is invalid. Allowed choices are public, demo, paid, none."],
    [['--now', '2026-02-30T00:00:00Z'], 'It takes a moment such as 2026-01-31T02:00:00Z.'],
    [['--speed', '1'], "unknown option '--speed'"],
  ])('refuses %j with one sentence and exit code 2', async (args, sentence) => {
    const { child, exit } = run(...args);
    const [output, complaint] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(complaint).toContain(sentence);
    expect([output, complaint.trim().split('\n').length, await exit]).toEqual(['', 1, [2, null]]);
  });
});
