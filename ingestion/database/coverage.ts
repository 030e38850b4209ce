import { sql } from 'kysely';
import type { Universe } from '../contract/universe-schema.ts';
import {
  addDays,
  countDays,
  type Day,
  type DaySpan,
  daysFrom,
  type Instant,
  lastSettledDay,
  mergeSpans,
} from '../domain/day.ts';
import { type DayStatus, fullScope, isMissing, statusOf } from '../domain/day-state.ts';
import { expectedDays } from '../domain/expected-days.ts';
import { type Series, selectSeries, seriesName } from '../domain/series.ts';
import type { Database } from './connection.ts';
import { readRequestedRanges } from './runs.ts';
import { readStoredDays, type StoredDays, unknownDay } from './sql/day-states.ts';

/**
 * What is stored of a series.
 * - `trackedSince`: null until its first answer.
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

/** Of series without an entry nothing is stored. */
export type StoredBySeries = ReadonlyMap<string, StoredDays>;

const NOTHING: StoredDays = { finalSpans: [], open: new Map() };

export const readAllStoredDays = ({ db }: Database, now: Instant): Promise<StoredBySeries> =>
  readStoredDays(db, { from: '0001-01-01', to: '9999-12-31', now });

/** @returns the coverage of every series of the universe, in the universe's order. */
export async function readSeriesCoverage(
  database: Database,
  { now, universe }: { now: Instant; universe: Universe },
  stored: StoredBySeries,
): Promise<SeriesCoverage[]> {
  const tracked = await readTracked(database, now);
  return selectSeries(universe, {}).map((series) => {
    const { finalSpans, open } = stored.get(seriesName(series)) ?? NOTHING;
    const { trackedSince = null, expected = [] } = tracked.get(seriesName(series)) ?? {};
    const states = [...open.values()].toSorted((one, other) => (one.day < other.day ? -1 : 1));
    const daysWith = (status: DayStatus) =>
      states.filter((state) => statusOf(state, now) === status).map(({ day }) => day);
    const lastFinalDay = finalSpans.at(-1)?.last ?? null;
    const lastOpenDay = states.findLast(({ row }) => row !== null)?.day ?? null;
    return {
      ...series,
      trackedSince,
      firstFinalDay: finalSpans[0]?.first ?? null,
      lastFinalDay,
      newestDay: [lastFinalDay ?? '', lastOpenDay ?? ''].toSorted().at(-1) || null,
      finalDays: finalSpans.reduce((sum, { first, last }) => sum + countDays(first, last), 0),
      thinDays: daysWith('thin').length,
      provisionalDays: daysWith('provisional').length,
      missingDays: daysOutside(expected, finalSpans).filter((day) =>
        isMissing(open.get(day) ?? unknownDay(day), fullScope(now)),
      ),
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
  const tracked = await readTracked(database, now);
  const stored = await readStoredDays(database.db, { from, to, now });
  return selectSeries(universe, {}).map((series) => {
    const { finalSpans, open } = stored.get(seriesName(series)) ?? NOTHING;
    const { expected = [] } = tracked.get(seriesName(series)) ?? {};
    const statuses = daysFrom(from, to).map((day) => {
      if (isWithin(day, finalSpans)) return 'final';
      const status = statusOf(open.get(day) ?? unknownDay(day), now);
      // Of a day that is not settled yet nothing is expected, and what there is of it is shown.
      const isOpen = day > lastSettledDay(now) && status !== 'missing';
      return isOpen || isWithin(day, expected) ? status : 'none';
    });
    return { ...series, statuses };
  });
}

/** @returns the newest day of which every series of the universe has a final row; null where there is none. */
export const newestFinalDay = (universe: Universe, stored: StoredBySeries): Day | null =>
  newestCommonDay(universe, (name) => stored.get(name)?.finalSpans ?? []);

/**
 * @returns the newest day that every series of the universe has, or has as far as its source does: thin, unconfirmed and
 * unavailable days count as present, since nobody can do anything about them. Null where there is none.
 */
export const newestPresentDay = (universe: Universe, stored: StoredBySeries): Day | null =>
  newestCommonDay(universe, (name) => {
    const { finalSpans, open } = stored.get(name) ?? NOTHING;
    const present = [...open.values()].filter(({ row, absence }) => absence !== null || row?.isThin);
    return mergeSpans([...finalSpans, ...present.map(({ day }) => ({ first: day, last: day }))]);
  });

/** Goes back from the newest day of one series to that of the next, until all of them have the same. */
function newestCommonDay(universe: Universe, spansOf: (name: string) => readonly DaySpan[]): Day | null {
  const spansOfAll = selectSeries(universe, {}).map((series) => spansOf(seriesName(series)));
  let common: Day = '9999-12-31';
  for (let before = ''; before !== common; ) {
    before = common;
    for (const spans of spansOfAll) {
      const newest = spans.findLast(({ first }) => first <= common);
      if (!newest) return null;
      if (newest.last < common) common = newest.last;
    }
  }
  return common;
}

const isWithin = (day: Day, spans: readonly DaySpan[]): boolean =>
  spans.some(({ first, last }) => first <= day && day <= last);

/** @returns the days of the spans that lie in none of the others. @param others ascending, without overlaps. */
function daysOutside(spans: readonly DaySpan[], others: readonly DaySpan[]): Day[] {
  return spans.flatMap((span) => {
    const days: Day[] = [];
    let next = span.first;
    for (const { first, last } of others) {
      if (last < next || first > span.last) continue;
      days.push(...daysFrom(next, addDays(first, -1)));
      next = addDays(last, 1);
    }
    return [...days, ...daysFrom(next, span.last)];
  });
}

export type UnavailableDay = Awaited<ReturnType<typeof readUnavailableDays>>[number];

/** @returns the days of all series that were confirmed not to exist at the source, oldest first. */
export async function readUnavailableDays({ db }: Database) {
  return await db
    .selectFrom('unavailable_days')
    .select(['coin_id as coin', 'currency', 'day', 'reason'])
    .where('confirmed_run_id', 'is not', null)
    .orderBy(sql`day, coin_id, currency`)
    .execute();
}

type TrackedSeries = Series & { readonly trackedSince: Day | null; readonly expected: readonly DaySpan[] };

/** @returns since when each series is tracked, and what a full run due at that moment expects of it, by its name. */
async function readTracked(database: Database, dueAt: Instant): Promise<ReadonlyMap<string, TrackedSeries>> {
  const { db } = database;
  const historyDays = await readHistoryDays(database);
  const requested = Map.groupBy(await readRequestedRanges(db), seriesName);
  const rows = await db.selectFrom('series').select(['coin_id as coin', 'currency', 'tracked_since']).execute();
  return new Map(
    rows.map(({ coin, currency, tracked_since: trackedSince }) => {
      const name = seriesName({ coin, currency });
      const days = { trackedSince, requested: requested.get(name) ?? [] };
      const { expected } = expectedDays(days, { dueAt, request: {}, historyDays });
      return [name, { coin, currency, trackedSince, expected }];
    }),
  );
}

const HUNDRED_YEARS = 36_500;

/** How far back the plan of the last run reached; before the first, further than anything. */
async function readHistoryDays({ db }: Database): Promise<number> {
  const run = await db
    .selectFrom('ingestion_runs')
    .select('history_days')
    .where('history_days', 'is not', null)
    .orderBy('started_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return run?.history_days ?? HUNDRED_YEARS;
}
