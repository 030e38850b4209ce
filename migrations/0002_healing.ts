import { type Kysely, sql } from 'kysely';

/**
 * What makes days heal and numbers checkable: where a row came from, which answers it was made from, days that were asked
 * for by hand, thin and unconfirmed days; the fence of the ingestion lock; latest and imported prices; views for readers.
 *
 * Every new column may be null or has a default, and old values stay legal, so that a program of 0001 goes on working.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

/** A check that is replaced is validated apart, so that writers are not held up while old rows are looked through. */
const replaceCheck = (table: string, name: string, condition: string): string[] => [
  `alter table ${table} drop constraint ${name}`,
  `alter table ${table} add constraint ${name} check (${condition}) not valid`,
  `alter table ${table} validate constraint ${name}`,
];

/** Of `daily_prices` and, for replaced values, `daily_price_revisions`. */
const NEW_PRICE_COLUMNS = `
  add column is_thin boolean not null default false,
  add column source text not null default 'direct' check (source in ('direct', 'cross_rate')),
  add column answer_ids bigint[]`;

const STATEMENTS = [
  // --- Series and runs ---
  `alter table series
    add column is_tracked boolean not null default true,
    add column begins_at timestamptz`,
  `alter table ingestion_runs
    add column universe_series integer check (universe_series >= 0),
    add column history_days integer check (history_days >= 1),
    add column unconfirmed_days integer check (unconfirmed_days >= 0),
    add column cross_rate_days integer check (cross_rate_days >= 0),
    add column latest_prices integer check (latest_prices >= 0),
    add column is_full_run boolean not null
      generated always as (not (request ?| array['from', 'coins', 'currencies'])) stored`,
  ...replaceCheck(
    'ingestion_runs',
    'ingestion_runs_trigger_check',
    `trigger in ('schedule', 'http', 'cli', 'deploy', 'repair')`,
  ),
  `create index ingestion_runs_full_by_end on ingestion_runs (finished_at) where is_full_run and status = 'complete'`,
  // A request for latest prices belongs to no series.
  `alter table requests
    alter column coin_id drop not null,
    alter column currency drop not null,
    add constraint series_or_none check ((coin_id is null) = (currency is null))`,

  // --- Prices ---
  `alter table daily_prices ${NEW_PRICE_COLUMNS}`,
  `alter table daily_price_revisions ${NEW_PRICE_COLUMNS}`,
  // Until now a settled row that was not final was thin.
  `update daily_prices set is_thin = true where is_settled and not is_final`,
  `create index daily_prices_open on daily_prices (day) where not is_final`,
  `alter table answers
    add column sample_count integer check (sample_count >= 0),
    add column first_sample_at timestamptz`,
  ...replaceCheck(
    'rejected_samples',
    'rejected_samples_reason_check',
    `reason in ('not_a_number', 'not_positive', 'spike', 'outlier')`,
  ),
  ...replaceCheck(
    'quality_findings',
    'quality_findings_rule_check',
    `rule in ('currency', 'frozen', 'outliers', 'range', 'revision', 'worse_answer', 'cross_rate', 'lost')`,
  ),
  `create table requested_ranges (
    coin_id text not null,
    currency text not null,
    first_day date not null,
    last_day date not null,
    run_id uuid not null references ingestion_runs,
    requested_at timestamptz not null,
    primary key (coin_id, currency, first_day, last_day),
    foreign key (coin_id, currency) references series,
    constraint days_in_order check (first_day <= last_day)
  )`,
  `create table latest_prices (
    coin_id text not null,
    currency text not null,
    price numeric not null,
    market_cap numeric,
    volume_24h numeric,
    change_24h_percent numeric,
    observed_at timestamptz not null,
    run_id uuid not null references ingestion_runs,
    primary key (coin_id, currency),
    foreign key (coin_id, currency) references series,
    constraint price_positive_and_finite check (price > 0 and price < 'Infinity'),
    constraint market_cap_positive_and_finite check (market_cap > 0 and market_cap < 'Infinity'),
    constraint volume_finite check (volume_24h >= 0 and volume_24h < 'Infinity'),
    constraint change_finite check (change_24h_percent > '-Infinity' and change_24h_percent < 'Infinity')
  )`,
  // No foreign keys: what was imported may be of a coin that is not tracked yet.
  `create table imported_daily_prices (
    coin_id text not null,
    currency text not null,
    day date not null,
    price numeric not null,
    source_name text not null check (source_name <> ''),
    file_sha256 text not null check (file_sha256 ~ '^[0-9a-f]{64}$'),
    imported_at timestamptz not null,
    primary key (coin_id, currency, day),
    constraint price_positive_and_finite check (price > 0 and price < 'Infinity')
  )`,

  // --- The fence of the ingestion lock: one row, for good ---
  `create table ingestion_fence (
    is_only boolean primary key default true check (is_only),
    number bigint not null default 0 check (number >= 0),
    holder_pid integer,
    taken_at timestamptz
  )`,
  `insert into ingestion_fence default values`,

  // --- Views ---
  `create view monthly_prices as
    select coin_id, currency, date_trunc('month', day::timestamp)::date as month,
      (array_agg(open order by day))[1] as open, max(high) as high, min(low) as low,
      (array_agg(close order by day desc))[1] as close, avg(average) as average,
      count(*)::integer as days_final,
      extract(day from date_trunc('month', day::timestamp) + interval '1 month' - interval '1 day')::integer as days_in_month
    from daily_prices
    where is_final
    group by coin_id, currency, date_trunc('month', day::timestamp)`,

  // A return needs the day before: none is given across a gap.
  `create view daily_returns as
    select today.coin_id, today.currency, today.day, today.close, yesterday.close as previous_close,
      today.close / yesterday.close - 1 as simple_return, ln(today.close / yesterday.close) as log_return
    from daily_prices as today
    join daily_prices as yesterday
      on (yesterday.coin_id, yesterday.currency, yesterday.day) = (today.coin_id, today.currency, today.day - 1)
    where today.is_final and yesterday.is_final`,

  `create view price_history as
    select coin_id, currency, day, average as price, source as origin, 'CoinGecko' as source_name, is_final
    from daily_prices
    union all
    select coin_id, currency, day, price, 'imported', source_name, true
    from imported_daily_prices as imported
    where not exists (
      select from daily_prices as stored
      where (stored.coin_id, stored.currency, stored.day) = (imported.coin_id, imported.currency, imported.day)
    )`,

  // Days are counted as numbers: a series of timestamps would depend on the session's time zone.
  `create view day_completeness as
    with bounds as (
      select (now() at time zone 'UTC' - interval '75 minutes')::date - 1 as last_settled,
        (now() at time zone 'UTC')::date + 1 - coalesce(
          (select history_days from ingestion_runs where history_days is not null order by started_at desc limit 1), 36500
        ) as first_available
    ),
    spans as (
      select coin_id, currency, tracked_since as first_day, last_settled as last_day
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
      left join unavailable_days as absent using (coin_id, currency, day)
      where absent.confirmed_run_id is null
    )
    select day, count(*)::integer as series_expected,
      count(*) filter (where is_final)::integer as series_final,
      count(*) filter (where is_thin)::integer as series_thin,
      count(*) filter (where is_unconfirmed)::integer as series_unconfirmed,
      count(*) filter (where not is_final and not is_thin and not is_unconfirmed)::integer as series_missing
    from states
    group by day`,

  `grant select on latest_prices, requested_ranges, imported_daily_prices, answers, rejected_samples, monthly_prices,
    daily_returns, price_history, day_completeness to price_reader`,
];
