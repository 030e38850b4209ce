import { type Kysely, sql } from 'kysely';

/**
 * A day is judged by what lies 36 h around it, and rows are the days that were asked for. A series is tracked from its first
 * answer on: until then the first day is not known, so that a run whose clock was wrong has fixed nothing.
 *
 * A program of 0002 that is rolled back to expects all of the plan's history of a series that was never answered.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  'alter table series alter column tracked_since drop not null',
  `update series set tracked_since = null where not exists (
    select from daily_prices as price where (price.coin_id, price.currency) = (series.coin_id, series.currency)
  ) and not exists (
    select from answers where (answers.coin_id, answers.currency) = (series.coin_id, series.currency)
  )`,
  // Days of a window's margin, which no run asks for: they could never become final.
  `delete from daily_prices as price using series
    where (price.coin_id, price.currency) = (series.coin_id, series.currency) and is_tracked
      and not is_final and day < tracked_since and not exists (
        select from requested_ranges as requested
        where (requested.coin_id, requested.currency) = (price.coin_id, price.currency)
          and price.day between first_day and last_day
      )`,
  'alter table quality_findings drop constraint quality_findings_rule_check',
  `alter table quality_findings add constraint quality_findings_rule_check check (rule in (
    'currency', 'frozen', 'outliers', 'range', 'revision', 'worse_answer', 'cross_rate', 'lost', 'clock'
  )) not valid`,
  'alter table quality_findings validate constraint quality_findings_rule_check',

  // As in 0002, save for the first day that can be had, and for series that no answer has come for.
  `create or replace view day_completeness as
    with bounds as (
      select (now() at time zone 'UTC' - interval '75 minutes')::date - 1 as last_settled,
        (now() at time zone 'UTC' + interval '60 hours 59 minutes' - interval '1 day' * coalesce(
          (select history_days from ingestion_runs where history_days is not null order by started_at desc limit 1), 36500
        ))::date as first_available
    ),
    spans as (
      select coin_id, currency, least(tracked_since, (now() at time zone 'UTC')::date - 30) as first_day, last_settled as last_day
      from series, bounds
      where is_tracked
      union all
      select requested.coin_id, requested.currency, requested.first_day, least(requested.last_day, last_settled)
      from requested_ranges as requested
      join series using (coin_id, currency), bounds
      where is_tracked
    ),
    expected as (
      select distinct coin_id, currency, greatest(first_day, first_available) + number as day
      from spans, bounds, generate_series(0, last_day - greatest(first_day, first_available)) as number
    ),
    states as (
      select expected.day, price.is_final is true as is_final,
        price.is_thin is true and not price.is_final
          and now() at time zone 'UTC' < expected.day + interval '96 hours' as is_thin,
        absent.recorded_at is not null and price.day is null and now() < absent.recorded_at + interval '48 hours'
          as is_unconfirmed
      from expected
      left join daily_prices as price using (coin_id, currency, day)
      left join unavailable_days as absent on (absent.coin_id, absent.currency, absent.day)
          = (expected.coin_id, expected.currency, expected.day)
        and absent.recorded_at >= (absent.day + 1)::timestamp at time zone 'UTC' and absent.recorded_at <= now() + interval '1 hour'
      where absent.confirmed_run_id is null
    )
    select day, count(*)::integer as series_expected,
      count(*) filter (where is_final)::integer as series_final,
      count(*) filter (where is_thin)::integer as series_thin,
      count(*) filter (where is_unconfirmed)::integer as series_unconfirmed,
      count(*) filter (where not is_final and not is_thin and not is_unconfirmed)::integer as series_missing
    from states
    group by day`,
];
