import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { PLANS } from '../../ingestion/contract/settings.ts';
import { createDatabase, type Database } from '../../ingestion/database/connection.ts';
import { RefusedError } from '../../ingestion/domain/failure.ts';
import { runIdOf } from '../../ingestion/message/run-message.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { queueFolderOf } from '../../local/cli/with-database.ts';
import { createJsonLinesLog } from '../../local/output/terminal.ts';
import { callOnSchedule } from '../../local/stack/fire-on-schedule.ts';
import { type HopOutcome, type LocalStack, startLocalStack } from '../../local/stack/local-stack.ts';
import { type Simulator, startSimulator } from '../../simulator/server.ts';
import { FIRST_RUN_DAYS } from '../support/first-run.ts';
import { callCommand } from '../support/local-command.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { DEFAULT_UNIVERSE } from '../support/universe.ts';

const ROOT = join(import.meta.dirname, '../..');
const CRON_SECRET = `cron-${randomUUID()}`;
const API_KEY = `CG-${randomUUID()}`;
/** Beyond the plan's history: no retry can help. */
const HISTORY = { from: '2024-01-01', to: '2024-01-31' };

let simulator: Simulator;
let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  simulator = await startSimulator({ plan: 'demo', keys: [API_KEY], requestsPerMinute: null });
  testDatabase = await createTestDatabase();
  database = createDatabase({ url: testDatabase.url });
});
afterEach(() => {
  simulator.setFaults([]);
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  await simulator.close();
  await database.close();
  await testDatabase.drop();
  await rm(queueFolderOf(testDatabase.url), { recursive: true, force: true });
});

const call = (
  endpoint: string,
  options: { body?: object; key?: string; secret?: string; method?: string } = {},
): Promise<Response> =>
  fetch(endpoint, {
    method: options.method ?? 'POST',
    headers: {
      authorization: `Bearer ${options.secret ?? CRON_SECRET}`,
      ...(options.key ? { 'idempotency-key': options.key } : {}),
    },
    ...(options.body ? { body: JSON.stringify(options.body) } : {}),
  });
const bodyOf = async (response: Response) => (await response.json()) as { data: { runId: string } };
const runs = () => database.db.selectFrom('ingestion_runs').selectAll().orderBy('started_at').execute();

/** Looks until there is something. */
async function eventually<Found>(look: () => Found | undefined): Promise<Found> {
  for (let waitedMs = 0; waitedMs < 25_000; waitedMs += 10) {
    const found = look();
    if (found !== undefined) return found;
    await systemClock.sleep(10);
  }
  throw new Error('It has not come in 25 s.');
}

/** Starts the stack in this process. `outcomeOf` waits for the next outcome of a run. */
async function startHere(queueFolder: string, port = 0) {
  const outcomes: HopOutcome[] = [];
  const lines: string[] = [];
  const stack = await startLocalStack({
    databaseUrl: testDatabase.url,
    queueFolder,
    cronSecret: CRON_SECRET,
    source: {
      ...{ ...PLANS.demo, plan: 'demo', apiKey: API_KEY, baseUrl: simulator.baseUrl },
      ...{ requestsPerMinute: 10_000, crossRates: false, latestPrices: false },
    },
    universe: DEFAULT_UNIVERSE,
    port,
    log: createJsonLinesLog('debug', systemClock, (line) => lines.push(line)),
    renderPage: async () => '<p>The page</p>',
    onError: (error) => lines.push(`Error: ${error}`),
    onHop: (outcome) => outcomes.push(outcome),
  });
  const outcomeOf = (runId: string): Promise<HopOutcome> =>
    eventually(() => {
      const index = outcomes.findIndex((one) => one.runId === runId);
      return index < 0 ? undefined : outcomes.splice(index, 1)[0];
    });
  return { stack, outcomeOf, lines };
}

/** @returns what the queues keep when the work is done. */
async function withStack(work: (here: Awaited<ReturnType<typeof startHere>>) => Promise<void>) {
  const here = await startHere(queueFolderOf(testDatabase.url));
  try {
    await work(here);
  } catch (error) {
    await here.stack.stop();
    throw error;
  }
  return await here.stack.stop();
}

describe('the stack', () => {
  let folder: string;
  let here: Awaited<ReturnType<typeof startHere>>;
  let stack: LocalStack;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'queue-'));
    here = await startHere(folder);
    ({ stack } = here);
  });
  afterAll(async () => {
    await stack.stop();
    await rm(folder, { recursive: true });
  });

  test('the whole way: a call, the queue, the worker and rows; the same trigger again is the same run', async () => {
    const accepted = await call(stack.endpointUrl, { key: 'first' });
    expect(accepted.status).toBe(202);
    const { runId } = (await bodyOf(accepted)).data;
    expect(runId).toBe(runIdOf('key:first'));
    const days = { status: 'complete', expectedDays: 44 * FIRST_RUN_DAYS, storedDays: 44 * FIRST_RUN_DAYS };
    expect(await here.outcomeOf(runId)).toMatchObject({ verdict: days });
    const { count } = await database.db
      .selectFrom('daily_prices')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('is_final', '=', true)
      .executeTakeFirstOrThrow();
    expect(count).toBe(44 * FIRST_RUN_DAYS);
    expect(await bodyOf(await call(stack.endpointUrl, { key: 'first' }))).toMatchObject({ data: { runId } });
    expect(await runs()).toMatchObject([{ id: runId, status: 'complete' }]);

    const scheduled = await callOnSchedule(stack.endpointUrl, CRON_SECRET, systemClock.now());
    expect(await here.outcomeOf(scheduled)).toMatchObject({ verdict: { status: 'complete', requests: 0 } });
    expect(here.lines.join('\n')).toContain('"message":"Hop done"');
  });

  test('answers as the gateway and the endpoint do, and with the page', async () => {
    const health = await call(stack.endpointUrl, { method: 'GET' });
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({ success: true, data: { status: 'ready' } });
    expect((await call(stack.endpointUrl, { secret: 'another' })).status).toBe(401);
    expect((await call(stack.endpointUrl, { body: { coins: ['luna'] } })).status).toBe(400);
    const put = await call(stack.endpointUrl, { method: 'PUT' });
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, POST']);
    const elsewhere = await fetch(new URL('/api/cron', stack.url), { method: 'POST' });
    expect([elsewhere.status, await elsewhere.json()]).toEqual([404, { message: 'Not Found' }]);
    const page = await fetch(stack.url);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await page.text()).toBe('<p>The page</p>');
  });

  test('a second one on its queue is refused with its address; a taken port is said', async () => {
    await expect(startHere(folder)).rejects.toThrow(`Its page is ${stack.url}`);
    const other = await mkdtemp(join(tmpdir(), 'queue-'));
    const { port } = new URL(stack.url);
    await expect(startHere(other, Number(port))).rejects.toThrow(`The port ${port} is taken`);
    await rm(other, { recursive: true });
  });
});

const children: ChildProcess[] = [];

function command(name: string, args: string[] = [], requestsPerMinute = 10_000) {
  const child = spawn(process.execPath, ['--import', './bin/require-node.mjs', 'bin/ingest.ts', name, ...args], {
    cwd: ROOT,
    env: {
      ...process.env,
      DATABASE_URL: testDatabase.url,
      CRON_SECRET,
      COINGECKO_API_KEY: API_KEY,
      LOG_LEVEL: 'debug',
      COINGECKO_BASE_URL: simulator.baseUrl,
      COINGECKO_REQUESTS_PER_MINUTE: `${requestsPerMinute}`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
    });
  const exited = once(child, 'close').then(([code]) => code as number | null);
  return {
    child,
    output,
    exited,
    /** Waits for the pattern in what is printed. @returns its first group. */
    async printed(pattern: RegExp): Promise<string> {
      const [all, first] = await eventually(() => {
        if (child.exitCode !== null) throw new Error(`Ended with ${child.exitCode}: ${output.stdout}${output.stderr}`);
        return pattern.exec(output.stdout + output.stderr) ?? undefined;
      });
      return first ?? all;
    },
  };
}

/** @returns the addresses that a process listens on, as Linux writes them: hexadecimal, `0100007F` is 127.0.0.1. */
async function listeningOn(pid: number): Promise<string[]> {
  const links = (await readdir(`/proc/${pid}/fd`)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''));
  const sockets = new Set(await Promise.all(links));
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'utf8')));
  return tables
    .flatMap((table) => table.split('\n').map((line) => line.trim().split(/\s+/)))
    .filter(([, , , state, , , , , , inode]) => state === '0A' && sockets.has(`socket:[${inode}]`))
    .map(([, local = '']) => local);
}

/** Makes answers slow. @returns a promise of the eighth request from now on. */
function slowly(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  simulator.setFaults((_, index) => {
    if (index === 7) resolve();
    return { kind: 'latency', durationMs: 100 };
  });
  return promise;
}

// One history of a database in four acts: each goes on with what the one before it left.
describe('npm start', () => {
  const KEYS = ['one', 'two', 'three'];
  const DEAD = runIdOf('key:dead');
  const statusOf = async (key: string) => (await runs()).find(({ id }) => id === runIdOf(`key:${key}`))?.status;
  const forget = async () => {
    await database.db.deleteFrom('daily_prices').execute();
    await database.db.deleteFrom('requests').execute();
  };

  test('Ctrl-C in the middle of a run stores what is in hand, records it, and keeps what was accepted', async () => {
    await forget();
    const isUnderWay = slowly();
    // Fewer at once than the run needs: something is left to begin.
    const stack = command('start', [], 10);
    const endpoint = await stack.printed(/Endpoint +(http:\S+)/);
    if (process.platform === 'linux') {
      const port = Number(new URL(endpoint).port).toString(16).toUpperCase().padStart(4, '0');
      expect(await listeningOn(stack.child.pid ?? 0)).toEqual([`0100007F:${port}`]);
    }
    for (const key of KEYS) expect((await call(endpoint, { key })).status).toBe(202);
    await isUnderWay;
    expect(await (await fetch(new URL('/', endpoint))).text()).toContain('<h1>Crypto prices</h1>');
    stack.child.kill('SIGINT');
    expect(await stack.exited).toBe(0);
    await expect(fetch(endpoint)).rejects.toThrow();
    const run = (await runs()).at(-1);
    expect(run).toMatchObject({ status: 'interrupted', error: expect.stringContaining('Interrupted'), requests: 10 });
    // Every answer that came is stored.
    expect(run?.stored_days).toBe((run?.credits ?? 0) * FIRST_RUN_DAYS);
    expect(stack.output.stderr).toContain('Runs in the queue: 3.');
    const everything = stack.output.stdout + stack.output.stderr;
    const { password } = new URL(testDatabase.url);
    for (const secret of [CRON_SECRET, API_KEY, ...(password ? [password] : [])])
      expect(everything).not.toContain(secret);
  });

  test('SIGKILL while it goes on with them loses nothing either', async () => {
    await forget();
    const isUnderWay = slowly();
    const stack = command('start', [], 10);
    const endpoint = await stack.printed(/Endpoint +(http:\S+)/);
    await stack.printed(/Runs accepted before, and taken up now: 3\./);
    await isUnderWay;
    expect((await call(endpoint, { key: 'last' })).status).toBe(202);
    stack.child.kill('SIGKILL');
    await stack.exited;

    simulator.setFaults([]);
    const kept = await withStack(async ({ stack: next, outcomeOf }) => {
      expect(next.takenUp).toEqual({ runs: 4, deadLetters: 0 });
      for (const key of [...KEYS, 'last'])
        expect(await outcomeOf(runIdOf(`key:${key}`))).toMatchObject({ verdict: { status: 'complete' } });
      await call(next.endpointUrl, { key: 'dead', body: HISTORY });
      expect(await outcomeOf(DEAD)).toMatchObject({ error: expect.any(RefusedError) });
    });
    expect(kept).toEqual({ runs: 0, deadLetters: 1 });
    expect(await Promise.all(KEYS.map(statusOf))).toEqual(KEYS.map(() => 'complete'));
  });

  test('a dead letter stays one, and npm run redrive brings it back to the stack that runs', async () => {
    const kept = await withStack(async ({ stack: next, outcomeOf }) => {
      expect(next.takenUp).toEqual({ runs: 0, deadLetters: 1 });
      const moved = command('redrive', ['--json']);
      expect(await moved.exited).toBe(0);
      expect(JSON.parse(moved.output.stdout)).toMatchObject({ moved: [{ runId: DEAD, hop: 0 }] });
      expect(await outcomeOf(DEAD)).toMatchObject({ error: expect.any(RefusedError) });
    });
    expect(kept).toEqual({ runs: 0, deadLetters: 1 });
  });

  test('--host for others needs a secret of your own', async () => {
    const { code, stderr } = await callCommand(['start', '--host', '0.0.0.0'], { DATABASE_URL: testDatabase.url });
    expect([code, stderr.trim()]).toEqual([
      2,
      '--host is "0.0.0.0", which others can reach: set CRON_SECRET to a secret of your own first.',
    ]);
  });

  test('npm run redrive refuses a queue that is nowhere, in one sentence', async () => {
    const { exited, output } = command('redrive', ['--queue', 'http://127.0.0.1:1/000000000000/runs.fifo']);
    expect(await exited).toBe(2);
    expect(output.stderr.trim().split('\n').at(-1)).toMatch(/--queue is "http/);
  });
});
