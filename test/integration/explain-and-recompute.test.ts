import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { createRepositories } from '../../ingestion/database/repositories.ts';
import { LockTakenError } from '../../ingestion/domain/failure.ts';
import { explainStored } from '../../ingestion/explain-stored.ts';
import { recompute } from '../../ingestion/recompute.ts';
import { runCommand } from '../support/local-command.ts';
import { useTestDatabase } from '../support/test-database.ts';
import { startTestIngestion, type TestIngestion } from '../support/test-ingestion.ts';

const DAY = '2026-11-20';
const SERIES = { coin: 'bitcoin', currency: 'usd' };
const OF_DAY = sql`coin_id = 'bitcoin' and currency = 'usd' and day = ${DAY}`;

const testDatabase = await useTestDatabase();
let ingestion: TestIngestion;
beforeAll(async () => {
  ingestion = await startTestIngestion({ databaseUrl: testDatabase.url, now: '2026-11-23T02:00:00Z' });
  await ingestion.run({ request: { from: '2026-11-10', to: '2026-11-22' } });
});
afterAll(() => ingestion.close());

const change = (what: ReturnType<typeof sql>) => what.execute(ingestion.database.db);
const renew = () => recompute(ingestion.database, createRepositories(ingestion.database, { clock: ingestion.clock }));
const command = (...line: string[]) => runCommand(line, { DATABASE_URL: testDatabase.url });

describe('explain', () => {
  test('the answer comes to the stored row to the last digit, hour by hour', async () => {
    const { explanation, stored, ...explained } = await explainStored(ingestion.database.db, SERIES, DAY);
    expect(explained).toMatchObject({ agrees: true, differences: [], answer: { isIntact: true } });
    expect(explanation?.hours.map(({ hour }) => hour)).toEqual(Array.from({ length: 24 }, (_, hour) => hour));
    const means = explanation?.hours.map(({ mean }) => mean) ?? [];
    expect(stored?.average).toBe(means.reduce((sum, mean) => sum + mean, 0) / 24);
    expect(explanation?.hours.flatMap(({ samples }) => samples)).toHaveLength(stored?.sampleCount ?? 0);
  });

  test('a row that names no answer is explained by the answer of its run', async () => {
    await change(sql`update daily_prices set answer_ids = null where ${OF_DAY}`);
    expect(await explainStored(ingestion.database.db, SERIES, DAY)).toMatchObject({ agrees: true });
  });

  test('a row that was changed by hand is told from its answer', async () => {
    await change(sql`update daily_prices set close = high where ${OF_DAY}`);
    const { code, stdout } = await command('explain', '--coin', 'bitcoin', '--currency', 'usd', '--day', DAY);
    expect(stdout).toMatch(/close: stored .* from the answer .*\nThe row differs though the rules are the same/);
    expect(code).toBe(1);
  });

  test('says plainly what there is nothing of, and what it takes', async () => {
    const ofDay = (day: string) => command('explain', '--coin', 'bitcoin', '--currency', 'usd', '--day', day);
    expect(await ofDay('2020-01-01')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('Nothing is stored of bitcoin/usd on 2020-01-01.'),
    });
    expect(await ofDay('2026-02-30')).toMatchObject({ code: 2, stderr: expect.stringContaining('"2026-02-30"') });
  });
});

describe('recompute', () => {
  const outdate = () =>
    change(sql`update daily_prices set aggregation_version = 1, average = low, revision = 0 where ${OF_DAY}`);

  test('renews rows of older rules from their answers, keeps the old values, and a second time writes nothing', async () => {
    await outdate();
    expect(await renew()).toMatchObject({
      ...{ outdated: 1, renewed: 1, averagesMoved: 1, kept: [], withoutAnswer: [] },
      largestMove: { ...SERIES, day: DAY },
    });
    const explained = await explainStored(ingestion.database.db, SERIES, DAY);
    expect(explained).toMatchObject({ agrees: true, stored: { revision: 1, aggregationVersion: 2 } });
    expect(explained.revisions).toMatchObject([{ revision: 0, aggregationVersion: 1 }]);
    expect(await renew()).toMatchObject({ outdated: 0, renewed: 0 });
    expect(await explainStored(ingestion.database.db, SERIES, DAY)).toEqual(explained);
  });

  test('names the days whose answers are not what they were, and leaves their rows alone', async () => {
    await outdate();
    await change(sql`update answers set sha256 = repeat('0', 64)`);
    const { code, stdout } = await command('recompute', '--json');
    expect(JSON.parse(stdout)).toEqual({
      ...{ outdated: 1, renewed: 0, averagesMoved: 0, largestMove: null, kept: [] },
      withoutAnswer: [{ ...SERIES, spans: [{ first: DAY, last: DAY }] }],
    });
    expect(code).toBe(1);
  });

  test('waits for no ingestion that is at work', async () => {
    const held = await createRepositories(ingestion.database, { clock: ingestion.clock }).lock.acquire(0);
    await expect(renew()).rejects.toThrow(LockTakenError);
    await held.release();
  });
});
