import { type Kysely, type RawBuilder, sql } from 'kysely';
import {
  DAY_MS,
  type Day,
  type DaySpan,
  dayOf,
  daysFrom,
  HOUR_MS,
  type Instant,
  mergeSpans,
} from '../../domain/day.ts';
import type { DayState } from '../../domain/day-state.ts';
import { type Series, seriesName } from '../../domain/series.ts';
import type { DerivableRange } from '../../ports.ts';
import { toIso, unnestRows } from '../statements.ts';
import type { Tables } from '../tables.ts';

/**
 * One row for each day of each range, whether or not anything is stored of it; days with a final row are left out unless
 * `includeFinal`. `was_asked`: answers that this run has stored were asked for the day, of each source of the series.
 *
 * @returns one list per range, in the order given, each in day order.
 */
export async function readDayStates(
  db: Kysely<Tables>,
  runId: string,
  ranges: readonly DerivableRange[],
  { includeFinal, now }: { includeFinal: boolean; now: Instant },
): Promise<DayState[][]> {
  const columns = {
    position: 'integer',
    coin_id: 'text',
    currency: 'text',
    asked_currency: 'text',
    reference: 'text',
    first: 'date',
    last: 'date',
  } as const;
  const rowsOfRanges = ranges.map((range, position) => {
    const [asked, reference] = range.sources ?? [range];
    return { ...range, position, askedCurrency: asked.currency, reference: reference?.coin ?? null };
  });
  const range = unnestRows('range', columns, rowsOfRanges);
  const wasAsked = (coin: string, currency: string) => sql`exists (
    select from answers
    where (run_id, coin_id, currency) = (${runId}, ${sql.ref(`range.${coin}`)}, ${sql.ref(`range.${currency}`)})
      and expected.day between first_day and last_day
  )`;
  const { rows } = await sql<StateRow>`
    select range.position, expected.day, price.is_final, price.is_thin,
      absent.recorded_at, absent.confirmed_run_id is not null as is_confirmed,
      ${wasAsked('coin_id', 'asked_currency')} and (range.reference is null
        or ${wasAsked('reference', 'asked_currency')} and ${wasAsked('reference', 'currency')}) as was_asked
    from ${range}
    cross join lateral (
      select range.first + number as day from generate_series(0, range.last - range.first) as number
    ) as expected
    left join daily_prices as price
      on (price.coin_id, price.currency, price.day) = (range.coin_id, range.currency, expected.day)
    left join unavailable_days as absent
      on (absent.coin_id, absent.currency, absent.day) = (range.coin_id, range.currency, expected.day)
        and ${isMark(now)}
    where ${includeFinal} or price.is_final is not true
    order by range.position, expected.day
  `.execute(db);
  const byPosition = Map.groupBy(rows, ({ position }) => position);
  return ranges.map((_, position) => (byPosition.get(position) ?? []).map(toState));
}

/** A clock that was ahead has marked days before they had ended, or at moments that are still to come. */
const isMark = (now: Instant) => sql<boolean>`(absent.recorded_at >= (absent.day + 1)::timestamp at time zone 'UTC'
  and absent.recorded_at <= ${toIso(now + HOUR_MS)})`;

/** @property is_final null where there is no row. @property recorded_at null where no answer lacked the day. */
type StateRow = {
  position: number;
  day: Day;
  is_final: boolean | null;
  is_thin: boolean;
  recorded_at: Date | null;
  is_confirmed: boolean;
  was_asked: boolean;
};

const toState = (row: StateRow): DayState => ({
  day: row.day,
  row: row.is_final === null ? null : { isFinal: row.is_final, isThin: row.is_thin },
  absence: row.recorded_at && { recordedAt: row.recorded_at.getTime(), isConfirmed: row.is_confirmed },
  wasAsked: row.was_asked,
});

/**
 * What is stored of a series.
 * @property finalSpans the days with a final row, ascending.
 * @property open by day, what is known of every other day.
 */
export type StoredDays = { readonly finalSpans: readonly DaySpan[]; readonly open: ReadonlyMap<Day, DayState> };

/**
 * The states of all stored days between two, in one pass over the table. Days become bits of a number for every 64 days, which
 * keeps 10,000 series of a year within seconds.
 * @returns by the series' name; none for a series of which nothing is stored.
 */
export async function readStoredDays(
  db: Kysely<Tables>,
  { from, to, now }: { from: Day; to: Day; now: Instant },
): Promise<ReadonlyMap<string, StoredDays>> {
  const daysWith = (condition: RawBuilder<unknown>) =>
    sql`(bit_or(1::bigint << 63 - number % 64) filter (where ${condition}))::bit(64)::text`;
  const { rows } = await sql<StoredBlock>`
    select coin_id as coin, currency, number / 64 as block, ${daysWith(sql`is_final`)} as final,
      ${daysWith(sql`not is_final and is_thin`)} as thin, ${daysWith(sql`not is_final and not is_thin`)} as provisional
    from daily_prices cross join lateral (select day - date '1970-01-01' as number) as day_number
    where day between ${from} and ${to}
    group by coin_id, currency, block
  `.execute(db);
  const absences = await db
    .selectFrom('unavailable_days as absent')
    .select(['coin_id as coin', 'currency', 'day', 'recorded_at', 'confirmed_run_id'])
    .where(isMark(now))
    .where('day', '>=', from)
    .where('day', '<=', to)
    .execute();
  const absencesOf = Map.groupBy(absences, seriesName);
  const blocksOf = Map.groupBy(rows, seriesName);
  return new Map(
    [...new Set([...blocksOf.keys(), ...absencesOf.keys()])].map((name) => [
      name,
      toStoredDays(blocksOf.get(name) ?? [], absencesOf.get(name) ?? []),
    ]),
  );
}

type Absence = { readonly day: Day; readonly recorded_at: Date; readonly confirmed_run_id: string | null };

/** The 64 days from `block` × 64 days after 1970-01-01: `1` for each that has such a row; null where none has one. */
type StoredBlock = Series & {
  readonly block: number;
  readonly final: string | null;
  readonly thin: string | null;
  readonly provisional: string | null;
};

function toStoredDays(blocks: readonly StoredBlock[], absences: readonly Absence[]): StoredDays {
  const open = new Map<Day, DayState>();
  const know = (day: Day, known: Partial<DayState>) =>
    void open.set(day, { ...(open.get(day) ?? unknownDay(day)), ...known });
  const finalSpans = mergeSpans(blocks.flatMap(({ block, final }) => spansIn(block, final)));
  for (const { block, thin, provisional } of blocks) {
    for (const day of daysIn(block, thin)) know(day, { row: { isFinal: false, isThin: true } });
    for (const day of daysIn(block, provisional)) know(day, { row: { isFinal: false, isThin: false } });
  }
  for (const { day, recorded_at, confirmed_run_id } of absences) {
    // A final row decides, whatever an answer lacked.
    if (finalSpans.some(({ first, last }) => first <= day && day <= last)) continue;
    know(day, { absence: { recordedAt: recorded_at.getTime(), isConfirmed: confirmed_run_id !== null } });
  }
  return { finalSpans, open };
}

const spansIn = (block: number, bits: string | null): DaySpan[] =>
  [...(bits ?? '').matchAll(/1+/g)].map(({ 0: { length }, index }) => ({
    first: dayInBlock(block, index),
    last: dayInBlock(block, index + length - 1),
  }));
const daysIn = (block: number, bits: string | null): Day[] =>
  spansIn(block, bits).flatMap(({ first, last }) => daysFrom(first, last));
const dayInBlock = (block: number, index: number): Day => dayOf((block * 64 + index) * DAY_MS);

/** A day of which nothing is stored. */
export const unknownDay = (day: Day): DayState => ({ day, row: null, absence: null, wasAsked: false });
