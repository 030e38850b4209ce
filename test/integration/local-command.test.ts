import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { createDatabase } from '../../ingestion/database/connection.ts';
import { createRepositories } from '../../ingestion/database/repositories.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { createProgram } from '../../local/cli/all-commands.ts';
import { runCommandLine } from '../../local/cli/command-line.ts';
import { showError } from '../../local/cli/run-command.ts';
import { createTerminal } from '../../local/output/terminal.ts';
import { type Simulator, startSimulator } from '../../simulator/server.ts';
import { FIRST_RUN_DAYS } from '../support/first-run.ts';
import { type CommandResult, callCommand, createHost, startCommand } from '../support/local-command.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { writeUniverse } from '../support/universe.ts';

const NOW = Date.UTC(2026, 2, 15, 6);
const NOW_TEXT = '2026-03-15T06:00:00Z';
const UNIVERSE = {
  coins: [
    { id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' },
    { id: 'ethereum', symbol: 'eth', name: 'Ethereum' },
  ],
  currencies: [
    { code: 'usd', name: 'US dollar' },
    { code: 'eur', name: 'Euro' },
  ],
};

let simulator: Simulator;
let database: TestDatabase;
/** Takes its time, because it tries again and again: it runs beside the other tests. */
let withoutNetwork: Promise<CommandResult>;
let unreached: TestDatabase;

const UNIVERSE_FILE = writeUniverse(UNIVERSE);
const ONE_SERIES_FILE = writeUniverse({
  coins: UNIVERSE.coins.slice(0, 1),
  currencies: UNIVERSE.currencies.slice(0, 1),
});

/** A stack trace names a place in a file. */
const STACK = /\n\s+at .*:\d+:\d+/;

const settings = (): Record<string, string> => ({
  DATABASE_URL: database.url,
  COINGECKO_BASE_URL: simulator.baseUrl,
  COINGECKO_REQUESTS_PER_MINUTE: '1000',
  UNIVERSE: UNIVERSE_FILE,
});

async function query<Row extends pg.QueryResultRow>(statement: string, { url } = database): Promise<Row[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<Row>(statement)).rows;
  } finally {
    await client.end();
  }
}

beforeAll(async () => {
  simulator = await startSimulator({ now: () => NOW, universe: UNIVERSE });
  database = await createTestDatabase();
  unreached = await createTestDatabase();
  withoutNetwork = startCommand(['fetch-data'], {
    DATABASE_URL: unreached.url,
    COINGECKO_BASE_URL: await closedPort(),
    UNIVERSE: ONE_SERIES_FILE,
  }).result;
});

afterAll(async () => {
  await simulator.close();
  await withoutNetwork;
  await database.drop();
  await unreached.drop();
});

describe('in order, on one database', () => {
  test('fetch-data --dry-run shows the plan, asks nothing and leaves no trace', async () => {
    const asked = simulator.requests.length;
    const args = ['fetch-data', '--dry-run', '--now', NOW_TEXT];
    const { code, stdout, stderr } = await callCommand(args, { ...settings(), COINGECKO_REQUESTS_PER_MINUTE: '2' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/│ bitcoin +│ usd, eur +│ +2 │ +60 │ 2026-02-13 │ 2026-03-14 │/);
    expect(stdout).toContain(
      '4 requests for 120 missing days, 1 for the latest prices: 5 credits, beside the 0 used this month (UTC).',
    );
    expect(stdout).toMatch(/At 2 a minute they take at least 2 min \d+ s\.\nNothing was sent\./);
    const { stdout: json } = await callCommand([...args, '--json'], settings());
    expect(JSON.parse(json)).toMatchObject({
      ...{
        dryRun: true,
        requests: 5,
        latestRequests: 1,
        credits: 5,
        creditsThisMonth: 0,
        gapDays: 120,
        monthlyCredits: null,
      },
      plan: expect.arrayContaining([
        {
          ...{ serves: ['ethereum/eur'] },
          ...{ coin: 'ethereum', currency: 'eur', days: 30, firstDay: '2026-02-13', lastDay: '2026-03-14' },
          ...{ from: '2026-02-11T12:00:00.000Z', to: expect.stringMatching(/^2026-03-15T06:/) },
        },
      ]),
    });
    expect(simulator.requests).toHaveLength(asked);
    for (const table of ['ingestion_runs', 'series', 'requested_ranges'])
      expect(await query(`select * from ${table}`)).toEqual([]);
  });

  test('fetch-data --json prints one verdict and nothing else, and exits 0', async () => {
    const { code, stdout, stderr } = await callCommand(['fetch-data', '--json', '--now', NOW_TEXT], settings());
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const verdict = JSON.parse(stdout);
    expect(verdict).toMatchObject({
      status: 'complete',
      expectedDays: 4 * 30,
      storedDays: 4 * 30,
      missingDays: 0,
      requests: 5,
      credits: 5,
      latestPrices: 4,
      crossRateDays: 0,
      retries: 0,
      rateLimited: 0,
      error: null,
    });
    expect(Object.keys(verdict)).toEqual(
      expect.arrayContaining(['runId', 'thinDays', 'unavailableDays', 'rowsWritten', 'rowsUnchanged', 'durationMs']),
    );
    expect(verdict.series).toHaveLength(4);
    expect(verdict.series).toContainEqual({
      coin: 'bitcoin',
      currency: 'eur',
      status: 'stored',
      daysWritten: expect.any(Number),
      error: null,
    });
    const [run] = await query<{ due_at: Date }>('select status, trigger, due_at from ingestion_runs');
    expect(run).toMatchObject({ status: 'complete', trigger: 'cli' });
    // The clock runs on from --now while the database opens.
    const aheadMs = (run?.due_at.getTime() ?? 0) - NOW;
    expect(aheadMs >= 0 && aheadMs < 60_000).toBe(true);
  });

  test('a person gets plain lines, a table by coin and what it came to', async () => {
    const { code, stdout, stderr } = await callCommand(['fetch-data', '--now', NOW_TEXT], settings());
    expect(code).toBe(0);
    expect(stderr).toBe('Nothing is missing: no request is needed.\n');
    expect(stdout).toMatch(/│ bitcoin +│ +0 │ current │/);
    expect(stdout).toContain('complete: 120 of 120 expected days are stored.');
    expect(stdout + stderr).not.toContain('\x1b');
  });

  test('backfill --dry-run counts what those days need, and they are not expected from then on', async () => {
    const days = ['--from', '2025-06-01', '--to', '2026-01-12', '--coin', 'bitcoin', '--currency', 'usd'];
    const { code, stdout } = await callCommand(
      ['backfill', ...days, '--dry-run', '--json', '--now', NOW_TEXT],
      settings(),
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ requests: 3, gapDays: 226, creditsThisMonth: 6 });
    expect(await query('select * from requested_ranges')).toEqual([]);
  });

  test('backfill asks for the days and series named', async () => {
    const days = ['--from', '2026-01-10', '--to', '2026-01-12'];
    const { code, stdout } = await callCommand(
      ['backfill', ...days, '--coin', 'ethereum', '--currency', 'usd', '--json', '--now', NOW_TEXT],
      settings(),
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'complete', expectedDays: 3, requests: 1, rowsWritten: 3 });
  });

  test('backfill of a day that is not settled yet says from when on it can be had, exit 2', async () => {
    const now = '2026-01-13T00:30:00Z';
    const { code, stdout, stderr } = await callCommand(
      ['backfill', '--from', '2026-01-12', '--to', '2026-01-12', '--now', now],
      settings(),
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('from 2026-01-13T01:15:00.000Z on');
  });

  test('backfill --refetch asks for days that are stored, and changes nothing that is the same', async () => {
    const days = ['--from', '2026-01-10', '--to', '2026-01-12'];
    const { stdout } = await callCommand(
      ['backfill', ...days, '--coin', 'ethereum', '--currency', 'usd', '--refetch', '--json', '--now', NOW_TEXT],
      settings(),
    );
    expect(JSON.parse(stdout)).toMatchObject({ requests: 1, rowsWritten: 0, rowsUnchanged: 3 });
  });

  test('status --json tells coverage, runs and credits', async () => {
    const { code, stdout, stderr } = await callCommand(['status', '--json'], settings());
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const status = JSON.parse(stdout);
    expect(status.series).toHaveLength(4);
    expect(status.series[2]).toMatchObject({ coin: 'ethereum', currency: 'usd', firstFinalDay: '2026-01-10' });
    expect(status.runs).toHaveLength(4);
    expect(status.runs).toContainEqual(expect.objectContaining({ status: 'complete', requests: 5, credits: 5 }));
  });

  test('status shows a person coverage by coin and the last runs', async () => {
    const { code, stdout } = await callCommand(['status'], settings());
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Complete: NO full run since .*\nMissing: .*\nNext: npm run fetch-data /);
    expect(stdout).toMatch(/│ bitcoin +│ all 2 +│ 2026-03-14 +│ +30 │/);
    expect(stdout).toMatch(/│ cli +│ complete │/);
    expect(stdout).toContain('Credits used this month (UTC): ');
  });

  test('status --run shows one run with its series', async () => {
    const [run] = await query<{ id: string }>('select id from ingestion_runs order by requests desc limit 1');
    const { code, stdout } = await callCommand(['status', '--run', String(run?.id), '--json'], settings());
    expect(code).toBe(0);
    expect(JSON.parse(stdout).runs).toMatchObject([{ runId: run?.id, series: { length: 4 }, findings: [] }]);
    const text = await callCommand(['status', '--run', String(run?.id).slice(0, 8)], settings());
    expect(text.stdout).toContain(`Run ${run?.id} (cli:`);
  });

  test('report writes the page where it is told to', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'report-'));
    const file = join(folder, 'page.html');
    const { code, stdout } = await callCommand(['report', '--out', file, '--json'], settings());
    const page = await readFile(file, 'utf8');
    await rm(folder, { recursive: true });
    expect({ code, document: JSON.parse(stdout) }).toEqual({ code: 0, document: { file } });
    expect(page).toContain('2026-03-15 06:00');
  });

  test('another ingestion at work: exit code 3 and one sentence', async () => {
    const holder = createDatabase({ url: database.url });
    const lock = await createRepositories(holder, { clock: systemClock }).lock.acquire(0);
    const { code, stdout } = await callCommand(['fetch-data', '--json', '--now', NOW_TEXT], settings());
    await lock.release();
    await holder.close();
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toEqual({
      error: { name: 'LockTakenError', message: expect.stringMatching(/^Another ingestion is running/) },
    });
  });
});

describe('Ctrl-C', () => {
  let own: TestDatabase;
  const ownSettings = () => ({ ...settings(), DATABASE_URL: own.url, COINGECKO_REQUESTS_PER_MINUTE: '1' });
  beforeEach(async () => {
    own = await createTestDatabase();
  });
  afterEach(async () => {
    simulator.setFaults([]);
    await own.drop();
  });

  /** Every answer takes that long. @returns when the first request has arrived. */
  const slowAnswers = (durationMs: number) =>
    new Promise<void>((arrived) => {
      simulator.setFaults(() => {
        arrived();
        return { kind: 'latency', durationMs };
      });
    });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s: what is in hand is stored, the run is interrupted, exit 1',
    async (signal) => {
      const inHand = slowAnswers(500);
      const { child, result } = startCommand(['fetch-data', '--json', '--now', NOW_TEXT], ownSettings());
      await inHand;
      child.kill(signal);
      const { code, stdout } = await result;
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({ status: 'interrupted', requests: 1, storedDays: 30, missingDays: 90 });
      expect(await query('select status from ingestion_runs', own)).toEqual([{ status: 'interrupted' }]);
    },
  );

  test('a second one ends at once with 130', async () => {
    const inHand = slowAnswers(60_000);
    const { child, result } = startCommand(['fetch-data', '--now', NOW_TEXT], ownSettings());
    await inHand;
    const pressing = setInterval(() => child.kill('SIGINT'), 100);
    const { code, stderr } = await result;
    clearInterval(pressing);
    expect(code).toBe(130);
    expect(stderr).toContain('Press Ctrl-C again to leave at once.');
    expect(stderr).not.toMatch(STACK);
  });
});

test('without a network: exit 1, a sentence that says so, and a failed run recorded', async () => {
  const { code, stdout, stderr } = await withoutNetwork;
  expect(code).toBe(1);
  expect(stdout).toContain(`\nfailed: 0 of ${FIRST_RUN_DAYS} expected days are stored, ${FIRST_RUN_DAYS} missing.\n`);
  expect(stdout).toMatch(/127\.0\.0\.1.*ECONNREFUSED/);
  expect(stdout + stderr).not.toMatch(STACK);
  // They must not hide it.
  await query(
    `insert into ingestion_runs (id, trigger_key, trigger, due_at, request, status, started_at, finished_at, hops, history_days)
     select gen_random_uuid(), 'by hand ' || n, 'cli', now(), '{"coins":["bitcoin"]}', 'complete', now(), now(), 1, 365
     from generate_series(1, 10) n`,
    unreached,
  );
  const status = await callCommand(['status'], { DATABASE_URL: unreached.url, UNIVERSE: ONE_SERIES_FILE });
  expect(status.stdout).toMatch(
    /^Complete: NO .*\nMissing: \d\d days of 1 series since .* Why: CoinGecko was not reached;/,
  );
  const runs = await query('select status, error from ingestion_runs where is_full_run', unreached);
  expect(runs).toMatchObject([{ status: 'failed', error: expect.stringContaining('ECONNREFUSED') }]);
});

test('nobody reads any more: no stack trace, and the run is complete all the same', async () => {
  const own = await createTestDatabase();
  const { child, result } = startCommand(['fetch-data', '--now', NOW_TEXT], { ...settings(), DATABASE_URL: own.url });
  child.stdout?.destroy();
  child.stderr?.destroy();
  const { code } = await result;
  const runs = await query('select status from ingestion_runs', own);
  await own.drop();
  expect(code).toBe(0);
  expect(runs).toEqual([{ status: 'complete' }]);
});

test('an empty database gets its tables, and migrate says which migrations ran', async () => {
  const own = await createTestDatabase({ isEmpty: true });
  const env = { DATABASE_URL: own.url };
  const first = await callCommand(['migrate', '--json'], env);
  const second = await callCommand(['migrate'], env);
  await own.drop();
  expect(JSON.parse(first.stdout)).toEqual({ applied: expect.arrayContaining([expect.any(String)]), isNewer: false });
  expect(second).toEqual({ code: 0, stdout: 'The tables are already up to date.\n', stderr: '' });
});

describe('universe', () => {
  let listed: Simulator;
  beforeAll(async () => {
    listed = await startSimulator({
      universe: {
        coins: [
          ...UNIVERSE.coins,
          { id: 'pepe', symbol: 'pepe', name: 'Pepe' },
          { id: 'pepe-bep20', symbol: 'pepe', name: 'PEPE (BEP-20)' },
          { id: 'shiba-inu', symbol: 'shib', name: 'Shiba Inu' },
          { id: 'shiba-inu-empire', symbol: 'shib', name: 'Shiba Inu Empire' },
        ],
        currencies: [...UNIVERSE.currencies, { code: 'jpy', name: 'JPY' }, { code: 'btc', name: 'BTC' }],
      },
    });
  });
  afterAll(() => listed.close());
  afterEach(() => listed.setFaults([]));

  const universe = (file: string, ...words: string[]) =>
    callCommand(['universe', ...words], { COINGECKO_BASE_URL: listed.baseUrl, UNIVERSE: file });

  test('add takes an id and a currency, says what is already there, and writes the file', async () => {
    const file = writeUniverse(UNIVERSE);
    const { code, stdout, stderr } = await universe(file, 'add', 'pepe', 'JPY', 'btc', '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const pepe = { id: 'pepe', symbol: 'pepe', name: 'Pepe' };
    const jpy = { code: 'jpy', name: 'Japanese Yen' };
    expect(JSON.parse(stdout)).toEqual({
      file,
      added: [
        { kind: 'coin', ...pepe },
        { kind: 'currency', ...jpy },
      ],
      alreadyTracked: [{ kind: 'coin', ...UNIVERSE.coins[0] }],
      newSeries: 5,
    });
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
      ...{ coins: [...UNIVERSE.coins, pepe], currencies: [...UNIVERSE.currencies, jpy] },
    });
  });

  test.each([
    ['add jpy shib', /^"shib" fits 2: name one of them\.\n {2}shiba-inu .*\n {2}shiba-inu-empire /],
    ['add jpy pepo', /no currency "pepo"; the nearest coin is pepe \(Pepe, pepe\)\./],
    ['remove eur etherium', /^"etherium" is not tracked; the nearest that is: ethereum\./],
    ['remove usd eur', /^That would leave no currency/],
    ['list jpy', /^list takes no coins or currencies; found "jpy"/],
    ['add', /^add what\? /],
  ])('%s: exit 2, and nothing is written', async (words, sentence) => {
    const file = writeUniverse(UNIVERSE);
    const { code, stdout, stderr } = await universe(file, ...words.split(' '));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(sentence);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(UNIVERSE);
  });

  test('remove says what becomes of the rows, and list shows what is left', async () => {
    const file = writeUniverse(UNIVERSE);
    const removed = await universe(file, 'remove', 'eth', 'usd');
    expect(removed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Removed .*\nRows that are stored stay/) });
    const { code, stdout } = await universe(file, 'list');
    expect(code).toBe(0);
    expect(stdout).toMatch(/│ bitcoin │ btc .*│ eur +│ Euro │.*\n1 series/s);
    expect(stdout).not.toMatch(/ethereum|usd/);
  });

  test('check exits 0 where CoinGecko lists everything, after it has waited out a 429', async () => {
    listed.setFaults([{ kind: 'rate_limited', retryAfterSeconds: 1 }]);
    const { code, stdout, stderr } = await universe(UNIVERSE_FILE, 'check');
    expect(stdout).toBe('CoinGecko lists all 2 coins and 2 currencies, as they are tracked.\n');
    expect(stderr).toMatch(/too many requests .* – trying again in 1 s\n$/);
    expect(code).toBe(0);
  });

  test('check exits 1, names what differs and counts it', async () => {
    const own = writeUniverse({ ...UNIVERSE, currencies: [...UNIVERSE.currencies, { code: 'xyz', name: 'Nothing' }] });
    const { code, stdout } = await universe(own, 'check');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^xyz \(Nothing\): CoinGecko has no prices in this currency\.\n0 of 2 coins and 1 of 3 cur/);
  });

  test('check exits 2 where CoinGecko can not be asked', async () => {
    listed.setFaults([{ kind: 'reply', status: 401, body: { status: { error_code: 10002, error_message: 'No.' } } }]);
    const { code, stdout } = await universe(UNIVERSE_FILE, 'check', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({ error: { name: 'SourceError', message: expect.stringMatching(/key/) } });
  });
});

describe('wrong use exits 2 with one sentence', () => {
  const DAYS = '--from 2026-01-01 --to 2026-01-02';
  test.each<[string, Record<string, string>, RegExp]>([
    ['backfill', {}, /^backfill needs its days: --from/],
    [`backfill ${DAYS} --coin bitcon`, {}, /^coins: found "bitcon", expected/],
    ['backfill --from 2020-01-01 --to 2020-01-02', {}, /^The request begins on 2020-01-01; the CoinGecko plan/],
    [`backfill ${DAYS} --now ${NOW_TEXT}`, { COINGECKO_MONTHLY_CREDITS: '1' }, /^This request needs \d credits/],
    [`backfill ${DAYS} --dry-run --now ${NOW_TEXT}`, { COINGECKO_MONTHLY_CREDITS: '1' }, /^This request needs \d cre/],
    ['fetch-data --now soon', {}, /^--now is "soon"; it takes a moment like/],
    [
      `fetch-data --now ${NOW_TEXT}`,
      { COINGECKO_BASE_URL: '' },
      /^--now is for tests and replays: .*api.coingecko.com/,
    ],
    ['status --run 7', {}, /^--run is "7"; it takes a run's id/],
    ['status --run 0b9c1f4e-5a3d-5c7e-8f10-2a4b6c8d0e1f', {}, /^There is no run 0b9c1f4e/],
    ['report --out /nowhere/page.html', {}, /^\/nowhere\/page\.html can't be written: ENOENT/],
    ['status', { DATABASE_URL: 'postgres://me:word@127.0.0.1' }, /^DATABASE_URL names no database/],
  ])('%s with %j', async (line, env, sentence) => {
    const { code, stdout, stderr } = await callCommand(line.split(' '), { ...settings(), ...env });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trimEnd()).toMatch(sentence);
    expect(
      stderr
        .trimEnd()
        .split('\n')
        .filter((line) => !line.startsWith('{')),
    ).toHaveLength(1);
  });

  test('and a stack trace only at LOG_LEVEL=debug', async () => {
    const { stderr } = await callCommand(['status', '--nonsense'], { LOG_LEVEL: 'debug' });
    expect(stderr).toMatch(STACK);
  });
});

test('a database that is not there: exit 1 and a sentence that does not show the password', async () => {
  const { code, stdout, stderr } = await callCommand(['status'], {
    DATABASE_URL: (await closedPort()).replace('http://', 'postgres://me:word@').replace(/\/api.*/, '/prices'),
  });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^The database "prices" on 127.0.0.1:\d+ can't be reached: .*\n$/);
  expect(stderr).not.toContain('word');
});

test('a database server that is not up yet is waited for by a run, and that is said once', async () => {
  const { hostname, port } = new URL(database.url);
  const url = new URL(database.url);
  url.port = new URL(await closedPort()).port;
  const { host, output } = createHost({ ...settings(), DATABASE_URL: url.href });
  const code = runCommandLine(['fetch-data', '--now', NOW_TEXT], host);
  while (!output.stderr.includes('Waiting for the database')) await new Promise(setImmediate);
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) }, Number(url.port));
  expect(await code).toBe(0);
  await proxy.close();
  expect(output.stderr.match(/Waiting/g)).toHaveLength(1);
});

test('a database that the setting names wrongly: exit 2', async () => {
  const { code, stderr } = await callCommand(['status'], { DATABASE_URL: `${database.url}_not_there` });
  expect(stderr).toMatch(
    /^The database "\w+_not_there" on .* can't be reached: .*\. Create the database, or name another/,
  );
  expect(code).toBe(2);
});

test('what nobody foresaw is one sentence too, and exits 1', async () => {
  const { host, output } = createHost({});
  const terminal = createTerminal(host.stdout, host.stderr, false);
  expect(showError(new TypeError('the sky fell'), { host, terminal })).toBe(1);
  expect(output).toEqual({
    stdout: '',
    stderr: 'Unexpected error: the sky fell. Set LOG_LEVEL=debug to see where.\n',
  });
});

test('every command starts in a process of its own', async () => {
  const names = createProgram(async () => {}).commands.map((command) => command.name());
  const results = await Promise.all(
    names.map(async (name) => {
      const args = { import: ['prices.csv'], universe: ['list'] }[name] ?? [];
      return await startCommand([name, ...args], { LOG_LEVEL: 'loud' }).result;
    }),
  );
  const refused = { code: 2, stdout: '', stderr: 'LOG_LEVEL is "loud"; it takes debug, info, warn or error.\n' };
  expect(results).toEqual(names.map(() => refused));
});

/** The address of a CoinGecko that nobody answers at. */
async function closedPort(): Promise<string> {
  const gone = await startSimulator();
  await gone.close();
  return gone.baseUrl;
}
