// What every table, view and column holds. Days are UTC days; moments are UTC.
import { type Kysely, sql } from 'kysely';

type Described = { readonly is: string; readonly columns: Readonly<Record<string, string>> };

const COIN = "CoinGecko's id of the coin, such as bitcoin";
const CURRENCY = 'Currency of the prices, as a lower-case code such as usd';
const RUN = 'The run, see ingestion_runs';

const PRICE_COLUMNS = {
  coin_id: COIN,
  currency: CURRENCY,
  day: 'UTC day, from 00:00 to before 24:00',
  open: 'Price of the first counted sample of the day',
  high: 'Highest price of a counted sample of the day',
  low: 'Lowest price of a counted sample of the day',
  close: 'Price of the last counted sample of the day',
  average: "Mean of the hours' means: first the mean of each UTC hour's samples, then the mean of these",
  volume:
    "CoinGecko's trading volume of the last 24 hours, as of the last sample. A rolling figure: never sum it. Null if unknown",
  market_cap: 'Market capitalisation as of the last sample. Null if unknown, and for cross rates',
  sample_count: 'Number of samples counted',
  hours_covered: 'Number of the 24 UTC hours with at least one counted sample',
  first_sample_at: 'Time of the first counted sample',
  last_sample_at: 'Time of the last counted sample',
  is_settled: 'Whether the day was settled (01:15 UTC of the next day) when the answer arrived',
  is_final: 'Whether the row is final. Only a better answer replaces a final row, and the old values are kept',
  revision: 'How many times a final row of this day was replaced',
  run_id: 'The run that wrote the row, see ingestion_runs',
  aggregation_version: 'Version of the rules that computed the row from its samples',
  updated_at: 'When the row was written',
  is_thin: 'Whether the day has few hours, ends early, or may hold faults: a later answer may still change it',
  source: 'direct: from samples in this currency. cross_rate: from samples in the first currency and an exchange rate',
  answer_ids: 'The answers that the row was computed from, see answers. Null for rows of an early version',
};

const TABLES: Readonly<Record<string, Described>> = {
  coins: {
    is: 'The coins of the universe, now or earlier',
    columns: { id: COIN, symbol: 'Ticker symbol', name: 'Name' },
  },
  currencies: {
    is: 'The currencies of the universe, now or earlier',
    columns: { code: CURRENCY, name: 'Name' },
  },
  series: {
    is: 'One coin in one currency',
    columns: {
      coin_id: COIN,
      currency: CURRENCY,
      tracked_since:
        'First day that every run expects: 30 days before the run that stored its first answer. Null until then',
      is_tracked: 'Whether it is in the universe now. A removed series keeps its rows and is no longer expected',
      begins_at:
        'Time of the first sample that CoinGecko has, if an answer that began a day or more earlier has shown it',
    },
  },
  daily_prices: { is: 'Daily prices: one row for each series and day', columns: PRICE_COLUMNS },
  daily_price_revisions: {
    is: 'Former values of final rows that were replaced',
    columns: {
      ...PRICE_COLUMNS,
      replaced_at: 'When these values were replaced',
      replaced_by_run_id: 'The run that replaced them',
    },
  },
  latest_prices: {
    is: 'The current price of each series, as of the last full run',
    columns: {
      coin_id: COIN,
      currency: CURRENCY,
      price: 'The price',
      market_cap: 'Market capitalisation. Null if unknown',
      volume_24h: 'Trading volume of the previous 24 hours. Null if unknown',
      change_24h_percent: 'Change of the price over 24 hours, in percent. Null if unknown',
      observed_at: 'When CoinGecko last updated the price',
      run_id: RUN,
    },
  },
  requested_ranges: {
    is: 'Days requested by hand: every later run expects them',
    columns: {
      coin_id: COIN,
      currency: CURRENCY,
      first_day: 'First day',
      last_day: 'Last day, inclusive',
      run_id: 'The run that requested them first',
      requested_at: 'When they were requested',
    },
  },
  imported_daily_prices: {
    is: 'Daily prices imported from a file. They are never mixed with those of CoinGecko',
    columns: {
      coin_id: COIN,
      currency: CURRENCY,
      day: 'UTC day',
      price: 'The price as written in the file',
      source_name: 'Where the prices come from, as named at the import',
      file_sha256: 'SHA-256 of the file',
      imported_at: 'When it was imported',
    },
  },
  unavailable_days: {
    is: 'Days that CoinGecko does not have: unconfirmed after one valid answer without them, unavailable after two',
    columns: {
      coin_id: COIN,
      currency: CURRENCY,
      day: 'UTC day',
      reason: 'What the answer showed',
      first_run_id: 'The first run whose answer lacked the day',
      confirmed_run_id: 'The run that confirmed it, 20 hours later or more. Null while unconfirmed',
      recorded_at: 'When the first of these answers arrived',
    },
  },
  ingestion_runs: {
    is: 'Runs: attempts to bring all series up to date',
    columns: {
      id: 'Derived from the trigger key: the same trigger is the same run',
      trigger_key: 'What started the run, with what makes it unique',
      trigger: 'schedule, http, cli, deploy or repair',
      due_at: 'The moment that decides which days are expected. Fixed for the whole run',
      request: 'What was requested; {} for everything missing',
      status: 'running, waiting (a continuation takes over), complete, partial, failed or interrupted',
      started_at: 'When it began',
      last_write_at: 'When it last wrote a price',
      finished_at: 'When it ended. Null while it is running or waiting',
      expected_days: 'Days that the run expected over all series, without unavailable ones. Null until judged',
      stored_days: 'Expected days with a final row, or with a thin one that ended less than 72 hours ago',
      missing_days: 'Expected days that are neither stored nor unconfirmed',
      thin_days: 'Expected days that are thin',
      unconfirmed_days: 'Expected days that one valid answer did not have',
      unavailable_days: 'Days that CoinGecko does not have, confirmed by two answers',
      cross_rate_days: 'Stored days that were computed from a cross rate',
      latest_prices: 'Number of latest prices stored. Null if the run did not ask for them',
      hops: 'Number of workers that worked on it, one after another',
      requests: 'Requests sent to CoinGecko',
      credits: 'Requests that CoinGecko counts for the month',
      retries: 'Repeated requests',
      rate_limited: 'Rate-limited requests (429)',
      error: 'Why the run is not complete. Null if it is',
      universe_series: 'Number of series in the universe',
      history_days: 'Days of history that the CoinGecko plan gave',
      is_full_run:
        'Whether the request named no days, coins or currencies. Only full runs say something about every series',
    },
  },
  ingestion_series: {
    is: 'The outcome of each series in each run',
    columns: {
      run_id: RUN,
      coin_id: COIN,
      currency: CURRENCY,
      status: 'current (nothing was missing), pending (not reached yet), stored or failed',
      attempts: 'Number of requests',
      window_from: 'Start of the requested window',
      window_to: 'End of the requested window, exclusive',
      days_written: 'Rows written',
      last_request_at: 'When the last request ended',
      error_kind: 'Kind of failure. Null if it did not fail',
      error: 'The failure in words. Null if it did not fail',
    },
  },
  answers: {
    is: "CoinGecko's raw answers, kept for 90 days: every recent row can be recomputed from them",
    columns: {
      id: 'Number of the answer',
      run_id: RUN,
      coin_id: COIN,
      currency: CURRENCY,
      window_from: 'Start of the requested window',
      window_to: 'End of the requested window, exclusive',
      first_day: 'First day that it was requested for',
      last_day: 'Last day that it was requested for',
      received_at: 'When it arrived',
      sha256: 'SHA-256 of the body as received',
      body: 'The body, compressed with gzip',
      sample_count: 'Number of prices in it. Null for answers of an early version',
      first_sample_at: 'Time of the first price. Null if it has none',
    },
  },
  rejected_samples: {
    is: 'Samples that were not counted, and why',
    columns: {
      run_id: RUN,
      coin_id: COIN,
      currency: CURRENCY,
      observed_at: 'Time of the sample',
      price: 'The price as received, cut to 100 characters. Null if there was none',
      reason: 'not_a_number, not_positive or outlier (spike in an early version)',
    },
  },
  quality_findings: {
    is: 'Things that a person should look at. Findings never change the status of a run',
    columns: {
      run_id: RUN,
      rule: 'currency, frozen, outliers, range, revision, worse_answer, cross_rate, lost or clock',
      severity: 'warning or error; an error raises an alarm',
      coin_id: COIN,
      currency: CURRENCY,
      day: 'UTC day. Null if it is about no particular day',
      detail: 'One sentence with the numbers',
    },
  },
  requests: {
    is: 'Requests to CoinGecko in the last 90 days: the rate limit and the credits of the month are counted from them',
    columns: {
      id: 'Number of the request',
      run_id: RUN,
      coin_id: `${COIN}. Null for a request of many coins`,
      currency: `${CURRENCY}. Null for a request of many coins`,
      sent_at: 'When it was sent',
      ended_at: 'When it was answered or given up. Null if the process ended first: it then counts as a credit',
      status: 'HTTP status. Null if no answer came',
      is_credited: 'Whether CoinGecko counts it for the month',
    },
  },
  ingestion_fence: {
    is: 'Stops a process that has lost the ingestion lock from committing anything. One row',
    columns: {
      is_only: 'Always true',
      number:
        'Fencing token, raised by one each time the lock is taken. A writer commits only while the token is still its own',
      holder_pid: 'Process id of the database session that holds the lock',
      taken_at: 'When the lock was taken',
    },
  },
};

const VIEWS: Readonly<Record<string, Described>> = {
  monthly_prices: {
    is: 'Monthly candles of the final days',
    columns: {
      coin_id: COIN,
      currency: CURRENCY,
      month: 'First day of the month',
      open: 'Open of the first final day',
      high: 'Highest high',
      low: 'Lowest low',
      close: 'Close of the last final day',
      average: 'Mean of the daily averages',
      days_final: 'Number of final days in the month',
      days_in_month: 'Number of days in the month',
    },
  },
  daily_returns: {
    is: 'Returns between the closes of two consecutive final days. There is none across a gap',
    columns: {
      coin_id: COIN,
      currency: CURRENCY,
      day: 'The later UTC day',
      close: 'Its close',
      previous_close: 'Close of the day before',
      simple_return: 'close / previous_close - 1',
      log_return: 'Natural logarithm of close / previous_close',
    },
  },
  price_history: {
    is: "One price for each series and day: CoinGecko's average if there is one, else the imported price",
    columns: {
      coin_id: COIN,
      currency: CURRENCY,
      day: 'UTC day',
      price: 'Average of the day, or the imported price',
      origin: 'direct, cross_rate or imported',
      source_name: 'CoinGecko, or the name of the imported source',
      is_final: 'Whether the row is final. Imported prices count as final',
    },
  },
  day_completeness: {
    is: 'How complete each expected day is now. Nothing is missing if series_missing is 0',
    columns: {
      day: 'UTC day',
      series_expected: 'Series that should have the day',
      series_final: 'Series with a final row',
      series_thin: 'Series with a thin row, until 72 hours after the end of the day',
      series_unconfirmed: 'Series of which one answer, less than 48 hours ago, did not have the day',
      series_missing: 'Series without the day',
    },
  },
};

/** Describes every table and view anew, after the last migration: a text may change without a migration. */
export async function describe(db: Kysely<unknown>): Promise<void> {
  for (const [kind, described] of [
    ['table', TABLES],
    ['view', VIEWS],
  ] as const)
    for (const [name, { is, columns }] of Object.entries(described)) {
      await comment(db, `${kind} ${name}`, is);
      for (const [column, text] of Object.entries(columns)) await comment(db, `column ${name}.${column}`, text);
    }
}

const comment = async (db: Kysely<unknown>, what: string, text: string) =>
  await sql`comment on ${sql.raw(what)} is ${sql.lit(text)}`.execute(db);
