import { type Kysely, sql } from 'kysely';
import type { Universe } from '../contract/universe-schema.ts';
import { type Day, type DaySpan, daysFrom, type Instant, lastSettledDay } from '../domain/day.ts';
import { type DayState, type DayStatus, isMissing, statusOf } from '../domain/day-state.ts';
import { expectedDays } from '../domain/expected-days.ts';
import { type Series, selectSeries, seriesName } from '../domain/series.ts';
import type { Database } from './connection.ts';
import { readFinalDays } from './final-days.ts';
import { readRequestedRanges } from './runs.ts';
import type { Tables } from './tables.ts';

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
  const { db } = database;
  const tracked = await readTracked(database, now);
  const ranges = [...tracked.values()].flatMap(({ coin, currency, expected }) =>
    expected.map(({ first, last }) => ({ coin, currency, first, last })),
  );
  const finalDays = await readFinalDays(db, ranges);
  const otherDays = await readOtherDays(db, { from: '0001-01-01', to: '9999-12-31' });
  return selectSeries(universe, {}).map((series) => {
    const name = seriesName(series);
    const final = finalDays.get(name) ?? { count: 0, first: null, last: null, lacking: [] };
    const others = otherDays.get(name) ?? new Map<Day, DayState>();
    const daysWith = (status: DayStatus) =>
      [...others.values()].filter((state) => statusOf(state, now) === status).map(({ day }) => day);
    const daysWithRow = [...others.values()].flatMap(({ day, row }) => (row === null ? [] : day));
    return {
      ...series,
      trackedSince: tracked.get(name)?.trackedSince ?? null,
      firstFinalDay: final.first,
      lastFinalDay: final.last,
      newestDay: [final.last ?? [], ...daysWithRow].flat().sort().at(-1) ?? null,
      finalDays: final.count,
      thinDays: daysWith('thin').length,
      provisionalDays: daysWith('provisional').length,
      missingDays: final.lacking.filter((day) =>
        isMissing(others.get(day) ?? nothing(day), { dueAt: now, refetch: false }),
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
  const { db } = database;
  const tracked = await readTracked(database, now);
  const otherDays = await readOtherDays(db, { from, to });
  const rows = await db
    .selectFrom('daily_prices')
    .select(['coin_id as coin', 'currency', 'day'])
    .where('is_final', '=', true)
    .where('day', '>=', from)
    .where('day', '<=', to)
    .execute();
  const finalDays = Map.groupBy(rows, seriesName);
  return selectSeries(universe, {}).map((series) => {
    const name = seriesName(series);
    const expected = tracked.get(name)?.expected ?? [];
    const isExpected = (day: Day) => expected.some(({ first, last }) => first <= day && day <= last);
    const final = new Set(finalDays.get(name)?.map(({ day }) => day));
    const statuses = daysFrom(from, to).map((day) => {
      if (final.has(day)) return 'final';
      const status = statusOf(otherDays.get(name)?.get(day) ?? nothing(day), now);
      // Of a day that is not settled yet nothing is expected, and what there is of it is shown.
      const isOpen = day > lastSettledDay(now) && status !== 'missing';
      return isOpen || isExpected(day) ? status : 'none';
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

type TrackedSeries = Series & { readonly trackedSince: Day; readonly expected: readonly DaySpan[] };

const nothing = (day: Day): DayState => ({ day, row: null, absence: null, wasAsked: false });

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

/** @returns by series and day what is known of days without a final row, in day order. */
async function readOtherDays(
  db: Kysely<Tables>,
  { from, to }: { from: Day; to: Day },
): Promise<ReadonlyMap<string, ReadonlyMap<Day, DayState>>> {
  const { rows } = await sql<Series & OtherDay>`
    select coin_id as coin, currency, day, is_thin, recorded_at, confirmed_run_id is not null as is_confirmed
    from (select * from daily_prices where not is_final) as open
    full join (
      select * from unavailable_days as absent
      where not exists (
        select from daily_prices as price
        where (price.coin_id, price.currency, price.day) = (absent.coin_id, absent.currency, absent.day) and is_final
      )
    ) as absent using (coin_id, currency, day)
    where day between ${from} and ${to}
    order by day
  `.execute(db);
  const bySeries = new Map<string, Map<Day, DayState>>();
  for (const row of rows) {
    const name = seriesName(row);
    const states = bySeries.get(name) ?? new Map<Day, DayState>();
    bySeries.set(name, states.set(row.day, toState(row)));
  }
  return bySeries;
}

/** @property is_thin null where there is no row. @property recorded_at null where no answer lacked the day. */
type OtherDay = { day: Day; is_thin: boolean | null; recorded_at: Date | null; is_confirmed: boolean };

const toState = ({ day, is_thin, recorded_at, is_confirmed }: OtherDay): DayState => ({
  ...nothing(day),
  row: is_thin === null ? null : { isFinal: false, isThin: is_thin },
  absence: recorded_at && { recordedAt: recorded_at.getTime(), isConfirmed: is_confirmed },
});

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
