import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createDatabase, type Database } from '../../ingestion/database/connection.ts';
import { runIdOf } from '../../ingestion/message/run-id.ts';
import { queueFolderOf } from '../../local/cli/commands/start.ts';
import { type Simulator, startSimulator } from '../../simulator/server.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';

const ROOT = join(import.meta.dirname, '../..');
const CRON_SECRET = `cron-${randomUUID()}`;
const API_KEY = `CG-${randomUUID()}`;

let simulator: Simulator;
let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  simulator = await startSimulator({ plan: 'demo', keys: [API_KEY], requestsPerMinute: null });
});
afterAll(() => simulator.close());
beforeEach(async () => {
  testDatabase = await createTestDatabase();
  database = createDatabase({ url: testDatabase.url });
});
afterEach(async () => {
  simulator.setFaults([]);
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await database.close();
  await testDatabase.drop();
  await rm(queueFolderOf(testDatabase.url), { recursive: true, force: true });
});

const children: ChildProcess[] = [];

function command(name: string, args: string[] = [], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['--import', './bin/require-node.mjs', 'bin/ingest.ts', name, ...args], {
    cwd: ROOT,
    env: {
      ...process.env,
      DATABASE_URL: testDatabase.url,
      CRON_SECRET,
      COINGECKO_API_KEY: API_KEY,
      LOG_LEVEL: 'debug',
      COINGECKO_BASE_URL: simulator.baseUrl,
      COINGECKO_REQUESTS_PER_MINUTE: '10000',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const output = { stdout: '', stderr: '' };
  const watchers = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      for (const look of watchers) look();
    });
  }
  const exited = once(child, 'close').then(([code]) => code as number | null);
  return {
    child,
    output,
    exited,
    /** Waits for the pattern in what is printed. @returns its first group. */
    async printed(pattern: RegExp): Promise<string> {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const look = () => {
        const match = pattern.exec(output.stdout + output.stderr);
        if (match) resolve(match[1] ?? '');
      };
      watchers.add(look);
      look();
      void exited.then((code) => reject(new Error(`Ended with ${code}: ${output.stdout}${output.stderr}`)));
      return await promise.finally(() => watchers.delete(look));
    },
  };
}

async function start(env: Record<string, string> = {}) {
  const stack = command('start', [], env);
  const endpoint = await stack.printed(/Endpoint +(http:\S+)/);
  const call = (options: { body?: object; key?: string; secret?: string; method?: string } = {}) =>
    fetch(endpoint, {
      method: options.method ?? 'POST',
      headers: {
        authorization: `Bearer ${options.secret ?? CRON_SECRET}`,
        ...(options.key ? { 'idempotency-key': options.key } : {}),
      },
      ...(options.body ? { body: JSON.stringify(options.body) } : {}),
    });
  return { ...stack, endpoint, call };
}
type Stack = Awaited<ReturnType<typeof start>>;

async function stop({ child, exited }: Stack): Promise<number | null> {
  child.kill('SIGINT');
  return await exited;
}

const bodyOf = async (response: Response) => (await response.json()) as { data: Record<string, unknown> };
const runs = () => database.db.selectFrom('ingestion_runs').selectAll().orderBy('started_at').execute();

describe('npm start', () => {
  test('the whole way: a call, the queue, the worker, rows, and the page; Ctrl-C ends it', async () => {
    const stack = await start();
    const accepted = await stack.call({ key: 'first' });
    expect(accepted.status).toBe(202);
    const { runId } = (await bodyOf(accepted)).data;
    expect(runId).toBe(runIdOf('key:first'));
    await stack.printed(new RegExp(`Run ${runId} is complete: 1320 of 1320 expected days are stored`));
    const { count } = await database.db
      .selectFrom('daily_prices')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('is_final', '=', true)
      .executeTakeFirstOrThrow();
    expect(count).toBe(1_320);

    // The same trigger again is the same run.
    expect(await bodyOf(await stack.call({ key: 'first' }))).toMatchObject({ data: { runId } });
    expect(await runs()).toMatchObject([{ id: runId, status: 'complete' }]);

    const page = await fetch(new URL('/', stack.endpoint));
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await page.text()).toContain('Bitcoin');

    expect(await stop(stack)).toBe(0);
    await expect(fetch(stack.endpoint)).rejects.toThrow();
    const everything = stack.output.stdout + stack.output.stderr;
    expect(everything).toContain('"message":"Hop done"');
    const { password } = new URL(testDatabase.url);
    for (const secret of [CRON_SECRET, API_KEY, ...(password ? [password] : [])]) {
      expect(everything).not.toContain(secret);
    }
  });

  test('answers as the gateway and the endpoint do', async () => {
    const stack = await start();
    const health = await stack.call({ method: 'GET' });
    expect(health.status).toBe(200);
    expect(await bodyOf(health)).toMatchObject({ success: true, data: { status: 'ready' } });
    expect((await stack.call({ secret: 'another' })).status).toBe(401);
    expect((await stack.call({ body: { coins: ['luna'] } })).status).toBe(400);
    const put = await stack.call({ method: 'PUT' });
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, POST']);
    const elsewhere = await fetch(new URL('/api/cron', stack.endpoint), { method: 'POST' });
    expect([elsewhere.status, await elsewhere.json()]).toEqual([404, { message: 'Not Found' }]);
    expect(await stop(stack)).toBe(0);
  });

  test('two at once have ports of their own; a taken one is said', async () => {
    const [one, other] = await Promise.all([start(), start()]);
    expect(new URL(one.endpoint).port).not.toBe(new URL(other.endpoint).port);
    expect((await one.call({ method: 'GET' })).status).toBe(200);
    expect((await other.call({ method: 'GET' })).status).toBe(200);
    const { port } = new URL(one.endpoint);
    const third = command('start', ['--port', port]);
    expect(await third.exited).toBe(1);
    expect(third.output.stderr).toContain(`The port ${port} is taken`);
    expect(await Promise.all([stop(one), stop(other)])).toEqual([0, 0]);
  });

  test('Ctrl-C in the middle of a run finishes what is in hand and records it', async () => {
    let requests = 0;
    const { promise: isUnderWay, resolve } = Promise.withResolvers<void>();
    simulator.setFaults(() => {
      requests += 1;
      if (requests === 8) resolve();
      return { kind: 'latency', durationMs: 100 };
    });
    // Fewer at once than the run needs: something is left to begin.
    const stack = await start({ COINGECKO_REQUESTS_PER_MINUTE: '10' });
    await stack.call();
    await isUnderWay;
    expect(await stop(stack)).toBe(0);
    const [run] = await runs();
    expect(run).toMatchObject({ status: 'interrupted', error: expect.stringContaining('Interrupted') });
    expect(run?.requests).toBe(10);
    // Every answer that came is stored.
    expect(run?.stored_days).toBe((run?.credits ?? 0) * 30);
  });
});

describe('what was accepted outlives its process', () => {
  const KEYS = ['first', 'second', 'third'];
  const callAll = async (stack: Stack) => {
    for (const key of KEYS) expect((await stack.call({ key })).status).toBe(202);
  };
  const statuses = async () => Object.fromEntries((await runs()).map(({ id, status }) => [id, status]));
  const allComplete = Object.fromEntries(KEYS.map((key) => [runIdOf(`key:${key}`), 'complete']));
  const slowly = () => simulator.setFaults([{ kind: 'latency', durationMs: 300 }]);
  const completed = (stack: Stack) =>
    Promise.all(KEYS.map((key) => stack.printed(new RegExp(`Run ${runIdOf(`key:${key}`)} is complete`))));

  test.each(['SIGKILL', 'SIGINT'] as const)(
    '%s while one of three runs is worked on',
    async (signal) => {
      let requests = 0;
      const { promise: isUnderWay, resolve } = Promise.withResolvers<void>();
      simulator.setFaults(() => {
        requests += 1;
        if (requests === 8) resolve();
        return { kind: 'latency', durationMs: 300 };
      });
      const stack = await start({ COINGECKO_REQUESTS_PER_MINUTE: '10' });
      await callAll(stack);
      await isUnderWay;
      stack.child.kill(signal);
      await stack.exited;
      if (signal === 'SIGINT') expect(stack.output.stderr).toContain('Runs in the queue: 3.');

      simulator.setFaults([]);
      const next = await start();
      await next.printed(/Runs accepted before, and taken up now: 3\./);
      await completed(next);
      expect(await statuses()).toEqual(allComplete);
      expect(await stop(next)).toBe(0);
      // Nothing is left, and nothing is kept of it.
      expect(next.output.stderr).not.toContain('Runs in the queue');
      expect(existsSync(join(queueFolderOf(testDatabase.url), '1'))).toBe(false);
    },
    60_000,
  );

  test('SIGKILL as soon as the last call is answered', async () => {
    const stack = await start();
    slowly();
    await callAll(stack);
    stack.child.kill('SIGKILL');
    await stack.exited;
    simulator.setFaults([]);
    const next = await start();
    await completed(next);
    expect(await statuses()).toEqual(allComplete);
    expect(await stop(next)).toBe(0);
  }, 60_000);

  test('two at once share no queue; one that starts after both takes up what both left', async () => {
    const stacks = await Promise.all([start(), start()]);
    slowly();
    const called = await Promise.all(stacks.map((stack, index) => stack.call({ key: `of-${index}` })));
    expect(called.map(({ status }) => status)).toEqual([202, 202]);
    for (const { child } of stacks) child.kill('SIGKILL');
    await Promise.all(stacks.map(({ exited }) => exited));
    simulator.setFaults([]);
    const next = await start();
    for (const index of [0, 1]) await next.printed(new RegExp(`Run ${runIdOf(`key:of-${index}`)} is complete`));
    expect(await stop(next)).toBe(0);
  }, 60_000);

  test('a dead letter stays one, and a redrive brings it back', async () => {
    const stack = await start();
    const { data } = await bodyOf(await stack.call({ body: { from: '2024-01-01', to: '2024-01-31' } }));
    await stack.printed(/"disposition":\{"kind":"dead-letter","reason":"history"\}/);
    expect(await stop(stack)).toBe(0);
    const next = await start();
    await next.printed(/Runs in the dead-letter queue: 1\./);
    const moved = command('redrive', ['--json', '--queue', await next.printed(/Queue +(http:\S+)/)]);
    expect(await moved.exited).toBe(0);
    expect(JSON.parse(moved.output.stdout)).toMatchObject({ moved: [{ runId: data['runId'] }] });
    await next.printed(/"kind":"dead-letter"/);
    expect(await stop(next)).toBe(0);
  }, 60_000);
});

describe('npm run redrive', () => {
  test('moves a run that gave up back into the queue of the stack that runs', async () => {
    const stack = await start();
    // Beyond the plan's history: no retry can help.
    const { data } = await bodyOf(await stack.call({ body: { from: '2024-01-01', to: '2024-01-31' } }));
    await stack.printed(/"disposition":\{"kind":"dead-letter","reason":"history"\}/);

    const moved = command('redrive', ['--json', '--queue', await stack.printed(/Queue +(http:\S+)/)]);
    expect(await moved.exited).toBe(0);
    expect(JSON.parse(moved.output.stdout)).toMatchObject({ moved: [{ runId: data['runId'], hop: 0 }] });
    await stack.printed(/(?:"kind":"dead-letter"[\s\S]*){2}/);

    expect(await stop(stack)).toBe(0);
  });

  test.each([
    [['--queue', 'runs'], /--queue is "runs"/],
    [['--queue', 'http://127.0.0.1:1/000000000000/runs.fifo'], /--queue is "http/],
  ])('%j is refused in one sentence', async (args, sentence) => {
    const { exited, output } = command('redrive', args);
    expect(await exited).toBe(2);
    expect(output.stderr.trim().split('\n').at(-1)).toMatch(sentence);
  });
});
