import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { createRepositories } from '../../ingestion/database/repositories.ts';
import { AGGREGATION_VERSION } from '../../ingestion/domain/daily-price.ts';
import { DAY_MS, HOUR_MS, startOf } from '../../ingestion/domain/day.ts';
import { LockTakenError } from '../../ingestion/domain/failure.ts';
import { explainStored } from '../../ingestion/replay/explain-day.ts';
import { recompute } from '../../ingestion/replay/recompute-days.ts';
import { explanationText } from '../../local/output/replay-text.ts';
import { callCommand } from '../support/local-command.ts';
import { useTestDatabase } from '../support/test-database.ts';
import { startTestIngestion, type TestIngestion } from '../support/test-ingestion.ts';

const DAY = '2026-11-20';
const SERIES = { coin: 'bitcoin', currency: 'usd' };
const OF_DAY = sql`coin_id = 'bitcoin' and currency = 'usd' and day = ${DAY}`;

/** Fetched apart from the others, with prices that the test names. */
const ODD_DAY = '2026-11-05';

const testDatabase = await useTestDatabase();
let ingestion: TestIngestion;
beforeAll(async () => {
  ingestion = await startTestIngestion({ databaseUrl: testDatabase.url, now: '2026-11-23T02:00:00Z' });
  await ingestion.run({ request: { from: '2026-11-10', to: '2026-11-22' } });
});
afterAll(() => ingestion.close());

const change = (what: ReturnType<typeof sql>) => what.execute(ingestion.database.db);
const repositories = () => createRepositories(ingestion.database, { clock: ingestion.clock });
const renew = (interrupt = new AbortController().signal) => recompute(ingestion.database, repositories(), interrupt);
const explain = (series = SERIES, day = DAY) => explainStored(ingestion.database.db, series, day);
const command = (...line: string[]) => callCommand(line, { DATABASE_URL: testDatabase.url });

/** Fetches the odd day of one series, with an hourly price of 0.1 on the days around it. */
async function fetchDay({ coin, currency }: typeof SERIES, price: (hour: number) => number): Promise<void> {
  const prices = Array.from({ length: 72 }, (_, index) => [
    startOf(ODD_DAY) - DAY_MS + index * HOUR_MS + 60_000,
    index >= 24 && index < 48 ? price(index - 24) : 0.1,
  ]);
  const body = { prices, market_caps: null, total_volumes: prices.map(([at]) => [at, 5_000]) };
  ingestion.simulator.setFaults(() => ({ kind: 'reply', status: 200, body }));
  await ingestion.run({ request: { from: ODD_DAY, to: ODD_DAY, coins: [coin], currencies: [currency] } });
}

describe('explain', () => {
  test('the answer comes to the stored row to the last digit, hour by hour', async () => {
    const { explanation, stored, ...explained } = await explain();
    expect(explained).toMatchObject({ agrees: true, differences: [], answer: { isIntact: true } });
    expect(explanation?.hours.map(({ hour }) => hour)).toEqual(Array.from({ length: 24 }, (_, hour) => hour));
    const means = explanation?.hours.map(({ mean }) => mean) ?? [];
    expect(stored?.average).toBe(means.reduce((sum, mean) => sum + mean, 0) / 24);
    expect(explanation?.hours.flatMap(({ samples }) => samples)).toHaveLength(stored?.sampleCount ?? 0);
  });

  test('a row of the first version is explained by the answer of its run, whatever ids the row before has left', async () => {
    await change(sql`update daily_prices set aggregation_version = 1, answer_ids = array[-1] where day = ${DAY}`);
    expect(await explain()).toMatchObject({ day: DAY, agrees: true });
    const today = sql`aggregation_version = ${AGGREGATION_VERSION}, answer_ids = null`;
    await change(sql`update daily_prices set ${today} where day = ${DAY}`);
    // Rows of today's rules that name no answer are explained so too.
    expect(await explain()).toMatchObject({ agrees: true });
  });

  test('a row that was changed by hand is told from its answer', async () => {
    await change(sql`update daily_prices set close = high where ${OF_DAY}`);
    const { code, stdout } = await command('explain', '--coin', 'bitcoin', '--currency', 'usd', '--day', DAY);
    expect(stdout).toMatch(/close: stored .* from the answer .*\nThe row differs though the rules are the same/);
    expect(code).toBe(1);
  });

  test('shows what was rejected and why, beside the samples that count', async () => {
    const series = { coin: 'dogecoin', currency: 'eur' };
    await fetchDay(series, (hour) => (hour === 5 ? 0 : hour === 9 ? 3 : 0.1 + hour / 1e3));
    const explained = await explain(series, ODD_DAY);
    const text = explanationText(explained);
    expect(text).toMatch(/ 04:00 .* 1 .* 0\.104\d* .* 0\.104\d* at 04:01:00\.000 /);
    expect(text).not.toContain(' 05:00 ');
    expect(text).toContain('Rejected: 0 at 05:01:00.000 (not_positive).\nRejected: 3 at 09:01:00.000 (outlier).');
    expect(text).toContain('Open 0.1 at 00:01:00.000, high 0.123, low 0.1, close 0.123 at 23:01:00.000.');
    expect(text).toContain('Of the last sample: volume 5000, market cap unknown.');
    expect(text).toContain('The answer matches exactly.');
    expect(explained).toMatchObject({ agrees: true, stored: { sampleCount: 22, hoursCovered: 22 } });
  });

  test('of a day of which every sample was rejected shows the answer that was asked for it', async () => {
    const series = { coin: 'dogecoin', currency: 'usd' };
    await fetchDay(series, () => -1);
    const { stored, agrees, ...explained } = await explain(series, ODD_DAY);
    expect({ stored, agrees }).toEqual({ stored: null, agrees: false });
    expect(explained.explanation?.rejected).toHaveLength(24);
    expect(explanationText({ stored, agrees, ...explained })).toMatch(
      /No sample of the day is counted\.\nNothing is stored of dogecoin\/usd on .*makes no price\.\nUnconfirmed: /,
    );
  });

  test('says plainly that there is nothing of a day, and refuses one that no calendar has', async () => {
    expect(explanationText(await explain(SERIES, '2020-01-01'))).toContain(
      'Nothing is stored of bitcoin/usd on 2020-01-01.',
    );
    const refused = await command('explain', '--coin', 'bitcoin', '--currency', 'usd', '--day', '2026-02-30');
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('"2026-02-30"') });
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
    const explained = await explain();
    expect(explained).toMatchObject({ agrees: true, stored: { revision: 1, aggregationVersion: AGGREGATION_VERSION } });
    expect(explained.revisions).toMatchObject([{ revision: 0, aggregationVersion: 1 }]);
    expect(await renew()).toMatchObject({ outdated: 0, renewed: 0 });
    expect(await explain()).toEqual(explained);
  });

  test('keeps finality, and names what the margins of a stored answer cannot decide, with the command that fetches it', async () => {
    await change(sql`update daily_prices set aggregation_version = 2, is_final = false where ${OF_DAY}`);
    expect(await renew()).toMatchObject({ renewed: 1 });
    expect((await explain()).stored).toMatchObject({ isFinal: false });
    // As an answer of the second version was asked for: with a day of margin, in which the price moved tenfold.
    const series = { coin: 'dogecoin', currency: 'usd' };
    await fetchDay(series, (hour) => (hour < 12 ? 0.1 : 9));
    const ofOddDay = sql`coin_id = 'dogecoin' and currency = 'usd' and day = ${ODD_DAY}`;
    await change(sql`update answers set window_from = window_from + interval '12 hours'
      where coin_id = 'dogecoin' and first_day = ${ODD_DAY}`);
    await change(sql`update daily_prices set aggregation_version = 2, is_final = true where ${ofOddDay}`);
    const { code, stdout } = await command('recompute');
    expect(stdout).toContain(
      `npm run backfill -- --from ${ODD_DAY} --to ${ODD_DAY} --coin dogecoin --currency usd --refetch`,
    );
    expect(code).toBe(1);
    await change(sql`delete from daily_prices where ${ofOddDay}`);
    await change(sql`update daily_prices set is_final = true where ${OF_DAY}`);
  });

  test('begins no further answer once it is interrupted, and goes on the next time', async () => {
    await outdate();
    await change(sql`delete from daily_price_revisions where ${OF_DAY}`);
    expect(await renew(AbortSignal.abort())).toMatchObject({ outdated: 1, renewed: 0, untried: 1 });
    expect(await renew()).toMatchObject({ outdated: 1, renewed: 1, untried: 0 });
  });

  test('an answer whose body is no gzip any more is told, and keeps no other row from being renewed', async () => {
    const others = sql`coin_id = 'bitcoin' and currency = 'eur' and day = ${DAY}`;
    await change(sql`delete from daily_price_revisions where ${OF_DAY}`);
    await change(sql`update daily_prices set aggregation_version = 1, revision = 0 where ${OF_DAY} or ${others}`);
    await change(sql`update answers set body = 'changed' where coin_id = 'bitcoin' and currency = 'usd'`);
    expect(await renew()).toMatchObject({ outdated: 2, renewed: 1, withoutAnswer: [SERIES] });
    const explained = await explain();
    expect(explained).toMatchObject({ agrees: false, answer: { isIntact: false }, explanation: null });
    expect(explanationText(explained)).toContain('THE STORED BODY IS ANOTHER ONE');
  });

  test('names the days whose answers are not what they were, and leaves their rows alone', async () => {
    await outdate();
    await change(sql`update answers set sha256 = repeat('0', 64)`);
    expect(await renew()).toEqual({
      ...{ outdated: 1, renewed: 0, averagesMoved: 0, largestMove: null, kept: [], undecided: [] },
      withoutAnswer: [{ ...SERIES, spans: [{ first: DAY, last: DAY }] }],
      untried: 0,
    });
  });

  test('names the days whose answers are pruned, in spans of each series', async () => {
    const { lock, housekeeping } = repositories();
    const held = await lock.acquire(0);
    await housekeeping.prune(ingestion.clock.now() + 1);
    await held.release();
    await change(sql`update daily_prices set aggregation_version = 1
      where coin_id = 'bitcoin' and currency = 'eur' and day in ('2026-11-14', '2026-11-15', '2026-11-17')`);
    const { code, stdout } = await command('recompute');
    expect(stdout).toContain(
      'npm run backfill -- --from 2026-11-14 --to 2026-11-15 --coin bitcoin --currency eur --refetch',
    );
    expect(code).toBe(1);
    const explained = await explain();
    expect(explained).toMatchObject({ agrees: false, answer: null, stored: { aggregationVersion: 1 } });
    expect(explanationText(explained)).toContain('Its answer is not kept any more: answers are kept for 90 days.');
  });

  test('waits for no ingestion that is at work', async () => {
    const held = await repositories().lock.acquire(0);
    await expect(renew()).rejects.toThrow(LockTakenError);
    await held.release();
  });
});
