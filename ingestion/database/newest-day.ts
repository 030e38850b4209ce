import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Universe } from '../contract/universe-schema.ts';
import type { Day } from '../domain/day.ts';
import type { Tables } from './tables.ts';

/** @returns the newest day of which every series of the universe has a final row; null where there is none. */
export const newestFinalDay = (db: Kysely<Tables>, universe: Universe): Promise<Day | null> =>
  newestCommonDay(db, universe, latestRow(sql`is_final`), sql`0`);

/**
 * @returns the newest day that every series of the universe has, or has as far as its source does: thin, unconfirmed and
 * unavailable days count as present, since nobody can do anything about them. Null where there is none.
 */
export const newestPresentDay = (db: Kysely<Tables>, universe: Universe): Promise<Day | null> =>
  newestCommonDay(
    db,
    universe,
    sql`greatest(
      ${latestRow(sql`(is_final or is_thin)`)},
      (select max(day) from unavailable_days as absent
        where (absent.coin_id, absent.currency) = (series.coin_id, series.currency))
    )`,
    sql`coalesce(other.count, 0)`,
  );

/** A series' newest day with such a row, which the primary key finds without a look at the others. */
const latestRow = (condition: RawBuilder<unknown>) => sql`(
  select day from daily_prices as price
  where (price.coin_id, price.currency) = (series.coin_id, series.currency) and ${condition}
  order by day desc limit 1
)`;

/**
 * Mostly the newest days of all series are the same, and that is the day. Else the series that have it are counted for every day.
 * @param others how many series have a day without a final row of which the table `other` tells.
 */
async function newestCommonDay(
  db: Kysely<Tables>,
  universe: Universe,
  latest: RawBuilder<unknown>,
  others: RawBuilder<unknown>,
): Promise<Day | null> {
  const coins = sql`${universe.coins.map(({ id }) => id)}::text[]`;
  const currencies = sql`${universe.currencies.map(({ code }) => code)}::text[]`;
  const { rows } = await sql<{ oldest: Day | null; newest: Day | null; hasAll: boolean }>`
    select min(day) as oldest, max(day) as newest, bool_and(day is not null) as "hasAll"
    from (
      select ${latest} as day
      from (
        select coin_id, currency from unnest(${coins}) as coin_id cross join unnest(${currencies}) as currency
      ) as series
    ) as latest
  `.execute(db);
  const [{ oldest = null, newest = null, hasAll = false } = {}] = rows;
  if (!hasAll || oldest === null || oldest === newest) return hasAll ? oldest : null;
  const isOfUniverse = sql`coin_id = any(${coins}) and currency = any(${currencies}) and day <= ${oldest}`;
  const counted = await sql<{ day: Day | null }>`
    with final as (
      select day, count(*) as count from daily_prices where is_final and ${isOfUniverse} group by day
    ),
    other as (
      select day, count(*) as count
      from (
        select coin_id, currency, day from daily_prices where not is_final and is_thin
        union
        select coin_id, currency, day from unavailable_days as absent
        where not exists (
          select from daily_prices as price
          where (price.coin_id, price.currency, price.day) = (absent.coin_id, absent.currency, absent.day) and is_final
        )
      ) as day_without_final_row
      where ${isOfUniverse}
      group by day
    )
    select max(day) as day from final full join other using (day)
    where coalesce(final.count, 0) + ${others} = ${universe.coins.length * universe.currencies.length}
  `.execute(db);
  return counted.rows[0]?.day ?? null;
}
