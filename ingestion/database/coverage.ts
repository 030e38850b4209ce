import type { Universe } from '../contract/universe.ts';
import { type Day, daysFrom, type Instant, lastSettledDay } from '../domain/day.ts';
import { type DayState, type DayStatus, statusOf } from '../domain/day-state.ts';
import { type Series, selectSeries, seriesName } from '../domain/series.ts';
import type { Database } from './connection.ts';

/**
 * What is stored of a series.
 * - `trackedSince`: null for a series that no run has opened yet; nothing is missing of it then.
 * - `finalDays`, `thinDays`, `provisionalDays` count rows, also of today and of days before `trackedSince`.
 * - `missingDays`: settled days since `trackedSince` without a final row that are neither thin nor unavailable.
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
  readonly unavailableDays: readonly Day[];
};

/** `none`: nothing is stored and nothing is expected, before `trackedSince` or while the day is not settled. */
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
  const stored = await readStored(database, { from: '0001-01-01', to: '9999-12-31' });
  return selectSeries(universe, {}).map((series) => {
    const { trackedSince, states } = stored(series);
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
      missingDays:
        trackedSince === null
          ? []
          : daysFrom(trackedSince, lastSettledDay(now)).filter((day) => {
              const status = statusOf(states.get(day) ?? nothing(day), now);
              return status === 'missing' || status === 'provisional';
            }),
      unavailableDays: daysWith('unavailable'),
    };
  });
}

/** @returns the status of each day from `from` to `to`, both inclusive, of every series, in the universe's order. */
export async function readCoverage(
  database: Database,
  { now, universe, from, to }: { now: Instant; universe: Universe; from: Day; to: Day },
): Promise<DailyCoverage[]> {
  const stored = await readStored(database, { from, to });
  return selectSeries(universe, {}).map((series) => {
    const { trackedSince, states } = stored(series);
    const isExpected = (day: Day) => trackedSince !== null && day >= trackedSince && day <= lastSettledDay(now);
    const statuses = daysFrom(from, to).map((day) => {
      const status = statusOf(states.get(day) ?? nothing(day), now);
      return status === 'missing' && !isExpected(day) ? 'none' : status;
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

type StoredSeries = { trackedSince: Day | null; states: Map<Day, DayState> };

const nothing = (day: Day): DayState => ({ day, row: null, isUnavailable: false, wasAsked: false });

/** The states hold only days with a row, in day order, and unavailable ones. */
async function readStored(
  database: Database,
  { from, to }: { from: Day; to: Day },
): Promise<(series: Series) => StoredSeries> {
  const { db } = database;
  const bySeries = new Map<string, StoredSeries>();
  for (const { coin_id, currency, tracked_since } of await db.selectFrom('series').selectAll().execute()) {
    bySeries.set(seriesName({ coin: coin_id, currency }), { trackedSince: tracked_since, states: new Map() });
  }
  const rows = await db
    .selectFrom('daily_prices')
    .select(['coin_id as coin', 'currency', 'day', 'is_final', 'is_settled', 'hours_covered'])
    .where('day', '>=', from)
    .where('day', '<=', to)
    .orderBy('day')
    .execute();
  for (const { coin, currency, day, ...row } of rows) {
    const stored = { isFinal: row.is_final, isSettled: row.is_settled, hoursCovered: row.hours_covered };
    bySeries.get(seriesName({ coin, currency }))?.states.set(day, { ...nothing(day), row: stored });
  }
  // A day is never in both tables.
  for (const { coin, currency, day } of await readUnavailableDays(database)) {
    if (day < from || day > to) continue;
    bySeries.get(seriesName({ coin, currency }))?.states.set(day, { ...nothing(day), isUnavailable: true });
  }
  return (series) => bySeries.get(seriesName(series)) ?? { trackedSince: null, states: new Map() };
}
