import { type Kysely, sql } from 'kysely';
import type { CrossRateBase } from '../../domain/series.ts';
import type { Tables } from '../tables.ts';

/**
 * A series is known to begin with the first sample of an answer whose window began 24 h or more earlier. Of what the run's
 * answers show, the earliest sample counts; one that is earlier than the known beginning makes it unknown again. A series
 * with an older row has begun before.
 */
export async function learnBeginnings(db: Kysely<Tables>, runId: string): Promise<void> {
  await sql`
    update series
    set begins_at = case when shown.is_beginning and not exists (
      select from daily_prices as price
      where (price.coin_id, price.currency) = (series.coin_id, series.currency)
        and price.day < (shown.first_sample_at at time zone 'UTC')::date
    ) then shown.first_sample_at end
    from (
      select distinct on (coin_id, currency) coin_id, currency, first_sample_at,
        first_sample_at >= window_from + interval '24 hours' as is_beginning
      from answers
      where run_id = ${runId} and first_sample_at is not null
      order by coin_id, currency, first_sample_at
    ) as shown
    where (series.coin_id, series.currency) = (shown.coin_id, shown.currency)
      and (shown.is_beginning and begins_at is null or begins_at > shown.first_sample_at)
  `.execute(db);
}

/**
 * An empty answer says of a day before the series' known beginning that it does not exist: it is unconfirmed, and
 * unavailable after a second such answer of another run, long enough after the first. Days younger than 72 h are left out.
 * Of a coin whose other currencies are derived it says so of them too.
 */
export async function recordDaysBeforeBeginning(
  db: Kysely<Tables>,
  { runId, base, confirmationAfterMs }: { runId: string; base: CrossRateBase | null; confirmationAfterMs: number },
): Promise<void> {
  await sql`
    insert into unavailable_days as recorded (coin_id, currency, day, reason, first_run_id, recorded_at)
    select series.coin_id, series.currency, empty.first_day + number,
      'CoinGecko sent nothing of this time, and the series begins later.', ${runId}, max(empty.received_at)
    from answers as empty
    join series as asked on (asked.coin_id, asked.currency) = (empty.coin_id, empty.currency)
    join series on series.coin_id = empty.coin_id and (series.currency = empty.currency
      or empty.currency = ${base?.currency ?? null}::text and empty.coin_id <> ${base?.coin ?? null}::text
        and series.is_tracked)
    cross join lateral generate_series(0, empty.last_day - empty.first_day) as number
    where empty.run_id = ${runId} and empty.sample_count = 0
      and empty.first_day + number < (asked.begins_at at time zone 'UTC')::date
      and (empty.first_day + number + 4)::timestamp at time zone 'UTC' <= empty.received_at
      and not exists (
        select from daily_prices as price
        where (price.coin_id, price.currency, price.day) = (series.coin_id, series.currency, empty.first_day + number)
      )
    group by series.coin_id, series.currency, empty.first_day + number
    on conflict (coin_id, currency, day) do update set confirmed_run_id = excluded.first_run_id
    where recorded.confirmed_run_id is null and recorded.first_run_id <> excluded.first_run_id
      and recorded.recorded_at <= excluded.recorded_at - make_interval(secs => ${confirmationAfterMs / 1000})
  `.execute(db);
}
