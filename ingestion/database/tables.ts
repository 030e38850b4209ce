// The tables as Kysely sees them and, of those that are written by the set, as PostgreSQL does; the migrations make them.
// Moments are written as ISO text, read as Date.
import type { ColumnType, Generated } from 'kysely';
import type { RunRequest, TriggerKind } from '../contract/run-request.ts';
import type { RejectionReason } from '../domain/daily-price.ts';
import type { Day } from '../domain/day.ts';
import type { FailureKind } from '../domain/failure.ts';
import type { Finding } from '../domain/quality.ts';
import type { RunStatus, SeriesStatus } from '../domain/verdict.ts';

type Moment = ColumnType<Date, string, string>;
type MomentOrNull = ColumnType<Date | null, string | null, string | null>;
/** Written as the shortest text that reads back as the same double, read as that double. */
type Decimal = ColumnType<number, number | string, number | string>;
type DecimalOrNull = ColumnType<number | null, number | null, number | null>;

type OfSeries = { coin_id: string; currency: string };

type DailyPriceTable = OfSeries &
  Record<'open' | 'high' | 'low' | 'close' | 'average', Decimal> &
  Record<'volume' | 'market_cap', DecimalOrNull> &
  Record<'sample_count' | 'hours_covered' | 'revision' | 'aggregation_version', number> &
  Record<'first_sample_at' | 'last_sample_at' | 'updated_at', Moment> &
  Record<'is_settled' | 'is_final', boolean> & {
    day: Day;
    run_id: string;
    is_thin: Generated<boolean>;
    source: Generated<'direct' | 'cross_rate'>;
    answer_ids: number[] | null;
  };

/** What a run comes to; null before it does. */
type RunCounts = Record<'requests' | 'credits' | 'retries' | 'rate_limited', Generated<number>> &
  Record<'expected_days' | 'stored_days' | 'missing_days' | 'thin_days', number | null> &
  Record<'unconfirmed_days' | 'unavailable_days' | 'cross_rate_days' | 'latest_prices', number | null>;

export type Tables = {
  coins: { id: string; symbol: string; name: string };
  currencies: { code: string; name: string };
  series: OfSeries & { tracked_since: Day | null; is_tracked: Generated<boolean>; begins_at: MomentOrNull };
  daily_prices: DailyPriceTable;
  latest_prices: OfSeries & {
    price: Decimal;
    market_cap: DecimalOrNull;
    volume_24h: DecimalOrNull;
    change_24h_percent: DecimalOrNull;
    observed_at: Moment;
    run_id: string;
  };
  daily_price_revisions: DailyPriceTable & { replaced_at: Moment; replaced_by_run_id: string };
  requested_ranges: OfSeries & { first_day: Day; last_day: Day; run_id: string; requested_at: Moment };
  imported_daily_prices: OfSeries & {
    day: Day;
    price: Decimal;
    source_name: string;
    file_sha256: string;
    imported_at: Moment;
  };
  unavailable_days: OfSeries & {
    day: Day;
    reason: string;
    first_run_id: string;
    confirmed_run_id: string | null;
    recorded_at: Moment;
  };
  ingestion_runs: RunCounts & {
    id: string;
    trigger_key: string;
    trigger: TriggerKind;
    due_at: Moment;
    request: ColumnType<RunRequest, string, string>;
    status: RunStatus;
    started_at: Moment;
    last_write_at: MomentOrNull;
    finished_at: MomentOrNull;
    hops: number;
    error: string | null;
    universe_series: number | null;
    history_days: number | null;
    is_full_run: ColumnType<boolean, never, never>;
  };
  ingestion_series: OfSeries & {
    run_id: string;
    status: SeriesStatus;
    attempts: Generated<number>;
    window_from: MomentOrNull;
    window_to: MomentOrNull;
    days_written: Generated<number>;
    last_request_at: MomentOrNull;
    error_kind: FailureKind | null;
    error: string | null;
  };
  answers: OfSeries & {
    id: ColumnType<number, never, never>;
    run_id: string;
    window_from: Moment;
    window_to: Moment;
    first_day: Day;
    last_day: Day;
    received_at: Moment;
    sha256: string;
    body: Buffer;
    sample_count: number | null;
    first_sample_at: MomentOrNull;
  };
  rejected_samples: OfSeries & { run_id: string; observed_at: Moment; price: string | null; reason: RejectionReason };
  quality_findings: {
    run_id: string;
    rule: Finding['rule'];
    severity: Finding['severity'];
    coin_id: string | null;
    currency: string | null;
    day: Day | null;
    detail: string;
  };
  ingestion_fence: { number: number };
  requests: {
    coin_id: string | null;
    currency: string | null;
    id: ColumnType<number, never, never>;
    run_id: string;
    sent_at: Moment;
    ended_at: MomentOrNull;
    status: number | null;
    is_credited: Generated<boolean>;
  };
};

/** The type that each column has in PostgreSQL. */
export type ColumnTypes<Column extends string = string> = Readonly<
  Record<Column, 'bigint' | 'boolean' | 'date' | 'integer' | 'numeric' | 'text' | 'timestamptz' | 'uuid'>
>;

const SERIES = { coin_id: 'text', currency: 'text' } as const;
const SERIES_OF_RUN = { run_id: 'uuid', ...SERIES } as const;

/** The columns that are written by the set, of each table. */
export const COLUMNS = {
  coins: { id: 'text', symbol: 'text', name: 'text' },
  currencies: { code: 'text', name: 'text' },
  series: { ...SERIES, tracked_since: 'date' },
  latest_prices: {
    ...SERIES_OF_RUN,
    price: 'numeric',
    market_cap: 'numeric',
    volume_24h: 'numeric',
    change_24h_percent: 'numeric',
    observed_at: 'timestamptz',
  },
  imported_daily_prices: {
    ...SERIES,
    day: 'date',
    price: 'numeric',
    source_name: 'text',
    file_sha256: 'text',
    imported_at: 'timestamptz',
  },
  requested_ranges: { ...SERIES_OF_RUN, first_day: 'date', last_day: 'date', requested_at: 'timestamptz' },
  ingestion_series: {
    ...SERIES_OF_RUN,
    status: 'text',
    attempts: 'integer',
    window_from: 'timestamptz',
    window_to: 'timestamptz',
    days_written: 'integer',
    last_request_at: 'timestamptz',
    error_kind: 'text',
    error: 'text',
  },
  quality_findings: { ...SERIES_OF_RUN, rule: 'text', severity: 'text', day: 'date', detail: 'text' },
  requests: { ...SERIES_OF_RUN, sent_at: 'timestamptz' },
} as const satisfies { readonly [Table in keyof Tables]?: Partial<ColumnTypes<keyof Tables[Table] & string>> };
