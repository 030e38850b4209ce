// What SQL counts must be what the pure rules of ingestion/domain say of the same data.
import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Kysely, sql } from 'kysely';
import { createDatabase } from '../../ingestion/database/connection.ts';
import {
  readAllStoredDays,
  readCoverage,
  readSeriesCoverage,
  type SeriesCoverage,
} from '../../ingestion/database/coverage.ts';
import { readFreshness } from '../../ingestion/database/read-status.ts';
import type { Tables } from '../../ingestion/database/tables.ts';
import { addDays, type Day, daysFrom, endOf, HOUR_MS, lastSettledDay } from '../../ingestion/domain/day.ts';
import { type DayState, type DayStatus, isMissing, statusOf } from '../../ingestion/domain/day-state.ts';
import { expectedDays } from '../../ingestion/domain/expected-days.ts';
import { selectSeries } from '../../ingestion/domain/series.ts';
import { emptyTables, useTestDatabase } from '../support/test-database.ts';
import { TWO_COINS } from '../support/two-coins.ts';

const universe = { ...TWO_COINS, currencies: TWO_COINS.currencies.slice(0, 2) };
const SERIES = selectSeries(universe, {});
const LAST: Day = '2026-03-12';
/** Over three blocks of 64 days. */
const DAYS = daysFrom(addDays(LAST, -149), LAST);

const testDatabase = await useTestDatabase();
const database = createDatabase({ url: testDatabase.url });
afterAll(database.close);

/** How old an absence is, around the 48 hours after which it counts. */
const absence = fc.record({ ageHours: fc.constantFrom(0, 20, 47, 48, 200), isConfirmed: fc.boolean() });
const row = fc.constantFrom(
  { isFinal: true, isThin: false },
  { isFinal: true, isThin: true },
  { isFinal: false, isThin: true },
  { isFinal: false, isThin: false },
);
const FINAL = { row: { isFinal: true, isThin: false }, absence: null };
type StoredDay = Pick<DayState, 'row'> & { absence: { ageHours: number; isConfirmed: boolean } | null };
const storedDay: fc.Arbitrary<StoredDay> = fc.oneof(
  { weight: 30, arbitrary: fc.constant(FINAL) },
  { weight: 2, arbitrary: fc.constant({ row: null, absence: null }) },
  { weight: 2, arbitrary: fc.record({ row, absence: fc.constant(null) }) },
  { weight: 1, arbitrary: fc.record({ row: fc.constant(null), absence }) },
  { weight: 1, arbitrary: fc.record({ row, absence }) },
);
const day = fc.nat(DAYS.length - 1).map((index) => DAYS[index] ?? LAST);
const requestedRange = fc.tuple(day, day).map((days) => {
  const [first = LAST, last = LAST] = days.sort();
  return { first, last };
});
const storedSeries = fc.record({
  /** Null for a series that no run has opened. */
  trackedSince: fc.option(day, { freq: 8 }),
  isTracked: fc.boolean(),
  requested: fc.uniqueArray(requestedRange, { maxLength: 3, selector: ({ first, last }) => `${first} ${last}` }),
  days: fc.oneof(
    fc.array(storedDay, { maxLength: DAYS.length }),
    fc.array(fc.constant<StoredDay>(FINAL), { minLength: 140, maxLength: DAYS.length }),
  ),
});
type Of<T> = T extends fc.Arbitrary<infer Value> ? Value : never;
type StoredSeries = Of<typeof storedSeries>;

const stored = fc.record({
  series: fc.array(storedSeries, { minLength: SERIES.length, maxLength: SERIES.length }),
  historyDays: fc.option(fc.constantFrom(1, 30, 64, 100, 365)),
  now: fc
    .tuple(fc.integer({ min: -3, max: 3 }), fc.constantFrom(0, 1, 1.25, 2, 23.9))
    .map(([days, hours]) => endOf(addDays(LAST, days - 1)) + hours * HOUR_MS),
});

async function store(db: Kysely<Tables>, { series, historyDays, now }: Of<typeof stored>) {
  await emptyTables(testDatabase);
  const [runId, otherRunId] = [randomUUID(), randomUUID()];
  await sql`insert into ingestion_runs (id, trigger_key, trigger, due_at, request, status, started_at, hops, history_days)
    select id, id, 'cli', now(), '{}', 'running', now(), 1, ${historyDays}::integer
    from unnest(${[runId, otherRunId]}::uuid[]) as id`.execute(db);
  for (const { id, symbol, name } of universe.coins)
    await sql`insert into coins values (${id}, ${symbol}, ${name})`.execute(db);
  for (const { code, name } of universe.currencies)
    await sql`insert into currencies values (${code}, ${name})`.execute(db);
  for (const [index, { coin, currency }] of SERIES.entries()) {
    const { trackedSince, isTracked, requested, days } = series[index] as StoredSeries;
    if (trackedSince === null) continue;
    await sql`insert into series (coin_id, currency, tracked_since, is_tracked)
      values (${coin}, ${currency}, ${trackedSince}, ${isTracked})`.execute(db);
    for (const { first, last } of requested)
      await sql`insert into requested_ranges values (${coin}, ${currency}, ${first}, ${last}, ${runId}, now())`.execute(
        db,
      );
    const columns = days.map((one, number) => ({ day: DAYS[number], ...one }));
    const rows = columns.filter(({ row }) => row !== null);
    await sql`
      insert into daily_prices (coin_id, currency, day, open, high, low, close, average, sample_count, hours_covered,
        first_sample_at, last_sample_at, is_settled, is_final, is_thin, revision, run_id, aggregation_version, updated_at)
      select ${coin}, ${currency}, day, 1, 1, 1, 1, 1, 24, 24, day::timestamp at time zone 'UTC',
        day::timestamp at time zone 'UTC', true, is_final, is_thin, 0, ${runId}, 1, now()
      from unnest(${rows.map(({ day }) => day)}::date[], ${rows.map(({ row }) => row?.isFinal)}::boolean[],
        ${rows.map(({ row }) => row?.isThin)}::boolean[]) as stored(day, is_final, is_thin)`.execute(db);
    const absent = columns.filter(({ absence }) => absence !== null);
    await sql`
      insert into unavailable_days
      select ${coin}, ${currency}, day, 'test', ${runId}, case when is_confirmed then ${otherRunId}::uuid end, recorded_at
      from unnest(${absent.map(({ day }) => day)}::date[], ${absent.map(({ absence }) => absence?.isConfirmed)}::boolean[],
        ${absent.map(({ absence }) => new Date(now - (absence?.ageHours ?? 0) * HOUR_MS).toISOString())}::timestamptz[])
        as absent(day, is_confirmed, recorded_at)`.execute(db);
  }
}

/** A mark from before the day had ended is none: a clock was ahead. */
function markOf(
  day: Day,
  now: number,
  absence: { ageHours: number; isConfirmed: boolean } | null,
): DayState['absence'] {
  const recordedAt = now - (absence?.ageHours ?? 0) * HOUR_MS;
  return absence && recordedAt >= endOf(day) ? { recordedAt, isConfirmed: absence.isConfirmed } : null;
}

const nothing = (day: Day): DayState => ({ day, row: null, absence: null, wasAsked: false });

test('counts, lists and newest days are those of the rules, whatever is stored', async () => {
  await fc.assert(
    fc.asyncProperty(stored, async (data) => {
      const { now, historyDays } = data;
      await store(database.db, data);
      const statesOf = (index: number): DayState[] => {
        const { trackedSince, days } = data.series[index] as StoredSeries;
        if (trackedSince === null) return [];
        return days.map(({ row, absence }, number) => ({
          ...nothing(DAYS[number] ?? ''),
          row,
          absence: markOf(DAYS[number] ?? '', now, absence),
        }));
      };
      const expectedOf = (index: number): Day[] => {
        const { trackedSince, isTracked, requested } = data.series[index] as StoredSeries;
        if (trackedSince === null) return [];
        const days = { trackedSince, requested: isTracked ? requested : [] };
        const limits = { dueAt: now, request: {}, historyDays: historyDays ?? 36_500 };
        return expectedDays(days, limits).expected.flatMap(({ first, last }) => daysFrom(first, last));
      };
      const byRules = SERIES.map((series, index): SeriesCoverage => {
        const states = statesOf(index);
        const daysWith = (status: DayStatus) =>
          states.filter((state) => statusOf(state, now) === status).map(({ day }) => day);
        const state = (day: Day) => states.find((one) => one.day === day) ?? nothing(day);
        return {
          ...series,
          trackedSince: data.series[index]?.trackedSince ?? null,
          firstFinalDay: daysWith('final')[0] ?? null,
          lastFinalDay: daysWith('final').at(-1) ?? null,
          newestDay: states.filter(({ row }) => row !== null).at(-1)?.day ?? null,
          finalDays: daysWith('final').length,
          thinDays: daysWith('thin').length,
          provisionalDays: states.filter((one) => one.row && statusOf(one, now) === 'provisional').length,
          missingDays: expectedOf(index).filter((day) =>
            isMissing(state(day), { dueAt: now, refetch: false, namesDays: false }),
          ),
          unconfirmedDays: daysWith('unconfirmed'),
          unavailableDays: daysWith('unavailable'),
        };
      });
      expect(await readSeriesCoverage(database, { now, universe }, await readAllStoredDays(database, now))).toEqual(
        byRules,
      );

      const to = addDays(LAST, 3);
      const coverage = await readCoverage(database, { now, universe, from: DAYS[0] ?? '', to });
      expect(coverage.map(({ statuses }) => statuses)).toEqual(
        SERIES.map((_, index) => {
          const expected = new Set(expectedOf(index));
          const states = new Map(statesOf(index).map((state) => [state.day, state]));
          return daysFrom(DAYS[0] ?? '', to).map((day) => {
            const status = statusOf(states.get(day) ?? nothing(day), now);
            const isOpen = day > lastSettledDay(now) && status !== 'missing';
            return status === 'final' || isOpen || expected.has(day) ? status : 'none';
          });
        }),
      );

      const newest = (has: (state: DayState) => boolean) =>
        DAYS.findLast((day) =>
          SERIES.every((_, index) => statesOf(index).some((one) => one.day === day && has(one))),
        ) ?? null;
      const present = newest(({ row, absence }) => absence !== null || row?.isFinal === true || row?.isThin === true);
      expect(await readFreshness(database, { now, universe })).toMatchObject({
        newestFinalDay: newest(({ row }) => row?.isFinal === true),
        priceAgeHours: present === null ? null : (now - endOf(present)) / HOUR_MS,
      });
    }),
    { numRuns: 25 },
  );
}, 60_000);
