// The tables for Kysely, as node-postgres reads them: numeric and bigint are strings, days and moments are Dates.
// Made by "npm run dictionary"; a test holds it to the database.
export interface CryptoPrices {
  daily_prices: {
    coin_id: string;
    currency: string;
    day: Date;
    open: string;
    high: string;
    low: string;
    close: string;
    average: string;
    volume: string | null;
    market_cap: string | null;
    sample_count: number;
    hours_covered: number;
    first_sample_at: Date;
    last_sample_at: Date;
    is_settled: boolean;
    is_final: boolean;
    revision: number;
    run_id: string;
    aggregation_version: number;
    updated_at: Date;
    is_thin: boolean;
    source: string;
    answer_ids: string[] | null;
  };
  latest_prices: {
    coin_id: string;
    currency: string;
    price: string;
    market_cap: string | null;
    volume_24h: string | null;
    change_24h_percent: string | null;
    observed_at: Date;
    run_id: string;
  };
  price_history: {
    coin_id: string;
    currency: string;
    day: Date;
    price: string | null;
    origin: string | null;
    source_name: string | null;
    is_final: boolean | null;
  };
  monthly_prices: {
    coin_id: string;
    currency: string;
    month: Date;
    open: string | null;
    high: string | null;
    low: string | null;
    close: string | null;
    average: string | null;
    days_final: number | null;
    days_in_month: number | null;
  };
  daily_returns: {
    coin_id: string;
    currency: string;
    day: Date;
    close: string | null;
    previous_close: string | null;
    simple_return: string | null;
    log_return: string | null;
  };
  day_completeness: {
    day: Date;
    series_expected: number | null;
    series_final: number | null;
    series_thin: number | null;
    series_unconfirmed: number | null;
    series_missing: number | null;
  };
  daily_price_revisions: {
    coin_id: string;
    currency: string;
    day: Date;
    open: string;
    high: string;
    low: string;
    close: string;
    average: string;
    volume: string | null;
    market_cap: string | null;
    sample_count: number;
    hours_covered: number;
    first_sample_at: Date;
    last_sample_at: Date;
    is_settled: boolean;
    is_final: boolean;
    revision: number;
    run_id: string;
    aggregation_version: number;
    updated_at: Date;
    replaced_at: Date;
    replaced_by_run_id: string;
    is_thin: boolean;
    source: string;
    answer_ids: string[] | null;
  };
  imported_daily_prices: {
    coin_id: string;
    currency: string;
    day: Date;
    price: string;
    source_name: string;
    file_sha256: string;
    imported_at: Date;
  };
  coins: {
    id: string;
    symbol: string;
    name: string;
  };
  currencies: {
    code: string;
    name: string;
  };
  series: {
    coin_id: string;
    currency: string;
    tracked_since: Date | null;
    is_tracked: boolean;
    begins_at: Date | null;
  };
}
