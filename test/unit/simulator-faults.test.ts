import { afterEach, describe, expect, test } from '@jest/globals';
import type { Fault } from '../../simulator/faults.ts';
import { type Simulator, startSimulator } from '../../simulator/server.ts';

const now = Date.parse('2026-03-10T12:30:15Z');
let simulator: Simulator;
afterEach(() => simulator.close());

/** Asks once with the fault and once without. */
async function compare(fault: Fault) {
  simulator = await startSimulator({ now: () => now, disturbedShare: 0, faults: [fault] });
  return { faulty: await ask(), sound: await ask() };
}

async function ask(signal?: AbortSignal) {
  const url = `${simulator.baseUrl}/coins/bitcoin/market_chart/range?vs_currency=eur&from=2026-02-01&to=2026-02-10`;
  const response = await fetch(url, signal ? { signal } : {});
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const pricesOf = ({ text }: { text: string }): [number, number][] => JSON.parse(text).prices;

describe('a fault', () => {
  test.each<[Fault, number, string | null, string]>([
    [{ kind: 'rate_limited', retryAfterSeconds: 119 }, 429, '119', '"error_code":429'],
    [{ kind: 'rate_limited' }, 429, null, '"error_code":429'],
    [{ kind: 'rate_limited', isText: true }, 429, null, 'Throttled'],
    [{ kind: 'server_error' }, 500, null, '{"status":500,"error":"Internal Server Error"}'],
    [{ kind: 'server_error', status: 503 }, 503, null, '{"status":503'],
    [{ kind: 'html' }, 200, null, '<!DOCTYPE html>'],
    [{ kind: 'reply', status: 418, body: { any: 'shape' } }, 418, null, '{"any":"shape"}'],
  ])('%j takes the place of the answer', async (fault, status, retryAfter, text) => {
    const { faulty, sound } = await compare(fault);
    expect(faulty.status).toBe(status);
    expect(faulty.headers.get('retry-after')).toBe(retryAfter);
    expect(faulty.text).toContain(text);
    expect(sound.status).toBe(200);
  });

  test('reset breaks the connection, and the request keeps no status', async () => {
    simulator = await startSimulator({ faults: [{ kind: 'reset' }] });
    await expect(ask()).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
    expect(simulator.requests.map(({ status }) => status)).toEqual([null]);
  });

  test('stall sends the headers and half of the body, and nothing more until the server closes', async () => {
    simulator = await startSimulator({ now: () => now, faults: [{ kind: 'stall' }] });
    const url = `${simulator.baseUrl}/coins/bitcoin/market_chart?vs_currency=usd&days=2`;
    const response = await fetch(url);
    expect(response.status).toBe(200);
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(first?.value?.byteLength).toBeGreaterThan(100);
    const second = reader?.read();
    await expect(Promise.race([second, ask().then(() => 'nothing yet')])).resolves.toBe('nothing yet');
    await Promise.all([simulator.close(), expect(second).rejects.toThrow()]);
  });

  test('latency delays the answer', async () => {
    simulator = await startSimulator({ now: () => now, faults: [{ kind: 'latency', durationMs: 50 }] });
    const startedAt = performance.now();
    expect((await ask()).status).toBe(200);
    expect(performance.now() - startedAt).toBeGreaterThan(45);
  });

  test('truncated ends the body in the middle, as if it were whole', async () => {
    const { faulty, sound } = await compare({ kind: 'truncated' });
    expect(faulty.status).toBe(200);
    expect(sound.text.startsWith(faulty.text)).toBe(true);
    expect(faulty.text.length).toBe(Math.floor(sound.text.length / 2));
  });

  test('oversized makes the body longer than that, and leaves it valid', async () => {
    const { faulty, sound } = await compare({ kind: 'oversized', bytes: 3_000_000 });
    expect(faulty.text.length).toBeGreaterThan(3_000_000);
    expect(JSON.parse(faulty.text)).toEqual(JSON.parse(sound.text));
  });

  test('granularity sends another one than the span calls for', async () => {
    const { faulty, sound } = await compare({ kind: 'granularity', granularity: 'daily' });
    expect(pricesOf(faulty)).toHaveLength(9);
    expect(pricesOf(sound)).toHaveLength(9 * 24);
  });

  test('empty sends no samples', async () => {
    expect((await compare({ kind: 'empty' })).faulty.text).toBe('{"prices":[],"market_caps":[],"total_volumes":[]}');
  });

  test('spike makes one price more than 10 times both its neighbours', async () => {
    const { faulty, sound } = await compare({ kind: 'spike' });
    const spiked = pricesOf(faulty);
    const changed = pricesOf(sound).flatMap(([, price], index) => (price === spiked[index]?.[1] ? [] : [index]));
    expect(changed).toHaveLength(1);
    const [index = 0] = changed;
    for (const neighbour of [index - 1, index + 1]) {
      expect(spiked[index]?.[1]).toBeGreaterThan(10 * (spiked[neighbour]?.[1] ?? Infinity));
    }
  });

  test('currency_ignored sends US dollars', async () => {
    const { faulty } = await compare({ kind: 'currency_ignored' });
    const url = `${simulator.baseUrl}/coins/bitcoin/market_chart/range?vs_currency=usd&from=2026-02-01&to=2026-02-10`;
    expect(faulty.text).toBe(await (await fetch(url)).text());
  });

  test('frozen repeats the first values', async () => {
    const { faulty, sound } = await compare({ kind: 'frozen' });
    expect(new Set(pricesOf(faulty).map(([, price]) => price))).toEqual(new Set([pricesOf(sound)[0]?.[1]]));
    expect(pricesOf(faulty).map(([at]) => at)).toEqual(pricesOf(sound).map(([at]) => at));
  });
});

describe('faults', () => {
  test('are chosen by request and by its index since they were set', async () => {
    simulator = await startSimulator({ now: () => now });
    await ask();
    const seen: [string, number][] = [];
    simulator.setFaults(({ path }, index) => {
      seen.push([path, index]);
      return index === 1 ? { kind: 'server_error' } : null;
    });
    expect([(await ask()).status, (await ask()).status, (await ask()).status]).toEqual([200, 500, 200]);
    expect(seen).toEqual([0, 1, 2].map((index) => ['/api/v3/coins/bitcoin/market_chart/range', index]));
  });

  test('from a function that throws answer with its message', async () => {
    simulator = await startSimulator({
      faults: () => {
        throw new Error('no such fault');
      },
    });
    expect(await ask()).toMatchObject({ status: 500, text: expect.stringContaining('no such fault') });
  });

  test('do not outlast the list', async () => {
    simulator = await startSimulator({ now: () => now, faults: [null, { kind: 'html' }] });
    expect([(await ask()).text[0], (await ask()).text[0], (await ask()).text[0]]).toEqual(['{', '<', '{']);
  });
});
