import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

/** The aggregate of a day, in `daily_prices` and for replaced values in `daily_price_revisions`. */
const DAILY_PRICE_COLUMNS = `
  coin_id text not null,
  currency text not null,
  day date not null,
  open numeric not null,
  high numeric not null,
  low numeric not null,
  close numeric not null,
  average numeric not null,
  volume numeric,
  market_cap numeric,
  sample_count integer not null,
  hours_covered integer not null,
  first_sample_at timestamptz not null,
  last_sample_at timestamptz not null,
  is_settled boolean not null,
  is_final boolean not null,
  revision integer not null,
  run_id uuid not null references ingestion_runs,
  aggregation_version integer not null,
  updated_at timestamptz not null,
  foreign key (coin_id, currency) references series`;

const STATEMENTS = [
  `create table coins (id text primary key, symbol text not null, name text not null)`,

  `create table currencies (code text primary key, name text not null)`,

  `create table series (
    coin_id text not null references coins,
    currency text not null references currencies,
    tracked_since date not null,
    primary key (coin_id, currency)
  )`,

  // What a run counted is null until it is known: nothing missing and not yet judged are two things.
  `create table ingestion_runs (
    id uuid primary key,
    trigger_key text not null unique,
    trigger text not null check (trigger in ('schedule', 'http', 'cli', 'deploy')),
    due_at timestamptz not null,
    request jsonb not null check (jsonb_typeof(request) = 'object'),
    status text not null
      check (status in ('running', 'waiting', 'complete', 'partial', 'failed', 'interrupted')),
    started_at timestamptz not null,
    last_write_at timestamptz,
    finished_at timestamptz,
    expected_days integer check (expected_days >= 0),
    stored_days integer check (stored_days >= 0),
    missing_days integer check (missing_days >= 0),
    thin_days integer check (thin_days >= 0),
    unavailable_days integer check (unavailable_days >= 0),
    hops integer not null check (hops >= 1),
    requests integer not null default 0 check (requests >= 0),
    credits integer not null default 0 check (credits between 0 and requests),
    retries integer not null default 0 check (retries >= 0),
    rate_limited integer not null default 0 check (rate_limited >= 0),
    error text,
    constraint complete_without_missing_days check (status <> 'complete' or missing_days = 0),
    constraint finished_or_under_way check ((finished_at is null) = (status in ('running', 'waiting')))
  )`,
  `create index ingestion_runs_by_start on ingestion_runs (started_at)`,

  `create table ingestion_series (
    run_id uuid not null references ingestion_runs,
    coin_id text not null,
    currency text not null,
    status text not null check (status in ('current', 'pending', 'stored', 'failed')),
    attempts integer not null default 0 check (attempts >= 0),
    window_from timestamptz,
    window_to timestamptz,
    days_written integer not null default 0 check (days_written >= 0),
    last_request_at timestamptz,
    error_kind text,
    error text,
    primary key (run_id, coin_id, currency),
    foreign key (coin_id, currency) references series,
    constraint window_in_order check (window_from < window_to),
    constraint error_where_failed check ((status = 'failed') = (error_kind is not null and error is not null))
  )`,

  // numeric has no scale, so that small and large prices keep every digit. NaN sorts above Infinity, so that each
  // check that ends at Infinity keeps both out.
  `create table daily_prices (
    ${DAILY_PRICE_COLUMNS},
    primary key (coin_id, currency, day),
    constraint prices_positive_and_finite check (low > 0 and high >= low and high < 'Infinity'),
    constraint open_within_range check (open between low and high),
    constraint close_within_range check (close between low and high),
    constraint average_within_range check (average between low and high),
    constraint volume_finite check (volume >= 0 and volume < 'Infinity'),
    constraint market_cap_positive_and_finite check (market_cap > 0 and market_cap < 'Infinity'),
    constraint hours_of_a_day check (hours_covered between 0 and 24),
    constraint a_sample_in_each_hour check (sample_count >= hours_covered),
    constraint samples_within_day check (
      first_sample_at >= day::timestamp at time zone 'UTC'
      and last_sample_at >= first_sample_at
      and last_sample_at < (day + 1)::timestamp at time zone 'UTC'
    ),
    constraint settled_before_final check (is_settled or not is_final),
    constraint revision_counts check (revision >= 0),
    constraint aggregation_version_counts check (aggregation_version >= 1)
  )`,
  `create index daily_prices_by_currency_and_day on daily_prices (currency, day) where is_final`,

  `create table daily_price_revisions (
    ${DAILY_PRICE_COLUMNS},
    replaced_at timestamptz not null,
    replaced_by_run_id uuid not null references ingestion_runs,
    primary key (coin_id, currency, day, revision)
  )`,

  `create table unavailable_days (
    coin_id text not null,
    currency text not null,
    day date not null,
    reason text not null,
    first_run_id uuid not null references ingestion_runs,
    confirmed_run_id uuid references ingestion_runs,
    recorded_at timestamptz not null,
    primary key (coin_id, currency, day),
    foreign key (coin_id, currency) references series,
    constraint confirmed_by_another_run check (confirmed_run_id <> first_run_id)
  )`,

  `create table answers (
    id bigint generated always as identity primary key,
    run_id uuid not null references ingestion_runs,
    coin_id text not null,
    currency text not null,
    window_from timestamptz not null,
    window_to timestamptz not null,
    first_day date not null,
    last_day date not null,
    received_at timestamptz not null,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    body bytea not null,
    foreign key (coin_id, currency) references series,
    constraint window_in_order check (window_from < window_to),
    constraint days_in_order check (first_day <= last_day)
  )`,
  `comment on column answers.sha256 is 'of the body as it came'`,
  `comment on column answers.body is 'gzipped'`,
  // Compressed once is enough.
  `alter table answers alter column body set storage external`,
  `create index answers_by_run on answers (run_id, coin_id, currency)`,
  `create index answers_by_age on answers (received_at)`,

  `create table rejected_samples (
    run_id uuid not null references ingestion_runs,
    coin_id text not null,
    currency text not null,
    observed_at timestamptz not null,
    price text check (length(price) <= 100),
    reason text not null check (reason in ('not_a_number', 'not_positive', 'spike')),
    foreign key (coin_id, currency) references series,
    unique (coin_id, currency, observed_at, reason)
  )`,

  `create table quality_findings (
    run_id uuid not null references ingestion_runs,
    rule text not null check (rule in ('currency', 'frozen', 'revision', 'worse_answer')),
    severity text not null check (severity in ('warning', 'error')),
    coin_id text references coins,
    currency text references currencies,
    day date,
    detail text not null,
    unique nulls not distinct (run_id, rule, severity, coin_id, currency, day)
  )`,

  // Every request that was sent: what restarts start their budget from, and what a month's credits are counted by.
  `create table requests (
    id bigint generated always as identity primary key,
    run_id uuid not null references ingestion_runs,
    coin_id text not null,
    currency text not null,
    sent_at timestamptz not null,
    ended_at timestamptz,
    status integer,
    is_credited boolean not null default false,
    foreign key (coin_id, currency) references series,
    constraint outcome_after_end check (ended_at is not null or (status is null and not is_credited))
  )`,
  `create index requests_by_run on requests (run_id)`,
  `create index requests_by_age on requests (sent_at)`,

  // A role belongs to the whole server: another database's migration may have made it, or be making it right now.
  `do $$ begin
    if not exists (select from pg_roles where rolname = 'price_reader') then
      create role price_reader nologin;
    end if;
  exception
    when duplicate_object or unique_violation then null;
    when insufficient_privilege then
      raise '% may not create roles. Let an administrator run: create role price_reader nologin', current_user;
  end $$`,
  `grant select on coins, currencies, series, daily_prices, daily_price_revisions, unavailable_days, ingestion_runs,
    ingestion_series, quality_findings to price_reader`,
];
