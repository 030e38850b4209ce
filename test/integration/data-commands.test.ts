import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { createRepositories } from '../../ingestion/database/repositories.ts';
import { LockLostError } from '../../ingestion/domain/failure.ts';
import { runCommandLine } from '../../local/cli/command-line.ts';
import { type CommandEnvironment, callCommand, createHost, startCommand } from '../support/local-command.ts';
import { useTestDatabase } from '../support/test-database.ts';
import { startTestIngestion, type TestIngestion } from '../support/test-ingestion.ts';
import { TWO_COINS } from '../support/two-coins.ts';
import { writeUniverse } from '../support/universe.ts';

const testDatabase = await useTestDatabase();
const UNIVERSE = writeUniverse(TWO_COINS);
let ingestion: TestIngestion;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'data-commands-'));
  ingestion = await startTestIngestion({ databaseUrl: testDatabase.url, now: '2026-11-23T02:00:00Z' });
  await ingestion.run({ request: { from: '2026-11-20', to: '2026-11-22' } });
});
afterAll(async () => {
  await ingestion.close();
  await rm(folder, { recursive: true });
});

const run = (args: readonly string[], env: CommandEnvironment = {}) =>
  callCommand(args, { DATABASE_URL: testDatabase.url, UNIVERSE, ...env });
const query = async <Row>(statement: string): Promise<Row[]> =>
  (await sql.raw<Row>(statement).execute(ingestion.database.db)).rows;
const OF_BITCOIN = `from daily_prices where coin_id = 'bitcoin' and currency = 'usd' and day >= '2026-11-20'`;
/** The digits that PostgreSQL has. */
const averages = () =>
  query<{ day: string; average: string }>(
    `select day, average::text ${OF_BITCOIN} and day <= '2026-11-22' order by day`,
  );

describe('sql', () => {
  /** The tests' own login is one. */
  const SUPERUSER =
    'This login is a superuser: a statement can do more than read. docs/connect.md has a login that only reads.\n';

  test('a person gets a table', async () => {
    const { code, stdout, stderr } = await run(['sql', `select day, average ${OF_BITCOIN} order by day limit 1`]);
    const [first] = await averages();
    expect({ code, stderr }).toEqual({ code: 0, stderr: SUPERUSER });
    expect(stdout.split('\n').slice(3)).toEqual([
      `│ 2026-11-20 │ ${first?.average} │`,
      expect.stringMatching(/^└─+┴─+┘$/),
      '1 row.',
      '',
    ]);
  });

  test('--csv and --json hold every digit, and nothing else is on stdout', async () => {
    const statement = `select day, average, is_final ${OF_BITCOIN} and day <= '2026-11-22' order by day`;
    const csv = await run(['sql', statement, '--csv']);
    const json = await run(['sql', statement, '--json']);
    const expected = await query<Record<string, unknown>>(statement.replace('average', 'average::text'));
    expect({ code: csv.code, stderr: csv.stderr }).toEqual({ code: 0, stderr: SUPERUSER });
    expect(csv.stdout).toBe(
      ['day,average,is_final', ...expected.map((row) => Object.values(row).join(',')), ''].join('\n'),
    );
    expect(JSON.parse(json.stdout)).toEqual(expected);
  });

  const NOT_EXECUTED = /^npm run sql only reads, and the statement gives no rows: it was not executed\./;
  test.each([
    [
      'select pric from daily_prices',
      /refuses the statement: column "pric" does not exist, at "pric from daily_prices"\.$/,
    ],
    ['selct 1', /^PostgreSQL refuses the statement: syntax error at or near "selct", at "selct 1"\.$/],
    ['select 1 / 0', /^PostgreSQL refuses the statement: division by zero\.$/],
    ['select 1; select 2', /^There are several statements; it takes one at a time\.$/],
    [
      'delete from daily_prices returning day',
      /^npm run sql only reads: cannot execute DELETE .* To change data, connect with another client/,
    ],
    ['commit', NOT_EXECUTED],
    ["/**/ copy (select 1) to program 'touch EXECUTED'", NOT_EXECUTED],
    ["do $$ begin execute 'copy (select 1) to program ''touch EXECUTED'''; end $$", NOT_EXECUTED],
    [' ', /^The statement is empty;/],
  ])('%s: one sentence, exit 2', async (statement, sentence) => {
    const executed = join(folder, 'executed');
    const { code, stdout, stderr } = await run(['sql', statement.replace('EXECUTED', executed)]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    const said = stderr.replace(SUPERUSER, '').trimEnd();
    expect(said).toMatch(sentence);
    expect(said).not.toContain('\n');
    expect(existsSync(executed)).toBe(false);
  });

  test('two columns of one name are refused in JSON', async () => {
    expect(await run(['sql', 'select day, day from daily_prices', '--json'])).toMatchObject({
      code: 2,
      stdout: expect.stringContaining('Two columns are called \\"day\\"'),
    });
  });

  test('a statement that fails midway ends what is on stdout, and the sentence is on stderr', async () => {
    const { code, stdout, stderr } = await run([
      'sql',
      'select 1 / (3000 - n) as x from generate_series(1, 4000) n',
      '--json',
    ]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: 'PostgreSQL refuses the statement: division by zero.\n' });
    expect(stdout).toMatch(/^\[\n\{"x":0\}/);
    expect(stdout).not.toContain('error');
  });

  test('Ctrl-C ends the statement on the server too', async () => {
    const running = `select pid from pg_stat_activity where query like 'select pg_sleep(60)%' and state = 'active'`;
    const { host, output } = createHost({ DATABASE_URL: testDatabase.url, UNIVERSE });
    const code = runCommandLine(['sql', 'select pg_sleep(60)'], host);
    while ((await query(running)).length === 0);
    host.emit('SIGINT');
    expect({ code: await code, stderr: output.stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/Interrupted by SIGINT\.\n$/),
    });
    expect(await query(running)).toEqual([]);
  });

  test('nobody reads any more: an endless result ends', async () => {
    const { child, result } = startCommand(['sql', 'select generate_series(1, 2000000000)', '--csv'], {
      DATABASE_URL: testDatabase.url,
      UNIVERSE,
    });
    child.stdout?.once('data', () => child.stdout?.destroy());
    expect(await result).toMatchObject({ code: 0, stderr: SUPERUSER });
  });

  test('a role that may only read can use it', async () => {
    const role = `reader_${process.pid}`;
    await query(`create role ${role} login password 'word' in role price_reader`);
    const url = new URL(testDatabase.url);
    url.username = role;
    url.password = 'word';
    const read = await run(['sql', 'select count(*) from daily_prices', '--csv'], { DATABASE_URL: url.href });
    const refused = await run(['sql', 'select count(*) from requests'], { DATABASE_URL: url.href });
    const exported = await run(['export', '--coin', 'bitcoin'], { DATABASE_URL: url.href });
    await query(`drop role ${role}`);
    expect(read).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^count\n[1-9]\d*\n$/) });
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('permission denied for table requests') });
    expect(exported).toMatchObject({ code: 0, stdout: expect.stringContaining('bitcoin,usd,2026-11-20,') });
  });

  describe('without a statement', () => {
    let bin: string;
    beforeAll(async () => {
      bin = await mkdtemp(join(folder, 'bin-'));
      await writeFile(join(bin, 'psql'), '#!/bin/sh\necho "psql $* as $PGPASSWORD in $PGTZ"\nexit $PSQL_EXIT\n');
      await chmod(join(bin, 'psql'), 0o755);
    });

    test('opens psql, with the password in the environment, and ends as psql did', async () => {
      const url = new URL(testDatabase.url);
      const { password } = url;
      url.password = '';
      url.search = '?connect_timeout=5';
      const { result } = startCommand(['sql'], {
        ...{ PATH: `${bin}:${process.env['PATH']}`, PSQL_EXIT: '2', UNIVERSE },
        DATABASE_URL: `${testDatabase.url}?password=${password}&connect_timeout=5`,
      });
      expect(await result).toMatchObject({ code: 1, stdout: `psql ${url.href} as ${password} in UTC\n` });
    });

    test('and without psql prints the address', async () => {
      const { code, stdout } = await run(['sql'], { PATH: dirname(process.execPath) });
      const { protocol, host, pathname, username, password } = new URL(testDatabase.url);
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: `psql is not installed. The database is ${protocol}//${username}@${host}${pathname}, with the password of DATABASE_URL.\n`,
      });
      expect(stdout).not.toContain(password);
    });

    test('needs one for --csv', async () => {
      expect(await run(['sql', '--csv'])).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^--csv and --json need a/),
      });
    });
  });
});

const COLUMNS =
  'coin_id,currency,day,open,high,low,close,average,volume,market_cap,sample_count,hours_covered,is_final,is_thin,source,revision,updated_at';

describe('export', () => {
  const days = ['--from', '2026-11-20', '--to', '2026-11-21'];

  test('CSV on stdout, by coin, currency and day', async () => {
    const { code, stdout, stderr } = await run(['export', ...days]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '8 rows.\n' });
    const lines = stdout.split('\n');
    const [first] = await averages();
    expect(lines[0]).toBe(COLUMNS);
    expect(lines.slice(1, -1).map((line) => line.split(',').slice(0, 3).join(' '))).toEqual(
      ['bitcoin eur', 'bitcoin usd', 'dogecoin eur', 'dogecoin usd'].flatMap((series) => [
        `${series} 2026-11-20`,
        `${series} 2026-11-21`,
      ]),
    );
    expect(lines[3]).toMatch(
      new RegExp(`^bitcoin,usd,2026-11-20,.*,${first?.average},.*,24,true,false,direct,0,2026-11-23T02:00:0\\dZ$`),
    );
  });

  test('only what is asked for, as one JSON document', async () => {
    const series = '--coin bitcoin --currency usd --currency eur'.split(' ');
    const { stdout } = await run(['export', ...days, ...series, '--json']);
    const document = JSON.parse(stdout);
    const [first] = await averages();
    expect(Object.keys(document[0]).join()).toBe(COLUMNS);
    expect(document).toHaveLength(4);
    expect(document[2]).toMatchObject({ coin_id: 'bitcoin', currency: 'usd', average: first?.average, is_final: true });
  });

  test('a file is written as a whole, and replaces the one before only by force', async () => {
    const file = join(folder, 'prices.json');
    const first = await run(['export', ...days, '--out', file, '--json']);
    const oneDay = ['export', '--from', '2026-11-21', '--to', '2026-11-21', '--out', file];
    const refused = await run(oneDay);
    const before = await readFile(file, 'utf8');
    const second = await run([...oneDay, '--force']);
    expect(JSON.parse(first.stdout)).toEqual({ file, format: 'json', rows: 8, isReplaced: false });
    expect(JSON.parse(before)).toHaveLength(8);
    expect({ ...refused, stdout: '' }).toMatchObject({ code: 2, stderr: `${file} exists. To replace it: --force\n` });
    expect(second.stdout).toBe(`4 rows in ${file}, which replaces the file that was there.\n`);
    expect(JSON.parse(await readFile(file, 'utf8'))).toHaveLength(4);
    expect(await readdir(folder)).not.toContainEqual(expect.stringContaining('unfinished'));
  });

  test('--final leaves out what may still change', async () => {
    await query(`update daily_prices set is_final = false where coin_id = 'bitcoin' and day = '2026-11-21'`);
    const all = await run(['export', ...days]);
    const final = await run(['export', ...days, '--final']);
    await query(`update daily_prices set is_final = true where coin_id = 'bitcoin' and day = '2026-11-21'`);
    expect([all.stderr, final.stderr]).toEqual(['8 rows.\n', '6 rows.\n']);
  });

  test('--wide has a line for each day and a column for each series, in whatever case they are named', async () => {
    const series = '--coin Bitcoin --coin DOGECOIN --currency USD'.split(' ');
    const csv = await run(['export', ...days, ...series, '--wide']);
    const json = await run(['export', ...days, ...series, '--wide', '--json']);
    const [first, second] = await averages();
    expect(csv.stdout.split('\n')).toEqual([
      'day,bitcoin/usd,dogecoin/usd',
      expect.stringMatching(new RegExp(`^2026-11-20,${first?.average},0\\.\\d+$`)),
      expect.stringMatching(new RegExp(`^2026-11-21,${second?.average},0\\.\\d+$`)),
      '',
    ]);
    expect(JSON.parse(json.stdout)[0]).toMatchObject({ day: '2026-11-20', 'bitcoin/usd': first?.average });
    expect(csv.stderr).toBe('2 rows.\n');
  });

  test('--imported adds imported prices, and no text of theirs is a formula', async () => {
    await query(
      `insert into imported_daily_prices values
       ('bitcoin', 'usd', '2026-11-10', 7.50, '=cmd()', '${'a'.repeat(64)}', now())`,
    );
    const series = '--from 2026-11-01 --to 2026-11-20 --coin bitcoin --currency usd'.split(' ');
    const csv = await run(['export', ...series, '--imported']);
    const json = await run(['export', ...series, '--imported', '--json']);
    const wide = await run(['export', ...series, '--imported', '--wide']);
    await query('delete from imported_daily_prices');
    const [stored] = await averages();
    expect(csv.stdout).toBe(
      'coin_id,currency,day,price,origin,source_name,is_final\n' +
        "bitcoin,usd,2026-11-10,7.50,imported,'=cmd(),true\n" +
        `bitcoin,usd,2026-11-20,${stored?.average},direct,CoinGecko,true\n`,
    );
    expect(JSON.parse(json.stdout)[0]).toMatchObject({ price: '7.50', source_name: '=cmd()' });
    expect(wide.stdout).toBe(`day,bitcoin/usd\n2026-11-10,7.50\n2026-11-20,${stored?.average}\n`);
  });

  test('a series that is no longer part of the universe can be had', async () => {
    const universe = writeUniverse({ ...TWO_COINS, coins: TWO_COINS.coins.slice(0, 1) });
    const { code, stdout } = await run(['export', ...days, '--coin', 'dogecoin'], { UNIVERSE: universe });
    expect({ code, lines: stdout.split('\n').length }).toEqual({ code: 0, lines: 1 + 4 + 1 });
  });

  const UNIVERSE_HINT = 'To add one: npm run universe -- add';
  test.each([
    ['--coin doge', `--coin is "doge", no coin of the universe; the nearest is dogecoin. ${UNIVERSE_HINT} ID`],
    ['--currency us', `--currency is "us", no currency of the universe; the nearest is usd. ${UNIVERSE_HINT} CODE`],
    ['--from 2026-02-30', '--from is "2026-02-30"; it takes a UTC day that exists, as YYYY-MM-DD.'],
    ['--from 2026-02-02 --to 2026-02-01', '--from is 2026-02-02; it takes a day that is not after --to, 2026-02-01.'],
    [`--out ${tmpdir()}`, `--out is "${tmpdir()}"; it takes a name that ends in .csv or .json.`],
    ['--out prices.xlsx', '--out is "prices.xlsx"; it takes a name that ends in .csv or .json.'],
    [
      '--out prices.csv --format json',
      '--out "prices.csv" and --format json contradict each other: leave one of them out.',
    ],
    ['--out /nowhere/prices.csv', expect.stringMatching(/^\/nowhere\/prices\.csv can't be written: ENOENT/)],
  ])('%s is refused', async (options, message) => {
    const { code, stdout, stderr } = await run(['export', ...options.split(' ')]);
    expect({ code, stdout, message: stderr.trimEnd() }).toEqual({ code: 2, stdout: '', message });
  });
});

describe('import', () => {
  const SERIES = ['--coin', 'bitcoin', '--currency', 'usd'];
  const rows = () =>
    query<Record<string, unknown>>(
      'select day, price::text, source_name, file_sha256, imported_at::text from imported_daily_prices order by day',
    );
  beforeEach(() => query('delete from imported_daily_prices'));

  async function fileOf(name: string, text: string): Promise<string> {
    const file = join(folder, name);
    await writeFile(file, text);
    return file;
  }

  test('prices get into a table of their own, and the same file again writes nothing', async () => {
    const file = await fileOf(
      'old.csv',
      'day,price\n2013-04-28,135.30\n2013-04-29,0.000000000000000012345678901234567890\n',
    );
    const first = await run(['import', file, ...SERIES]);
    const stored = await rows();
    const second = await run(['import', file, ...SERIES, '--json']);
    expect(first).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('2 days of bitcoin/usd imported as "old.csv", 0 replaced, 0 there already.'),
    });
    expect(stored).toMatchObject([
      {
        day: '2013-04-28',
        price: '135.30',
        source_name: 'old.csv',
        file_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
      { day: '2013-04-29', price: '0.000000000000000012345678901234567890' },
    ]);
    expect(JSON.parse(second.stdout)).toEqual({
      coin: 'bitcoin',
      currency: 'usd',
      file,
      sha256: stored[0]?.['file_sha256'],
      sourceName: 'old.csv',
      columns: { day: 'day', price: 'price' },
      firstDay: '2013-04-28',
      lastDay: '2013-04-29',
      written: 0,
      replaced: 0,
      unchanged: 2,
      warnings: [expect.stringContaining(' on 2013-04-29, where bitcoin/usd is stored with ')],
    });
    expect(await rows()).toEqual(stored);
  });

  test('a longer file adds what is new; another price is refused, unless it may replace', async () => {
    await run(['import', await fileOf('one.csv', 'day,price\n2020-01-01,1\n2020-01-02,2\n'), ...SERIES]);
    const more = await fileOf('more.csv', 'when;last\n2020-01-03;3\n2020-01-02;2.0\n2020-01-01;1.5\n');
    const options = [...SERIES, '--day-column', 'when', '--price-column', 'last', '--source-name', 'the exchange'];
    const before = await rows();
    const refused = await run(['import', more, ...options]);
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(
        "1 day of bitcoin/usd were imported with another price before, so nothing was written; the first is 2020-01-01, with 1 where the file has 1.5. To take the file's: --replace",
      ),
    });
    expect(await rows()).toEqual(before);
    const { stdout } = await run(['import', more, ...options, '--replace', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ written: 1, replaced: 1, unchanged: 1 });
    expect(await rows()).toMatchObject([
      { day: '2020-01-01', price: '1.5', source_name: 'the exchange' },
      { day: '2020-01-02', price: '2', source_name: 'one.csv' },
      { day: '2020-01-03', price: '3', source_name: 'the exchange' },
    ]);
  });

  test('price_history shows it where CoinGecko has no price, and says which is which', async () => {
    const file = await fileOf('both.csv', 'day,price\n2026-11-10,7\n2026-11-20,8\n');
    await run(['import', file, ...SERIES, '--source-name', 'elsewhere', '--force']);
    const [stored] = await averages();
    const history = await query(
      `select day, price::text, origin, source_name, is_final from price_history
       where coin_id = 'bitcoin' and currency = 'usd' and day in ('2026-11-10', '2026-11-20') order by day`,
    );
    expect(history).toEqual([
      { day: '2026-11-10', price: '7', origin: 'imported', source_name: 'elsewhere', is_final: true },
      { day: '2026-11-20', price: stored?.average, origin: 'direct', source_name: 'CoinGecko', is_final: true },
    ]);
  });

  test('prices of another scale or coin are refused, with the factor and three days, unless they are forced', async () => {
    const stored = await averages();
    const csv = (factor: number) =>
      ['day,price', ...stored.map(({ day, average }) => `${day},${Number(average) * factor}`)].join('\n');
    const file = await fileOf('cents.csv', csv(100));
    const refused = await run(['import', file, ...SERIES]);
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^3 of 3 days .* nothing was written: the file's prices are 100 times .*--force\n$/,
      ),
    });
    for (const { day, average } of stored)
      expect(refused.stderr).toContain(`${day} ${Number(average) * 100} instead of ${average}`);
    const otherCoin = ['--coin', 'dogecoin', '--currency', 'usd'];
    expect(await run(['import', await fileOf('same.csv', csv(1)), ...otherCoin])).toMatchObject({ code: 2 });
    expect(await rows()).toEqual([]);
    const forced = await run(['import', file, ...SERIES, '--force', '--json']);
    expect(JSON.parse(forced.stdout)).toMatchObject({
      written: 3,
      warnings: ['3 days of the file are 100 times what is stored.'],
    });
  });

  test('the same prices are taken without a word, whatever the case of coin and currency', async () => {
    const lines = (await averages()).map(({ day, average }) => `${day},${Number(average) * 1.01}`);
    const file = await fileOf('same.csv', ['day,price', ...lines].join('\n'));
    const { stdout } = await run(['import', file, '--coin', 'Bitcoin', '--currency', 'USD', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ coin: 'bitcoin', currency: 'usd', written: 3, warnings: [] });
  });

  test('a file of Germany is read as it is told', async () => {
    const file = await fileOf(
      'de.csv',
      'sep=;\nKurse ohne Gewähr\nTag;Kurs\n01.02.2020;33.500\n02.02.2020;33.501,25\n',
    );
    const columns = ['--day-column', 'Tag', '--price-column', 'Kurs', '--day-format', 'DD.MM.YYYY', '--decimal', ','];
    expect(await run(['import', file, ...SERIES, ...columns])).toMatchObject({ code: 0 });
    expect(await rows()).toMatchObject([
      { day: '2020-02-01', price: '33500' },
      { day: '2020-02-02', price: '33501.25' },
    ]);
  });

  test('a pipe, a device and a huge file are refused, and not read, as what to import and as UNIVERSE', async () => {
    const [pipe, huge] = [join(folder, 'pipe.csv'), join(folder, 'huge.csv')];
    execFileSync('mkfifo', [pipe]);
    await writeFile(huge, '');
    await truncate(huge, 50_000_000_000);
    for (const [file, problem] of [
      [pipe, 'it is no regular file'],
      ['/dev/zero', 'it is no regular file'],
      [huge, 'it has 50000000000 bytes, and at most'],
    ] as const) {
      const imported = await run(['import', file, ...SERIES]);
      expect(imported).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(`The file ${file} can't be read: ${problem}`),
      });
      const listed = await run(['status'], { UNIVERSE: file });
      expect(listed).toMatchObject({ code: 2, stderr: expect.stringContaining(`can't be read (${problem}`) });
    }
  });

  test('one bad line, and nothing is imported', async () => {
    const { code, stderr } = await run([
      'import',
      await fileOf('bad.csv', 'day,price\n2020-01-01,1\n2020-01-02,-1\n'),
      ...SERIES,
    ]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/^1 of 2 lines .*\nLine 3: the price is "-1"/),
    });
    expect(await rows()).toEqual([]);
  });

  test('seven hundred days are imported at once', async () => {
    const lines = Array.from(
      { length: 700 },
      (_, index) => `${new Date(Date.UTC(2020, 0, 1 + index)).toISOString()},1`,
    );
    const file = await fileOf('long.csv', ['day,price', ...lines].join('\n'));
    expect(await run(['import', file, ...SERIES])).toMatchObject({ code: 0 });
    expect(await rows()).toHaveLength(700);
  });

  test('waits for no other ingestion: exit 3', async () => {
    const { lock } = createRepositories(ingestion.database, { clock: ingestion.clock });
    const held = await lock.acquire(0);
    const { code } = await run(['import', await fileOf('a.csv', 'day,price\n2020-01-01,1\n'), ...SERIES]);
    await held.release();
    expect(code).toBe(3);
    expect(await rows()).toEqual([]);
  });

  test('who has lost the lock imports nothing', async () => {
    const mine = createRepositories(ingestion.database, { clock: ingestion.clock });
    const toImport = {
      series: { coin: 'bitcoin', currency: 'usd' },
      prices: [{ day: '2020-01-01', price: '1' }],
      sourceName: 'elsewhere',
      sha256: 'a'.repeat(64),
      mayReplace: false,
    };
    await expect(mine.imports.importPrices(toImport)).rejects.toThrow(LockLostError);
    const held = await mine.lock.acquire(0);
    await query('update ingestion_fence set number = number + 1');
    await expect(mine.imports.importPrices(toImport)).rejects.toThrow('Another ingestion has taken the lock');
    await held.release();
    expect(await rows()).toEqual([]);
  });

  test.each([
    [
      ['--coin', 'bitcoin'],
      /^import needs to know whose prices they are: npm run import -- FILE --coin ID --currency CODE\.$/,
    ],
    [['--coin', 'btc', '--currency', 'usd'], /^--coin is "btc", no coin of the universe; the nearest is bitcoin\./],
    [[...SERIES, '--source-name', ' '], /^--source-name is empty; it takes a text\.$/],
  ])('%j is refused', async (options, sentence) => {
    const { code, stderr } = await run(['import', await fileOf('a.csv', 'day,price\n2020-01-01,1\n'), ...options]);
    expect({ code, message: stderr.trimEnd() }).toEqual({ code: 2, message: expect.stringMatching(sentence) });
  });

  test('a file that is not there is named', async () => {
    expect(await run(['import', '/nowhere/prices.csv', ...SERIES])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^The file \/nowhere\/prices\.csv can't be read: ENOENT/),
    });
  });
});
