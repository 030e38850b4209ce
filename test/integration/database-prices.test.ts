import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Kysely, sql } from 'kysely';
import { createDatabase } from '../../ingestion/database/connection.ts';
import { readDailyPrices } from '../../ingestion/database/prices.ts';
import { createRepositories } from '../../ingestion/database/repositories.ts';
import { upsertDailyPrices } from '../../ingestion/database/sql/upsert-daily-prices.ts';
import type { Tables } from '../../ingestion/database/tables.ts';
import { AGGREGATION_VERSION, type DailyPrice, type RejectedSample } from '../../ingestion/domain/daily-price.ts';
import { addDays, DAY_MS, type Day, daysFrom, HOUR_MS, startOf } from '../../ingestion/domain/day.ts';
import { answerWith, BITCOIN, dailyPrice, openRun } from '../support/database-fixtures.ts';
import { emptyTables, useTestDatabase } from '../support/test-database.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const DAY = '2026-03-01';
const NOW = Date.parse('2026-03-10T02:00Z');

const testDatabase = await useTestDatabase();
const database = createDatabase({ url: testDatabase.url });
const { db } = database;
const { lock, runs, prices, findings } = createRepositories(database, {
  clock: { ...createVirtualClock(NOW), sleep: () => Promise.resolve() },
});
const held = await lock.acquire(0);
afterAll(async () => {
  await held.release();
  await database.close();
});
beforeEach(() => emptyTables(testDatabase));

const store = (runId: string, ...rows: DailyPrice[]) => prices.storeAnswer(answerWith(runId, rows));
const stored = async () => readDailyPrices(database, { from: '2000-01-01', to: '2100-01-01' });
const revisions = () => db.selectFrom('daily_price_revisions').selectAll().orderBy('revision').execute();
const unavailable = () => db.selectFrom('unavailable_days').selectAll().orderBy('day').execute();
const versions = async () =>
  (await sql<{ xmin: string }>`select xmin::text from daily_prices order by coin_id, currency, day`.execute(db)).rows;

const final = (values: Partial<DailyPrice> = {}) => dailyPrice(DAY, values);

describe('a stored row', () => {
  type Fate = 'replaced' | 'revised' | 'kept' | 'kept with worse_answer';
  type Values = Partial<DailyPrice>;
  const young: Values = { isSettled: false, isFinal: false };
  const thin: Values = { isThin: true, isFinal: false, hoursCovered: 20 };
  const CASES: [string, Fate, before: Values, after: Values][] = [
    ['provisional, the same again', 'kept', young, young],
    ['provisional, more hours', 'replaced', { ...young, hoursCovered: 5 }, { ...young, hoursCovered: 6 }],
    ['provisional, as many hours', 'replaced', { ...young, average: 101 }, { ...young, average: 102 }],
    ['provisional, fewer hours', 'kept', { ...young, hoursCovered: 6 }, { ...young, hoursCovered: 5 }],
    ['provisional, now settled and thin', 'replaced', { ...young, hoursCovered: 20 }, thin],
    ['provisional, now final', 'replaced', young, {}],
    ['provisional, now final with fewer hours', 'replaced', { ...young, hoursCovered: 24 }, { hoursCovered: 23 }],
    ['thin, now final though as thin', 'replaced', thin, { ...thin, isFinal: true }],
    ['final, the same again', 'kept', {}, {}],
    ['final, only provisional now', 'kept', {}, { ...young, average: 109 }],
    ['final, thin now', 'kept with worse_answer', {}, { ...thin, average: 109 }],
    ['final, other values', 'revised', { close: 105 }, { close: 106 }],
    ['final, more hours', 'revised', { hoursCovered: 22 }, { hoursCovered: 23 }],
    ['final, fewer hours', 'kept with worse_answer', { hoursCovered: 24 }, { hoursCovered: 23 }],
    ['final, a cap that became unknown', 'revised', {}, { marketCap: null }],
  ];

  test('moves forward, or stays', async () => {
    const dayOfCase = (index: number) => addDays(DAY, index);
    const rows = (which: 2 | 3) => CASES.map((one, index) => dailyPrice(dayOfCase(index), one[which]));
    await store(await openRun(runs), ...rows(2));
    const runId = await openRun(runs);
    const outcome = await store(runId, ...rows(3));

    const isWritten = (fate: Fate) => fate === 'replaced' || fate === 'revised';
    const count = CASES.filter(([, fate]) => isWritten(fate)).length;
    expect(outcome).toMatchObject({ rowsWritten: count, rowsUnchanged: CASES.length - count });
    const found = { rows: await stored(), revised: await revisions(), findings: await findings.ofRun(runId) };
    const fates = CASES.map(([name], index) => ({
      name,
      row: found.rows[index],
      revisions: found.revised.filter(({ day }) => day === dayOfCase(index)).length,
      rules: found.findings.filter(({ day }) => day === dayOfCase(index)).map(({ rule }) => rule),
    }));
    expect(fates).toEqual(
      CASES.map(([name, fate, before, after], index) => {
        const { hoursAnswered: _, ...row } = dailyPrice(dayOfCase(index), isWritten(fate) ? after : before);
        const revised = fate === 'revised' ? 1 : 0;
        const rules = fate === 'kept with worse_answer' ? ['worse_answer'] : [];
        return { name, row: { ...BITCOIN, ...row, revision: revised }, revisions: revised, rules };
      }),
    );
  });

  test('final, of an older version: a newer one that rejected two of its hours replaces it', async () => {
    await store(await openRun(runs), final({ hoursCovered: 24 }));
    await sql`update daily_prices set aggregation_version = aggregation_version - 1`.execute(db);
    await store(await openRun(runs), final({ hoursCovered: 22, hoursAnswered: 23 }));
    expect(await revisions()).toEqual([]);
    await store(await openRun(runs), final({ hoursCovered: 22, hoursAnswered: 24 }));
    expect(await stored()).toMatchObject([{ hoursCovered: 22, revision: 1 }]);
    expect(await revisions()).toMatchObject([{ hours_covered: 24 }]);
  });

  test('final, on a day that the answer was not asked for: kept, whatever comes', async () => {
    await store(await openRun(runs), final());
    const other = dailyPrice('2026-03-02');
    const runId = await openRun(runs);
    await prices.storeAnswer(answerWith(runId, [other, final({ average: 109 })], { gapDays: ['2026-03-02'] }));
    expect(await stored()).toMatchObject([{ average: 101 }, { day: '2026-03-02' }]);
    expect(await findings.ofRun(runId)).toEqual([]);
  });

  test('of a newer aggregation version is kept, with a finding', async () => {
    await store(await openRun(runs), final());
    await db
      .updateTable('daily_prices')
      .set({ aggregation_version: AGGREGATION_VERSION + 1 })
      .execute();
    const runId = await openRun(runs);
    expect(await store(runId, final({ average: 104 }))).toMatchObject({ rowsWritten: 0, rowsUnchanged: 1 });
    expect(await findings.ofRun(runId)).toMatchObject([{ rule: 'worse_answer', severity: 'warning', day: DAY }]);
  });

  test('that is revised keeps its old values, who replaced them and when, with a finding where it moved', async () => {
    const first = await openRun(runs);
    await store(first, final());
    const second = await openRun(runs);
    await store(second, final({ average: 101.05 }));
    // By 0.05 %, and now by over 0.1 %.
    await store(second, final({ average: 101.2 }));
    expect(await findings.ofRun(second)).toMatchObject([{ rule: 'revision', ...BITCOIN, day: DAY }]);
    expect(await revisions()).toMatchObject([
      { coin_id: 'bitcoin', currency: 'usd', day: DAY, revision: 0, average: 101, run_id: first, hours_covered: 24 },
      { revision: 1, average: 101.05, run_id: second, replaced_by_run_id: second, replaced_at: new Date(NOW) },
    ]);
    expect(await stored()).toMatchObject([{ average: 101.2, revision: 2 }]);
  });
});

describe('a row that another transaction writes at the same time', () => {
  /** Stores the price while the other transaction is open; that one ends once the statement waits for it. */
  const storeMeanwhile = async (
    price: DailyPrice,
    write: (other: Kysely<Tables>, runId: string) => Promise<unknown>,
  ) => {
    const runId = await openRun(runs);
    const { storing } = await db.transaction().execute(async (other) => {
      await write(other, runId);
      const storing = store(runId, price);
      const waiting = sql`
        select from pg_locks join pg_stat_activity using (pid)
        where locktype = 'transactionid' and not granted and datname = current_database()`;
      while ((await waiting.execute(db)).rows.length === 0);
      return { storing };
    });
    return await storing;
  };

  test('is judged and kept as it has become', async () => {
    await store(await openRun(runs), final({ average: 101 }));
    const outcome = await storeMeanwhile(final({ average: 104 }), (other) =>
      other.updateTable('daily_prices').set({ average: '102', revision: 7 }).execute(),
    );
    expect(outcome.rowsWritten).toBe(1);
    expect(await revisions()).toMatchObject([{ average: 102, revision: 7 }]);
    expect(await stored()).toMatchObject([{ average: 104, revision: 8 }]);
  });

  test('is revised, though it was not there when the statement began: the transaction is repeated', async () => {
    const added = { series: BITCOIN, source: 'direct', isAsked: true, answerIds: [1] } as const;
    const outcome = await storeMeanwhile(final({ average: 104 }), (other, runId) =>
      upsertDailyPrices(other, { runId, now: NOW }, [{ ...added, price: final({ average: 102 }) }]),
    );
    expect(outcome).toMatchObject({ rowsWritten: 1, rowsUnchanged: 0 });
    expect(await stored()).toMatchObject([{ average: 104, revision: 1 }]);
    expect(await revisions()).toMatchObject([{ average: 102 }]);
  });
});

test('storing the same answer again leaves every row as it was, to the transaction that wrote it', async () => {
  const rows = daysFrom(DAY, '2026-03-09').map((day) => dailyPrice(day, { volume: null, average: 100.1 + 1 / 3 }));
  expect(await store(await openRun(runs), ...rows)).toMatchObject({ rowsWritten: 9, rowsUnchanged: 0 });
  const before = await versions();
  expect(await store(await openRun(runs), ...rows)).toMatchObject({ rowsWritten: 0, rowsUnchanged: 9 });
  expect(await versions()).toEqual(before);
  expect(await revisions()).toEqual([]);
});

test('more rows than one statement takes are all stored', async () => {
  const rows = daysFrom('2024-01-01', '2025-12-31').map((day) => dailyPrice(day));
  expect(await store(await openRun(runs), ...rows)).toMatchObject({ rowsWritten: 731, rowsUnchanged: 0 });
  expect(await stored()).toHaveLength(731);
});

test('prices survive to the last digit, as the shortest decimals that read back', async () => {
  const prices = [0.00000823, 15_000_000, 6.8e-5, 56091.80652117718, 5e-324, 1.7976931348623157e308, 0.1 + 0.2];
  const rows = prices.map((price, index) => {
    const all = { open: price, high: price, low: price, close: price, average: price, volume: price, marketCap: price };
    return dailyPrice(addDays(DAY, index), all);
  });
  await store(await openRun(runs), ...rows);
  expect(await stored()).toEqual(rows.map(({ hoursAnswered: _, ...row }) => ({ ...BITCOIN, ...row, revision: 0 })));
  const { rows: texts } = await sql`select low::text from daily_prices order by day limit 3`.execute(db);
  expect(texts).toEqual([{ low: '0.00000823' }, { low: '15000000' }, { low: '0.000068' }]);
});

test('what cannot be is refused, and nothing of the answer is stored', async () => {
  const runId = await openRun(runs);
  const REFUSED: Readonly<Record<string, Partial<DailyPrice>>> = {
    'a price of 0': { low: 0 },
    'a negative price': { low: -1 },
    'an infinite price': { high: Number.POSITIVE_INFINITY },
    'a price that is no number': { high: Number.NaN },
    'a high below the low': { high: 80 },
    'an average above the high': { average: 111 },
    'an open below the low': { open: 89 },
    'a close above the high': { close: 111 },
    'an infinite volume': { volume: Number.POSITIVE_INFINITY },
    'a market cap of 0': { marketCap: 0 },
    '25 hours': { hoursCovered: 25, sampleCount: 25 },
    'fewer samples than hours': { sampleCount: 23 },
    'a sample of the next day': { lastSampleAt: startOf(DAY) + DAY_MS },
    'a sample of the day before': { firstSampleAt: startOf(DAY) - 1 },
    'a final row that is not settled': { isSettled: false },
  };
  for (const [name, values] of Object.entries(REFUSED)) {
    const error = await store(runId, dailyPrice(addDays(DAY, 1)), final(values)).catch(({ message }) => message);
    expect({ name, error }).toEqual({ name, error: expect.stringMatching(/violates check constraint/) });
  }
  expect(await stored()).toEqual([]);
  expect(await prices.answersOfCoin(runId, 'bitcoin')).toEqual([]);
});

describe('an answer', () => {
  const body = new TextEncoder().encode('{"prices":[[1,2]]}');

  test('is kept gzipped, with the hash of what came, and can be read back by coin', async () => {
    const runId = await openRun(runs);
    const answer = { body, receivedAt: NOW };
    const rows = [dailyPrice(DAY), dailyPrice(addDays(DAY, 2))];
    await prices.storeAnswer(answerWith(runId, rows, { answer, series: { coin: 'bitcoin', currency: 'eur' } }));
    const row = await db.selectFrom('answers').selectAll().executeTakeFirstOrThrow();
    expect(row.sha256).toBe('b8dd821770783c19c45521e925756977c37affe58e2aeaa5bc6f5ef098c8835c');
    expect([...row.body.subarray(0, 2)]).toEqual([0x1f, 0x8b]);
    expect(await prices.answersOfCoin(runId, 'bitcoin')).toMatchObject([
      { id: row.id, currency: 'eur', firstDay: DAY, lastDay: '2026-03-03', receivedAt: NOW, body: Buffer.from(body) },
    ]);
    expect(await prices.answersOfCoin(runId, 'dogecoin')).toEqual([]);
  });

  test('brings its rejected samples and findings, once, whatever characters they hold', async () => {
    const runId = await openRun(runs);
    const frozen = { rule: 'frozen', severity: 'warning', ...BITCOIN, day: null, detail: 'no change' } as const;
    const observedAt = startOf(DAY);
    const rejected: RejectedSample[] = [
      { observedAt, price: 'a\0b"{},\\', reason: 'not_a_number' },
      { observedAt, price: null, reason: 'not_a_number' },
      { observedAt, price: '-1', reason: 'not_positive' },
    ];
    const answer = answerWith(runId, [], { rejected, findings: [frozen] });
    await prices.storeAnswer(answer);
    await prices.storeAnswer(answer);
    const samples = await db.selectFrom('rejected_samples').select(['price', 'reason', 'observed_at']).execute();
    expect(samples).toEqual([
      { price: 'a\ufffdb"{},\\', reason: 'not_a_number', observed_at: new Date(observedAt) },
      { price: '-1', reason: 'not_positive', observed_at: new Date(observedAt) },
    ]);
    expect(await findings.ofRun(runId)).toEqual([frozen]);
  });

  test('counts into its series: status, attempts, days written, and the last write of the run', async () => {
    const runId = await openRun(runs);
    await prices.storeAnswer(answerWith(runId, [dailyPrice(DAY), dailyPrice('2026-03-02')], { attempts: 2 }));
    await prices.storeAnswer(answerWith(runId, [dailyPrice('2026-03-03')]));
    expect(await db.selectFrom('ingestion_series').selectAll().execute()).toMatchObject([
      { run_id: runId, coin_id: 'bitcoin', currency: 'usd', status: 'stored', attempts: 3, days_written: 3 },
    ]);
    const run = await db.selectFrom('ingestion_runs').select('last_write_at').executeTakeFirst();
    expect(run?.last_write_at).toEqual(new Date(NOW));
  });
});

describe('a day that an answer holds nothing of', () => {
  const askAt = async (receivedAt: number, runId?: string) =>
    prices.storeAnswer(answerWith(runId ?? (await openRun(runs)), [], { absentDays: [DAY], receivedAt }));
  const first = Date.parse('2026-03-06T02:00Z');

  test('is recorded once and confirmed by another run 20 hours later', async () => {
    await askAt(first);
    await askAt(first + 20 * HOUR_MS);
    const [record] = await unavailable();
    expect(record).toMatchObject({ coin_id: 'bitcoin', currency: 'usd', day: DAY, recorded_at: new Date(first) });
    expect(record?.confirmed_run_id).toEqual(expect.any(String));
    const runId = await openRun(runs);
    const [[state] = []] = await prices.dayStates(runId, [{ ...BITCOIN, first: DAY, last: DAY }], false);
    expect(state).toEqual({ day: DAY, row: null, absence: { recordedAt: first, isConfirmed: true }, wasAsked: false });
  });

  test('is not confirmed before that, nor by the run that recorded it', async () => {
    const runId = await openRun(runs);
    await askAt(first, runId);
    await askAt(first + 20 * HOUR_MS - 1);
    await askAt(first + 30 * HOUR_MS, runId);
    expect(await unavailable()).toMatchObject([{ first_run_id: runId, confirmed_run_id: null }]);
  });

  test('is not recorded where a final row of it is stored; a provisional one gives way, for no run could finish it', async () => {
    await store(await openRun(runs), final());
    await askAt(first);
    expect(await unavailable()).toEqual([]);
    await sql`update daily_prices set is_final = false`.execute(database.db);
    await askAt(first);
    expect(await unavailable()).toHaveLength(1);
    expect(await database.db.selectFrom('daily_prices').selectAll().execute()).toEqual([]);
  });

  test('is no longer unavailable when an answer brings it after all; its neighbours are', async () => {
    const runId = await openRun(runs);
    await prices.storeAnswer(answerWith(runId, [], { absentDays: [DAY, '2026-03-02'], receivedAt: first }));
    await store(runId, final());
    expect(await unavailable()).toMatchObject([{ day: '2026-03-02' }]);
  });
});

describe('the states of days', () => {
  const state = (day: Day, row: DailyPrice | null, wasAsked: boolean) => ({
    day,
    row: row && { isFinal: row.isFinal, isThin: row.isThin },
    absence: null,
    wasAsked,
  });

  test('come range by range, in day order, without final rows; asked are those of this run', async () => {
    await store(await openRun(runs), final());
    const runId = await openRun(runs);
    const young = dailyPrice('2026-03-02', { isFinal: false, hoursCovered: 20 });
    await store(runId, young);
    const ranges = [
      { coin: 'dogecoin', currency: 'eur', first: '2026-03-02', last: '2026-03-03' },
      { ...BITCOIN, first: '2026-02-28', last: '2026-03-03' },
      { ...BITCOIN, first: '2026-03-03', last: '2026-03-02' },
    ];
    const states = [
      [state('2026-03-02', null, false), state('2026-03-03', null, false)],
      [state('2026-02-28', null, false), state('2026-03-02', young, true), state('2026-03-03', null, false)],
      [],
    ];
    expect(await prices.dayStates(runId, ranges, false)).toEqual(states);
    states[1]?.splice(1, 0, state(DAY, final(), false));
    expect(await prices.dayStates(runId, ranges, true)).toEqual(states);
  });
});

test('the last final rate is the median over the coins on the newest day before that has both currencies', async () => {
  const runId = await openRun(runs);
  const storeAs = (coin: string, currency: string, ...rows: DailyPrice[]) =>
    prices.storeAnswer(answerWith(runId, rows, { series: { coin, currency } }));
  const worth = (day: Day, average: number, isFinal = true) => dailyPrice(day, { average, low: 1, high: 9e9, isFinal });
  await storeAs('bitcoin', 'usd', worth('2026-03-01', 100), worth('2026-03-02', 200), worth('2026-03-03', 300));
  await storeAs('bitcoin', 'eur', worth('2026-03-01', 95), worth('2026-03-02', 180), worth('2026-03-03', 100, false));
  await storeAs('dogecoin', 'usd', worth('2026-03-02', 10));
  await storeAs('dogecoin', 'eur', worth('2026-03-02', 8));
  const before = (day: Day) => prices.lastFinalRate('eur', 'usd', day);
  expect(await before('2026-03-05')).toEqual({ day: '2026-03-02', rate: expect.closeTo(0.85) });
  expect(await before('2026-03-02')).toEqual({ day: '2026-03-01', rate: expect.closeTo(0.95) });
  expect(await before('2026-03-01')).toBeNull();
});
