import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Universe } from '../contract/universe.ts';
import type { Day } from '../domain/day.ts';
import type { Tables } from './tables.ts';

/** @returns the newest day of which every series of the universe has a final row; null where there is none. */
export const newestFinalDay = (db: Kysely<Tables>, universe: Universe): Promise<Day | null> =>
  newestCommonDay(db, universe, (last) => latestRow(last, sql`is_final`));

/**
 * @returns the newest day that every series of the universe has, or has as far as its source does: thin, unconfirmed and
 * unavailable days count as present, since nobody can do anything about them. Null where there is none.
 */
export const newestPresentDay = (db: Kysely<Tables>, universe: Universe): Promise<Day | null> =>
  newestCommonDay(
    db,
    universe,
    (last) => sql`greatest(
      ${latestRow(last, sql`(is_final or is_thin)`)},
      (select max(day) from unavailable_days as absent
        where (absent.coin_id, absent.currency) = (series.coin_id, series.currency) and day <= ${last})
    )`,
  );

/** @returns a series' newest day up to `last` with such a row, which the primary key finds without a look at the others. */
const latestRow = (last: Day, condition: RawBuilder<unknown>) => sql`(
  select day from daily_prices as price
  where (price.coin_id, price.currency) = (series.coin_id, series.currency) and day <= ${last} and ${condition}
  order by day desc limit 1
)`;

/**
 * Goes back from the newest day that any series has to the oldest of the series' newest days, until they are the same: mostly
 * one step, whatever the history is.
 */
async function newestCommonDay(
  db: Kysely<Tables>,
  { coins, currencies }: Universe,
  latest: (last: Day) => RawBuilder<unknown>,
): Promise<Day | null> {
  for (let last: Day = '9999-12-31'; ; ) {
    const { rows } = await sql<{ oldest: Day | null; newest: Day | null; hasAll: boolean }>`
      select min(day) as oldest, max(day) as newest, bool_and(day is not null) as "hasAll"
      from (
        select ${latest(last)} as day
        from (
          select coin_id, currency
          from unnest(${coins.map(({ id }) => id)}::text[]) as coin_id
          cross join unnest(${currencies.map(({ code }) => code)}::text[]) as currency
        ) as series
      ) as latest
    `.execute(db);
    const [{ oldest = null, newest = null, hasAll = false } = {}] = rows;
    if (!hasAll || oldest === null) return null;
    if (oldest === newest) return oldest;
    last = oldest;
  }
}
