// What every table, view and column holds, for whoever looks into the database. Days are UTC days, moments are UTC.

type Described = { readonly is: string; readonly columns: Readonly<Record<string, string>> };

const COIN = "CoinGecko's id of the coin, such as bitcoin";
const CURRENCY = 'Code of the currency that prices are in, in small letters, such as usd';
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
    "CoinGecko's trading volume of the last 24 hours, as of the last sample. It overlaps: never sum it. Null where unknown",
  market_cap: 'Market capitalisation as of the last sample. Null where unknown, and for cross rates',
  sample_count: 'How many samples were counted',
  hours_covered: 'How many of the 24 UTC hours have at least one counted sample',
  first_sample_at: 'Moment of the first counted sample',
  last_sample_at: 'Moment of the last counted sample',
  is_settled: 'Whether the day was settled (01:15 UTC of the next day) when the answer arrived',
  is_final:
    'Whether the row is complete for good. Only a better answer replaces a final row, and the old values are kept',
  revision: 'How often a final row of this day was replaced',
  run_id: 'The run that wrote the row, see ingestion_runs',
  aggregation_version: 'Version of the computation that made the row from its samples',
  updated_at: 'When the row was written',
  is_thin: 'Whether the day has few hours, ends early, or ends in what may be a fault: its rest may still come',
  source: 'direct: from samples in this currency. cross_rate: computed from the coin in the first currency and a rate',
  answer_ids: 'The answers that the row was made from, see answers. Null for rows of an early version',
};

const TABLES: Readonly<Record<string, Described>> = {
  coins: {
    is: 'The coins of the universe, and those that once were in it',
    columns: { id: COIN, symbol: 'Ticker symbol', name: 'Name' },
  },
  currencies: {
    is: 'The currencies of the universe, and those that once were in it',
    columns: { code: CURRENCY, name: 'Name' },
  },
  series: {
    is: 'One coin in one currency',
    columns: {
      coin_id: COIN,
      currency: CURRENCY,
      tracked_since: 'First day that every run expects, set once: 30 days before the series was first opened',
      is_tracked:
        'Whether it is part of the universe now. A series that is not keeps its rows and is no longer expected',
      begins_at: 'First sample that CoinGecko has of it, where an answer that began a day or more earlier has shown it',
    },
  },
  daily_prices: { is: 'The daily prices: one row a series and day', columns: PRICE_COLUMNS },
  daily_price_revisions: {
    is: 'Values of final rows that were replaced',
    columns: {
      ...PRICE_COLUMNS,
      replaced_at: 'When these values were replaced',
      replaced_by_run_id: 'The run that replaced them',
    },
  },
  latest_prices: {
    is: 'The newest known price of each series, as of the last full run',
    columns: {
      coin_id: COIN,
      currency: CURRENCY,
      price: 'The price',
      market_cap: 'Market capitalisation. Null where unknown',
      volume_24h: 'Trading volume of the 24 hours before. Null where unknown',
      change_24h_percent: 'Change of the price against 24 hours before, in percent. Null where unknown',
      observed_at: 'When CoinGecko last updated the price',
      run_id: RUN,
    },
  },
  requested_ranges: {
    is: 'Days that were asked for by hand: every run expects them from then on',
    columns: {
      coin_id: COIN,
      currency: CURRENCY,
      first_day: 'First day',
      last_day: 'Last day, included',
      run_id: 'The run that asked for them first',
      requested_at: 'When they were asked for',
    },
  },
  imported_daily_prices: {
    is: 'Daily prices from elsewhere, imported from a file. They are never mixed with those of CoinGecko',
    columns: {
      coin_id: COIN,
      currency: CURRENCY,
      day: 'UTC day',
      price: 'The price, as the file has it',
      source_name: 'Where the prices come from, as the importer named it',
      file_sha256: 'SHA-256 of the file',
      imported_at: 'When it was imported',
    },
  },
  unavailable_days: {
    is: 'Days that CoinGecko does not have. Unconfirmed after one proper answer without them, unavailable after two',
    columns: {
      coin_id: COIN,
      currency: CURRENCY,
      day: 'UTC day',
      reason: 'What the answer showed',
      first_run_id: 'The run whose answer lacked the day first',
      confirmed_run_id: 'The run that confirmed it, 20 hours later or more. Null while unconfirmed',
      recorded_at: 'When the first of these answers arrived',
    },
  },
  ingestion_runs: {
    is: 'The runs: attempts to bring all series up to date',
    columns: {
      id: 'Made from the trigger key: the same trigger is the same run',
      trigger_key: 'What started it, with what makes it unique',
      trigger: 'schedule, http, cli, deploy or repair',
      due_at: 'The moment that decides which days are expected. Fixed for the whole run',
      request: 'What was asked for; {} for whatever is missing',
      status: 'running, waiting (a continuation takes over), complete, partial, failed or interrupted',
      started_at: 'When it began',
      last_write_at: 'When it last wrote a price',
      finished_at: 'When it ended. Null while it is running or waiting',
      expected_days: 'Days of all series that the run expected, without unavailable ones. Null until judged',
      stored_days: 'Expected days with a final row, or a thin one younger than 72 hours',
      missing_days: 'Expected days that are neither stored nor waiting to be confirmed',
      thin_days: 'Expected days whose rest may still come',
      unconfirmed_days: 'Expected days that one proper answer did not hold',
      unavailable_days: 'Days that CoinGecko does not have, confirmed by two answers',
      cross_rate_days: 'Stored days that were computed from a cross rate',
      latest_prices: 'How many latest prices the run brought. Null where it did not ask',
      hops: 'How many workers have worked on it, one after another',
      requests: 'Requests sent to CoinGecko',
      credits: 'Those of them that CoinGecko counts for the month',
      retries: 'Requests that were repeated',
      rate_limited: 'Requests that were refused for the rate limit',
      error: 'Why it is not complete, for people. Null where it is',
      universe_series: 'How many series the universe had',
      history_days: 'How many days back the CoinGecko plan reached',
      is_full_run:
        'Whether the request named no days, coins or currencies. Only such runs say something about every series',
    },
  },
  ingestion_series: {
    is: 'What became of each series in each run',
    columns: {
      run_id: RUN,
      coin_id: COIN,
      currency: CURRENCY,
      status: 'current (nothing was missing), pending (not reached yet), stored or failed',
      attempts: 'How often it was asked for',
      window_from: 'Beginning of what was asked for',
      window_to: 'End of what was asked for, not included',
      days_written: 'Rows written',
      last_request_at: 'When the last request ended',
      error_kind: 'Kind of the failure. Null where it did not fail',
      error: 'The failure, for people. Null where it did not fail',
    },
  },
  answers: {
    is: "CoinGecko's answers as they came, kept for 90 days: what every recent row can be recomputed from",
    columns: {
      id: 'Number of the answer',
      run_id: RUN,
      coin_id: COIN,
      currency: CURRENCY,
      window_from: 'Beginning of what was asked for',
      window_to: 'End of what was asked for, not included',
      first_day: 'First day that it was asked for',
      last_day: 'Last day that it was asked for',
      received_at: 'When it arrived',
      sha256: 'SHA-256 of the body as it came',
      body: 'The body, compressed with gzip',
      sample_count: 'How many prices it holds. Null for answers of an early version',
      first_sample_at: 'Moment of the first price. Null where it holds none',
    },
  },
  rejected_samples: {
    is: 'Samples that were not counted, and why',
    columns: {
      run_id: RUN,
      coin_id: COIN,
      currency: CURRENCY,
      observed_at: 'Moment of the sample',
      price: 'The price as it was sent, cut to 100 characters. Null where none was sent',
      reason: 'not_a_number, not_positive or outlier (spike in an early version)',
    },
  },
  quality_findings: {
    is: 'What a person should look at. Findings never change the status of a run',
    columns: {
      run_id: RUN,
      rule: 'currency, frozen, outliers, range, revision, worse_answer, cross_rate or lost',
      severity: 'warning, or error, which alarms',
      coin_id: COIN,
      currency: CURRENCY,
      day: 'UTC day. Null where it is about none in particular',
      detail: 'One sentence with the numbers',
    },
  },
  requests: {
    is: 'Every request to CoinGecko of the last 90 days: what the rate limit and the credits of the month are counted by',
    columns: {
      id: 'Number of the request',
      run_id: RUN,
      coin_id: `${COIN}. Null for a request of many coins`,
      currency: `${CURRENCY}. Null for a request of many coins`,
      sent_at: 'When it was sent',
      ended_at: 'When it was answered or given up. Null where the process ended first: it then counts as a credit',
      status: 'HTTP status. Null where no answer came',
      is_credited: 'Whether CoinGecko counts it for the month',
    },
  },
  ingestion_fence: {
    is: 'Keeps a process that has lost the ingestion lock from committing anything. One row',
    columns: {
      is_only: 'Always true',
      number: 'Raised by one whenever the lock is taken. A writer commits only while it is still its own number',
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
      days_final: 'How many days of the month are final',
      days_in_month: 'How many days the month has',
    },
  },
  daily_returns: {
    is: 'Returns from close to close of two final days in a row. There is none across a gap',
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
    is: "One price a series and day: CoinGecko's average where there is one, else the imported price",
    columns: {
      coin_id: COIN,
      currency: CURRENCY,
      day: 'UTC day',
      price: 'Average of the day, or the imported price',
      origin: 'direct, cross_rate or imported',
      source_name: 'CoinGecko, or the name of the imported source',
      is_final: 'Whether the row is complete for good. Imported ones count as such',
    },
  },
  day_completeness: {
    is: 'How complete each expected day is at this moment. Nothing is missing where series_missing is 0',
    columns: {
      day: 'UTC day',
      series_expected: 'Series that should have the day',
      series_final: 'Series that have it for good',
      series_thin: 'Series whose rest may still come, until 72 hours after the end of the day',
      series_unconfirmed: 'Series of which one answer did not hold the day, less than 48 hours ago',
      series_missing: 'Series that lack it',
    },
  },
};

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const statements = (kind: 'table' | 'view', described: Readonly<Record<string, Described>>): string[] =>
  Object.entries(described).flatMap(([name, { is, columns }]) => [
    `comment on ${kind} ${name} is ${quoted(is)}`,
    ...Object.entries(columns).map(([column, text]) => `comment on column ${name}.${column} is ${quoted(text)}`),
  ]);

export const COMMENTS: readonly string[] = [...statements('table', TABLES), ...statements('view', VIEWS)];
