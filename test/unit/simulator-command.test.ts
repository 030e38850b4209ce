import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startSimulator } from '../../simulator/server.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recordings-'));
});
afterEach(() => rm(folder, { recursive: true }));

const hour = (index: number): number => Date.parse('2021-05-12T00:00:12Z') + index * 60 * 60_000;
const chart = (samples: readonly (readonly [number, number | null])[]) =>
  JSON.stringify({ prices: samples, market_caps: samples, total_volumes: samples });
const record = (name: string, content: string) => writeFile(join(folder, name), content);

async function pricesOf(baseUrl: string, path: string, headers = {}): Promise<[number, number][]> {
  return ((await (await fetch(baseUrl + path, { headers })).json()) as { prices: [number, number][] }).prices;
}

describe('recordings', () => {
  const now = () => hour(200);
  const range = (from: number, to: number): string =>
    `/coins/old-coin/market_chart/range?vs_currency=eur&from=${from / 1000}&to=${to / 1000}`;

  test('answer a range with their samples in [from, to), in their order, as numbers as they were', async () => {
    const samples = [...Array.from({ length: 72 }, (_, index) => [hour(index), 6.8e-5 + index] as const)].reverse();
    await record('market_chart.old-coin.eur.hourly.json', chart(samples));
    const simulator = await startSimulator({ recordingsFolder: folder, now });
    const expected = samples.filter(([at]) => at >= hour(0) && at < hour(60));
    expect(await pricesOf(simulator.baseUrl, range(hour(0), hour(60)))).toEqual(expected);
    await simulator.close();
  });

  test('of one series are joined where they have the same granularity, each moment once', async () => {
    await record('market_chart.old-coin.eur.json', chart([0, 1, 2].map((index) => [hour(index), 1 + index])));
    await record('market_chart_range.old-coin.eur.x.json', chart([2, 3, 4].map((index) => [hour(index), 10 + index])));
    await record('market_chart.old-coin.eur.daily.json', chart([0, 24, 48].map((index) => [hour(index), 99])));
    const simulator = await startSimulator({ recordingsFolder: folder, now });
    const prices = await pricesOf(simulator.baseUrl, range(hour(-24), hour(60)));
    expect(prices.map(([, price]) => price)).toEqual([1, 2, 3, 13, 14]);
    const daily = await pricesOf(simulator.baseUrl, range(hour(-24 * 100), hour(60)));
    expect(daily.map(([, price]) => price)).toEqual([99, 99, 99]);
    await simulator.close();
  });

  test.each([
    ['made_up', 200],
    ['not_found', 404],
  ] as const)('leave other series %s, with status %d', async (unrecorded, status) => {
    await record('market_chart.old-coin.eur.json', chart([[hour(0), 1]]));
    const simulator = await startSimulator({ recordingsFolder: folder, now, unrecorded });
    const response = await fetch(`${simulator.baseUrl}/coins/bitcoin/market_chart?vs_currency=usd&days=2`);
    expect(response.status).toBe(status);
    await simulator.close();
  });

  test('that are something else are refused with the file and what was found', async () => {
    await record('market_chart.old-coin.eur.json', '{"prices":[["now",1]],"market_caps":[],"total_volumes":[]}');
    await expect(startSimulator({ recordingsFolder: folder })).rejects.toThrow(
      /old-coin\.eur\.json is no recorded market_chart answer.*expected number.* at prices\.0\.0$/,
    );
    await record('market_chart.old-coin.eur.json', '{"prices":[[1,');
    await expect(startSimulator({ recordingsFolder: folder })).rejects.toThrow(
      /old-coin\.eur\.json is no recorded.*JSON/,
    );
  });
});

describe('the command', () => {
  const run = (...args: string[]) =>
    spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'simulator/main.ts', ...args]);
  const readAll = async (stream: NodeJS.ReadableStream): Promise<string> => {
    let text = '';
    for await (const chunk of stream) text += chunk;
    return text;
  };

  test('prints its address, serves the series of the seed as of the moment given, and ends on SIGTERM', async () => {
    const child = run('--plan', 'demo', '--key', 'CG-one', '--seed', '7', '--now', '2026-02-01T02:00:00Z');
    const exit = once(child, 'exit');
    const [line] = await once(child.stdout, 'data');
    expect(String(line)).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api\/v3\n$/);
    const path = '/coins/bitcoin/market_chart/range?vs_currency=usd&from=2026-01-01&to=2026-02-02';
    const baseUrl = String(line).trim();
    const refused = await fetch(baseUrl + path, { headers: { 'x-cg-demo-api-key': 'CG-two' } });
    expect(refused.status).toBe(401);
    const prices = await pricesOf(baseUrl, path, { 'x-cg-demo-api-key': 'CG-one' });
    expect(Math.max(...prices.map(([at]) => at))).toBeLessThan(Date.parse('2026-02-01T02:10:00Z'));

    const same = await startSimulator({ seed: 7, now: () => Date.parse('2026-03-01T00:00:00Z') });
    expect((await pricesOf(same.baseUrl, path)).slice(0, 700)).toEqual(prices.slice(0, 700));
    await same.close();

    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
  });

  test('--help says what it takes', async () => {
    const child = run('--help');
    const exit = once(child, 'exit');
    expect(await readAll(child.stdout)).toMatch(/^Usage: npm run simulator -- .*--latency-ms N/s);
    expect(await exit).toEqual([0, null]);
  });

  test.each([
    [['--port', 'x'], '--port: found "x", expected a whole number from 0 to 65535.'],
    [['--plan', 'gold'], '--plan: found "gold", expected public, demo, paid or none.'],
    [['--now', 'today'], '--now: found "today", expected a moment such as 2026-01-31T02:00:00Z.'],
    [['--speed', '1'], "Unknown option '--speed'"],
    [['--recordings', '/does/not/exist'], '/does/not/exist cannot be read as a folder of recordings'],
  ])('refuses %j with one sentence and exit code 2', async (args, sentence) => {
    const child = run(...args);
    const exit = once(child, 'exit');
    const [output, text] = await Promise.all([readAll(child.stdout), readAll(child.stderr)]);
    expect(text).toContain(sentence);
    expect(text.trim().split('\n')).toHaveLength(1);
    expect(output).toBe('');
    expect(await exit).toEqual([2, null]);
  });
});
