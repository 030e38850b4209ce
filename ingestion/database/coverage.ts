import type { Universe } from '../contract/universe.ts';
import { type Day, type DaySpan, daysFrom, type Instant, lastSettledDay } from '../domain/day.ts';
import { type DayState, type DayStatus, isMissing, statusOf } from '../domain/day-state.ts';
import { expectedDays } from '../domain/expected-days.ts';
import { type Series, selectSeries, seriesName } from '../domain/series.ts';
import type { Database } from './connection.ts';
import { readRequestedRanges } from './runs.ts';

/**
 * What is stored of a series.
 * - `trackedSince`: null for a series that no run has opened yet; nothing is missing of it then.
 * - `finalDays`, `thinDays`, `provisionalDays` count rows, also of today and of days before `trackedSince`.
 * - `missingDays`: expected days that a full run due now could not be complete without.
 * - `unconfirmedDays`: days that one proper answer lacked; those of 48 h or more ago count as missing too.
 */
export type SeriesCoverage = Series & {
  readonly trackedSince: Day | null;
  readonly firstFinalDay: Day | null;
  readonly lastFinalDay: Day | null;
  readonly newestDay: Day | null;
  readonly finalDays: number;
  readonly thinDays: number;
  readonly provisionalDays: number;
  readonly missingDays: readonly Day[];
  readonly unconfirmedDays: readonly Day[];
  readonly unavailableDays: readonly Day[];
};

/** `none`: not expected, and nothing final is stored. */
export type CoverageStatus = DayStatus | 'none';

/** A series over consecutive days, oldest first. */
export type DailyCoverage = Series & { readonly statuses: readonly CoverageStatus[] };

/** A day that was confirmed not to exist at the source. */
export type UnavailableDay = Series & { readonly day: Day; readonly reason: string };

/** @returns the coverage of every series of the universe, in the universe's order. */
export async function readSeriesCoverage(
  database: Database,
  { now, universe }: { now: Instant; universe: Universe },
): Promise<SeriesCoverage[]> {
  const stored = await readStored(database, { now, from: '0001-01-01', to: '9999-12-31' });
  return selectSeries(universe, {}).map((series) => {
    const { trackedSince, expected, states } = stored(series);
    const rows = [...states.values()].filter(({ row }) => row !== null);
    const daysWith = (status: DayStatus) =>
      [...states.values()].filter((state) => statusOf(state, now) === status).map(({ day }) => day);
    const finalDays = daysWith('final');
    return {
      ...series,
      trackedSince,
      firstFinalDay: finalDays[0] ?? null,
      lastFinalDay: finalDays.at(-1) ?? null,
      newestDay: rows.at(-1)?.day ?? null,
      finalDays: finalDays.length,
      thinDays: daysWith('thin').length,
      provisionalDays: daysWith('provisional').length,
      missingDays: expected
        .flatMap(({ first, last }) => daysFrom(first, last))
        .filter((day) => isMissing(states.get(day) ?? nothing(day), { dueAt: now, refetch: false })),
      unconfirmedDays: daysWith('unconfirmed'),
      unavailableDays: daysWith('unavailable'),
    };
  });
}

/** @returns the status of each day from `from` to `to`, both inclusive, of every series, in the universe's order. */
export async function readCoverage(
  database: Database,
  { now, universe, from, to }: { now: Instant; universe: Universe; from: Day; to: Day },
): Promise<DailyCoverage[]> {
  const stored = await readStored(database, { now, from, to });
  return selectSeries(universe, {}).map((series) => {
    const { expected, states } = stored(series);
    const isExpected = (day: Day) => expected.some(({ first, last }) => first <= day && day <= last);
    const statuses = daysFrom(from, to).map((day) => {
      const status = statusOf(states.get(day) ?? nothing(day), now);
      // Of a day that is not settled yet nothing is expected, and what there is of it is shown.
      const isOpen = day > lastSettledDay(now) && status !== 'missing';
      return status === 'final' || isOpen || isExpected(day) ? status : 'none';
    });
    return { ...series, statuses };
  });
}

/** @returns the unavailable days of all series, oldest first. */
export async function readUnavailableDays({ db }: Database): Promise<UnavailableDay[]> {
  return await db
    .selectFrom('unavailable_days')
    .select(['coin_id as coin', 'currency', 'day', 'reason'])
    .where('confirmed_run_id', 'is not', null)
    .orderBy('day')
    .orderBy('coin_id')
    .orderBy('currency')
    .execute();
}

type StoredSeries = { trackedSince: Day | null; expected: readonly DaySpan[]; states: Map<Day, DayState> };

const nothing = (day: Day): DayState => ({ day, row: null, absence: null, wasAsked: false });

/** The states hold only days with a row, in day order, and those that an answer lacked. */
async function readStored(
  database: Database,
  { now, from, to }: { now: Instant; from: Day; to: Day },
): Promise<(series: Series) => StoredSeries> {
  const { db } = database;
  const historyDays = await readHistoryDays(database);
  const requested = Map.groupBy(await readRequestedRanges(db), seriesName);
  const bySeries = new Map<string, StoredSeries>();
  for (const { coin_id, currency, tracked_since } of await db.selectFrom('series').selectAll().execute()) {
    const name = seriesName({ coin: coin_id, currency });
    const days = { trackedSince: tracked_since, requested: requested.get(name) ?? [] };
    const { expected } = expectedDays(days, { dueAt: now, request: {}, historyDays });
    bySeries.set(name, { trackedSince: tracked_since, expected, states: new Map() });
  }
  const rows = await db
    .selectFrom('daily_prices')
    .select(['coin_id as coin', 'currency', 'day', 'is_final', 'is_thin'])
    .where('day', '>=', from)
    .where('day', '<=', to)
    .orderBy('day')
    .execute();
  for (const { coin, currency, day, is_final, is_thin } of rows) {
    const row = { isFinal: is_final, isThin: is_thin };
    bySeries.get(seriesName({ coin, currency }))?.states.set(day, { ...nothing(day), row });
  }
  // A day is never in both tables.
  const absent = await db
    .selectFrom('unavailable_days')
    .select(['coin_id as coin', 'currency', 'day', 'recorded_at', 'confirmed_run_id'])
    .where('day', '>=', from)
    .where('day', '<=', to)
    .orderBy('day')
    .execute();
  for (const { coin, currency, day, recorded_at, confirmed_run_id } of absent) {
    const absence = { recordedAt: recorded_at.getTime(), isConfirmed: confirmed_run_id !== null };
    bySeries.get(seriesName({ coin, currency }))?.states.set(day, { ...nothing(day), absence });
  }
  return (series) => bySeries.get(seriesName(series)) ?? { trackedSince: null, expected: [], states: new Map() };
}

/** How far back the plan of the last run reached; before the first, further than anything. */
async function readHistoryDays({ db }: Database): Promise<number> {
  const run = await db
    .selectFrom('ingestion_runs')
    .select('history_days')
    .where('history_days', 'is not', null)
    .orderBy('started_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return run?.history_days ?? Number.MAX_SAFE_INTEGER;
}
