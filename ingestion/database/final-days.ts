import { type Kysely, sql } from 'kysely';
import type { Day } from '../domain/day.ts';
import { seriesName } from '../domain/series.ts';
import type { DayRange } from '../ports.ts';
import { unnestRows } from './statements.ts';
import type { Tables } from './tables.ts';

/** @property lacking the days of the ranges asked for that have no final row, ascending. */
export type FinalDays = {
  readonly count: number;
  readonly first: Day | null;
  readonly last: Day | null;
  readonly lacking: readonly Day[];
};

/**
 * Counts the final rows of all series in one pass over the table. Days become bits of a number for every 64 days, so that
 * only where a bit is missing are days looked at one by one.
 *
 * @param ranges of one series they don't overlap.
 * @returns by the series' name; none for a series without final rows and ranges.
 */
export async function readFinalDays(
  db: Kysely<Tables>,
  ranges: readonly DayRange[],
): Promise<ReadonlyMap<string, FinalDays>> {
  const columns = { coin: 'text', currency: 'text', first: 'date', last: 'date' } as const;
  const number = (day: string) => sql`(${sql.ref(day)} - date '0001-01-01')`;
  const { rows } = await sql<FinalDays & { coin: string; currency: string }>`
    with block as materialized (
      select coin_id as coin, currency, ${number('day')} / 64 as number, bit_or(1::bigint << ${number('day')} % 64) as days,
        count(*) as count, min(day) as first, max(day) as last
      from daily_prices where is_final
      group by 1, 2, 3
    ),
    incomplete as materialized (
      select coin, currency, number, range.first, range.last, coalesce(days, 0) as days
      from ${unnestRows('range', columns, ranges)}
      cross join lateral generate_series(${number('range.first')} / 64, ${number('range.last')} / 64) as number
      left join block using (coin, currency, number)
      where days is distinct from -1
    ),
    lacking as (
      select coin, currency, array_agg(day::text order by day) as days
      from incomplete
      cross join lateral (select date '0001-01-01' + number * 64 + bit as day, bit from generate_series(0, 63) as bit) as bits
      where days >> bit & 1 = 0 and day between first and last
      group by 1, 2
    ),
    stored as (
      select coin, currency, sum(count)::integer as count, min(first) as first, max(last) as last
      from block group by 1, 2
    )
    select coin, currency, coalesce(count, 0) as count, first, last, coalesce(days, '{}') as lacking
    from stored full join lacking using (coin, currency)
  `.execute(db);
  return new Map(rows.map((row) => [seriesName(row), row]));
}
