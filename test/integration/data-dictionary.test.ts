// docs/data.md, docs/connect.md and the README against a database: the dictionary is that of its comments, and what they say can be run.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { createDatabase } from '../../ingestion/database/connection.ts';
import { addDays, lastSettledDay } from '../../ingestion/domain/day.ts';
import { DATA_FILE, kyselyTypes, TYPES_FILE, withDictionary } from '../support/data-dictionary.ts';
import { FIRST_RUN_DAYS } from '../support/first-run.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { startTestIngestion } from '../support/test-ingestion.ts';

const data = await readFile(DATA_FILE, 'utf8');
const ROOT = join(import.meta.dirname, '../..');
const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
const connect = await readFile(join(ROOT, 'docs/connect.md'), 'utf8');
const types = await readFile(TYPES_FILE, 'utf8');
const testDatabase = await createTestDatabase();
/** The views know no other clock than the server's. */
const now = Date.now();
const newest = lastSettledDay(now);

type Row = Record<string, unknown>;
let client: pg.Client;

beforeAll(async () => {
  const ingestion = await startTestIngestion({ databaseUrl: testDatabase.url, now: new Date(now).toISOString() });
  await ingestion.run();
  await ingestion.close();
  // As text: what a type becomes is another question.
  client = new pg.Client({ connectionString: testDatabase.url, types: { getTypeParser: () => String } });
  await client.connect();
  const revised = `coin_id = 'bitcoin' and currency = 'usd' and day = '${addDays(newest, -3)}'`;
  for (const statement of [
    `insert into daily_price_revisions (coin_id, currency, day, open, high, low, close, average, volume, market_cap,
       sample_count, hours_covered, first_sample_at, last_sample_at, is_settled, is_final, revision, run_id,
       aggregation_version, updated_at, replaced_at, replaced_by_run_id)
     select coin_id, currency, day, open, high, low, close, low, volume, market_cap, sample_count, hours_covered,
       first_sample_at, last_sample_at, is_settled, is_final, revision, run_id, aggregation_version, updated_at, now(), run_id
     from daily_prices where ${revised}`,
    `update daily_prices set revision = 1 where ${revised}`,
    `delete from daily_prices where coin_id = 'dogecoin' and currency = 'eur' and day = '${newest}'`,
    `delete from latest_prices`,
    `insert into latest_prices select 'bitcoin', 'usd', 90000.5, 1e12, 1e9, -1.5, now() - interval '5 minutes', id from ingestion_runs`,
    `insert into rejected_samples select id, 'bitcoin', 'usd', now(), '-1', 'not_positive' from ingestion_runs`,
    `insert into imported_daily_prices values ('bitcoin', 'usd', '2013-04-28', 135.30, 'elsewhere', '${'a'.repeat(64)}', now())`,
  ])
    await client.query(statement);
  // A reader's rights have to do.
  await client.query('set role price_reader');
});
afterAll(async () => {
  await client.end();
  await testDatabase.drop();
});

/** @returns the statements of a text's SQL blocks. */
const statementsIn = (text: string): string[] =>
  [...text.matchAll(/```sql\n(.*?)```/gs)].flatMap(([, block = '']) =>
    block.split(/;\s*$/m).filter((statement) => statement.trim() !== ''),
  );

/** @returns what the statements below a heading of docs/data.md give, one after another. */
async function answersBelow(heading: string): Promise<Row[][]> {
  const [, section = ''] = data.split(`\n### ${heading}\n`);
  const answers: Row[][] = [];
  for (const statement of statementsIn(section.split(/\n##/)[0] ?? ''))
    answers.push((await client.query<Row>(statement)).rows);
  return answers;
}

test('dictionary and types are those of the database; "npm run dictionary" renews them', async () => {
  const database = createDatabase({ url: testDatabase.url });
  const expected = { data: await withDictionary(database, data), types: await kyselyTypes(database) };
  await database.close();
  expect({ data, types }).toEqual(expected);
  expect(data).toMatch(/\| average \| numeric \| Mean of the hours' means/);
  expect(data).not.toMatch(/\| null \|/);
});

describe('the statements of docs/data.md answer what their headings ask', () => {
  const day = newest;
  const series = { coin_id: 'bitcoin', currency: 'usd' };
  const days = (count: number, others: object = {}) => ({ days: String(count), ...others });
  const complete = { series_expected: '4', series_final: '3', series_thin: '0', series_unconfirmed: '0' };
  const dollars = { currency: 'usd', source: 'direct' };
  const dated = (currency: string) => expect.objectContaining({ currency });
  /** What each statement below a heading gives. */
  const ANSWERS: [heading: string, ...answers: unknown[][]][] = [
    ['Is yesterday complete?', [{ day, ...complete, series_missing: '1' }]],
    ['Which days are not?', [{ day, series_missing: '1' }]],
    ['Which series lack a day, and why?', [{ coin_id: 'dogecoin', currency: 'eur', reason: null, status: 'stored' }]],
    [
      'What was revised, and by how much?',
      [{ ...series, day: addDays(day, -3), percent: expect.stringMatching(/^[1-9]?\d\.\d{4}$/) }],
    ],
    ['Which samples are behind a number?', [{ sample_count: expect.stringMatching(/^\d{3}$/) }]],
    [
      'Which prices are derived?',
      [
        days(2 * FIRST_RUN_DAYS - 1, { currency: 'eur', source: 'direct' }),
        days(2 * FIRST_RUN_DAYS, { ...dollars, days_with_market_cap: String(2 * FIRST_RUN_DAYS) }),
      ],
    ],
    ['Which samples were not counted?', [{ price: '-1', reason: 'not_positive' }]],
    [
      'The latest price',
      [{ coin_id: 'bitcoin', price: '90000.5', change_24h_percent: '-1.5', age: expect.stringMatching(/^00:05:/) }],
      ['eur', 'usd', 'eur', 'usd'].map(dated),
    ],
    ['Returns, and how much they vary', [days(FIRST_RUN_DAYS - 1), days(FIRST_RUN_DAYS - 1)]],
    ['Correlation of returns', [days(FIRST_RUN_DAYS - 1, { coin: 'bitcoin', other: 'dogecoin' })]],
  ];
  test.each(ANSWERS)('%s', async (heading, ...answers) => {
    expect(await answersBelow(heading)).toMatchObject(answers);
  });

  test('Monthly candles', async () => {
    const [candles = []] = await answersBelow('Monthly candles');
    const { rows } = await client.query<Row>(
      `select to_char(day, 'YYYY-MM-01') as month, count(*) as days_final, max(high) as high from daily_prices
       where coin_id = 'bitcoin' and currency = 'usd' and is_final group by 1 order by 1`,
    );
    expect(candles).toMatchObject(rows);
  });

  test('More than a year', async () => {
    const [[first, ...others] = []] = await answersBelow('More than a year');
    expect(first).toEqual({ day: '2013-04-28', price: '135.30', origin: 'imported', source_name: 'elsewhere' });
    expect(others.at(-1)).toMatchObject({ origin: 'direct', source_name: 'CoinGecko' });
  });

  test('and there is no other', () => {
    const [cookbook = ''] = data.split('\n## The dictionary\n');
    const headings = [...cookbook.matchAll(/^### (.*)$/gm)].map(([, heading]) => heading);
    const asked = [...ANSWERS.map(([heading]) => heading), 'Monthly candles', 'More than a year'];
    expect(headings.toSorted()).toEqual(asked.toSorted());
  });
});

test.each([
  ['README', readme],
  // Whoever makes a role is no reader.
  ['docs/connect.md', connect.replace(/^create role .*;$/m, '')],
])('the SQL of %s can be run as it stands, by a reader, and answers', async (_, text) => {
  const statements = statementsIn(text);
  expect(statements).not.toEqual([]);
  for (const statement of statements) {
    const { rows } = await client.query<Row>(statement);
    expect({ statement, rows: rows.length }).toEqual({ statement, rows: expect.any(Number) });
    expect(rows.length).toBeGreaterThan(0);
  }
});

describe('the programs of docs/connect.md', () => {
  const exec = promisify(execFile);
  const env = { ...process.env, DATABASE_URL: testDatabase.url };
  const block = (kind: string) => connect.match(new RegExp(`\`\`\`${kind}\\n(.*?)\`\`\``, 's'))?.[1] ?? '';
  let folder: string;
  beforeAll(async () => {
    // Below the project: pg and kysely are found from there.
    await mkdir(join(ROOT, '.data'), { recursive: true });
    folder = await mkdtemp(join(ROOT, '.data', 'connect-'));
    await writeFile(join(folder, 'crypto-prices.d.ts'), types);
    await writeFile(join(folder, 'pg.mjs'), block('js'));
    await writeFile(join(folder, 'kysely.ts'), block('ts'));
  });
  afterAll(async () => await rm(folder, { recursive: true }));

  test('with pg: days as text, prices as numbers', async () => {
    const { stdout } = await exec(process.execPath, [join(folder, 'pg.mjs')], { env });
    expect(stdout).toMatch(new RegExp(`^{ day: '${newest}', average: \\d+\\.\\d+ }\n$`));
  });

  test('with Kysely: the types compile, and the program runs', async () => {
    const options = '--ignoreConfig --noEmit --strict --module nodenext --target es2024 --types node --skipLibCheck';
    const tsc = [join(ROOT, 'node_modules/typescript/bin/tsc'), ...options.split(' '), '--allowImportingTsExtensions'];
    // Whatever tsc finds is on stdout.
    const found = await exec(process.execPath, [...tsc, join(folder, 'kysely.ts')]).catch((error) => error);
    expect(found.stdout).toBe('');
    const { stdout } = await exec(process.execPath, ['--no-warnings', join(folder, 'kysely.ts')], { env });
    expect(stdout).toMatch(/series_final: 3, series_missing: 1 }\n$/);
  });

  test('with psql, where it is installed', async () => {
    const isThere = await exec('psql', ['--version']).catch(() => null);
    if (isThere === null) return;
    await exec('sh', ['-c', block('sh')], { env, cwd: folder });
    expect(await readFile(join(folder, 'closes.csv'), 'utf8')).toMatch(new RegExp(`^day,close\n(.*\n)+${newest},\\d+`));
  });
});

test('node-pg reads what docs/data.md says, and with the parsers that it names', async () => {
  const { DATE, NUMERIC } = pg.types.builtins;
  const read = async (parsers: Readonly<Record<number, (text: string) => unknown>>) => {
    const types = { getTypeParser: (oid: number) => parsers[oid] ?? pg.types.getTypeParser(oid) };
    const reader = new pg.Client({ connectionString: testDatabase.url, types });
    await reader.connect();
    const { rows } = await reader.query('select day, average, count(*) over () as days from daily_prices limit 1');
    await reader.end();
    return rows;
  };
  const decimal = expect.stringMatching(/^\d+\.\d+$/);
  expect(await read({})).toEqual([{ day: expect.any(Date), average: decimal, days: expect.stringMatching(/^\d+$/) }]);
  expect(await read({ [NUMERIC]: Number, [DATE]: String })).toMatchObject([
    { day: expect.stringMatching(/^\d{4}-\d\d-\d\d$/), average: expect.any(Number) },
  ]);
});
