import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { type Kysely, sql, type Transaction } from 'kysely';
import { AGGREGATION_VERSION, type DailyPrice } from '../domain/daily-price.ts';
import { type Day, HOUR_MS } from '../domain/day.ts';
import type { DayState } from '../domain/day-state.ts';
import type { Finding } from '../domain/finding.ts';
import { type Series, seriesName } from '../domain/series.ts';
import type { AnswerToStore, Clock, PriceRepository } from '../ports.ts';
import type { Database } from './connection.ts';
import { insertFindings } from './findings.ts';
import { inChunks, toIso, unnestRows } from './statements.ts';
import type { Tables } from './tables.ts';

/** A final average that moves further than this is worth a look. */
const REVISION_TOLERANCE = 0.001;

/** Two answers closer together than this may share one outage of the source. */
const CONFIRMATION_AFTER_MS = 20 * HOUR_MS;

/** What a row says of its day, with PostgreSQL's types. Rows that agree in these are the same, whichever run wrote them. */
const VALUES = {
  open: 'numeric',
  high: 'numeric',
  low: 'numeric',
  close: 'numeric',
  average: 'numeric',
  volume: 'numeric',
  market_cap: 'numeric',
  sample_count: 'integer',
  hours_covered: 'integer',
  first_sample_at: 'timestamptz',
  last_sample_at: 'timestamptz',
  is_settled: 'boolean',
  is_final: 'boolean',
  aggregation_version: 'integer',
};

const columns = (names: readonly string[], table?: string) =>
  sql.join(names.map((name) => sql.ref(table ? `${table}.${name}` : name)));
const VALUE_NAMES = Object.keys(VALUES);
const VALUE_COLUMNS = columns(VALUE_NAMES);
const ROW_NAMES = ['coin_id', 'currency', 'day', ...VALUE_NAMES, 'revision', 'run_id', 'updated_at'];

export function createPriceRepository(db: Kysely<Tables>, clock: Clock): PriceRepository {
  return {
    async dayStates(runId, ranges, includeFinal) {
      const states: DayState[][] = ranges.map(() => []);
      const rows = ranges.map(({ coin, currency, first, last }, position) => ({
        ...{ position, coin, currency },
        ...{ first, last },
      }));
      const range = unnestRows(
        'range',
        { position: 'integer', coin: 'text', currency: 'text', first: 'date', last: 'date' },
        rows,
      );
      const result = await sql<{
        position: number;
        day: Day;
        is_final: boolean | null;
        is_settled: boolean;
        hours_covered: number;
        is_unavailable: boolean;
        was_asked: boolean;
      }>`
        select range.position, expected.day, price.is_final, price.is_settled, price.hours_covered,
          unavailable.confirmed_run_id is not null as is_unavailable,
          exists (
            select from answers
            where (run_id, coin_id, currency) = (${runId}, range.coin, range.currency)
              and expected.day between first_day and last_day
          ) as was_asked
        from ${range}
        cross join lateral (
          select range.first + number as day from generate_series(0, range.last - range.first) as number
        ) as expected
        left join daily_prices as price
          on (price.coin_id, price.currency, price.day) = (range.coin, range.currency, expected.day)
        left join unavailable_days as unavailable
          on (unavailable.coin_id, unavailable.currency, unavailable.day) = (range.coin, range.currency, expected.day)
        where ${includeFinal} or price.is_final is not true
        order by range.position, expected.day
      `.execute(db);
      for (const row of result.rows) {
        states[row.position]?.push({
          day: row.day,
          row:
            row.is_final === null
              ? null
              : { isFinal: row.is_final, isSettled: row.is_settled, hoursCovered: row.hours_covered },
          isUnavailable: row.is_unavailable,
          wasAsked: row.was_asked,
        });
      }
      return states;
    },

    async storeAnswer(answer) {
      const { body } = answer.answer;
      const packed = { sha256: createHash('sha256').update(body).digest('hex'), body: await promisify(gzip)(body) };
      return await db.transaction().execute(async (transaction) => {
        const now = toIso(clock.now());
        const upserted: Upserted[] = [];
        for (const chunk of inChunks(answer.prices)) {
          upserted.push(...(await upsertPrices(transaction, answer, chunk, now)));
        }
        const rowsWritten = upserted.filter(({ is_written }) => is_written).length;
        await recordAbsentDays(transaction, answer);
        await insertRejected(transaction, answer);
        await insertFindings(transaction, answer.runId, [...answer.findings, ...findChanges(answer.series, upserted)]);
        await insertAnswer(transaction, answer, packed);
        await recordOutcome(transaction, answer, rowsWritten, now);
        return { rowsWritten, rowsUnchanged: answer.prices.length - rowsWritten };
      });
    },

    async answersOfCoin(runId, coin) {
      const rows = await db
        .selectFrom('answers')
        .select(['currency', 'first_day', 'last_day', 'body'])
        .where('run_id', '=', runId)
        .where('coin_id', '=', coin)
        .orderBy('id')
        .execute();
      return await Promise.all(
        rows.map(async ({ currency, first_day, last_day, body }) => ({
          ...{ currency, firstDay: first_day, lastDay: last_day },
          body: await promisify(gunzip)(body),
        })),
      );
    },

    async lastFinalRate(currency, base, day) {
      const { rows } = await sql<{ day: Day; rate: number }>`
        select price.day, percentile_cont(0.5) within group (order by (price.average / in_base.average)::float8) as rate
        from daily_prices as price
        join daily_prices as in_base on (in_base.coin_id, in_base.day) = (price.coin_id, price.day)
        where price.currency = ${currency} and price.is_final and in_base.currency = ${base} and in_base.is_final
          and price.day < ${day}
        group by price.day
        order by price.day desc
        limit 1
      `.execute(db);
      return rows[0] ?? null;
    },
  };
}

/** A daily price as a reader gets it. @property revision how often its final values were replaced. */
export type StoredDailyPrice = Series & DailyPrice & { readonly revision: number };

/** @returns the rows from one day to another, both inclusive, in day order; of one coin or currency, or of all. */
export async function readDailyPrices(
  { db }: Database,
  { from, to, coin, currency }: { from: Day; to: Day; coin?: string; currency?: string },
): Promise<StoredDailyPrice[]> {
  const rows = await db
    .selectFrom('daily_prices')
    .selectAll()
    .where('day', '>=', from)
    .where('day', '<=', to)
    .$if(coin !== undefined, (query) => query.where('coin_id', '=', coin ?? ''))
    .$if(currency !== undefined, (query) => query.where('currency', '=', currency ?? ''))
    .orderBy('day')
    .orderBy('coin_id')
    .orderBy('currency')
    .execute();
  return rows.map((row) => ({
    coin: row.coin_id,
    currency: row.currency,
    day: row.day,
    open: row.open,
    high: row.high,
    low: row.low,
    close: row.close,
    average: row.average,
    volume: row.volume,
    marketCap: row.market_cap,
    sampleCount: row.sample_count,
    hoursCovered: row.hours_covered,
    firstSampleAt: row.first_sample_at.getTime(),
    lastSampleAt: row.last_sample_at.getTime(),
    isSettled: row.is_settled,
    isFinal: row.is_final,
    revision: row.revision,
  }));
}

type Upserted = {
  day: Day;
  is_written: boolean;
  average: number;
  hours_covered: number;
  /** What was stored before; null where nothing was. */
  was_final: boolean | null;
  old_average: number;
  old_hours: number;
  old_version: number;
};

/**
 * The one place where daily prices are written. Rows only move forward: a provisional row makes way for a final one and
 * for one that covers as many hours; a final row only for a final one that covers as many hours and was not computed by
 * an older version, and its old values are kept. What agrees with the stored row is not written.
 */
async function upsertPrices(
  transaction: Transaction<Tables>,
  { runId, series }: AnswerToStore,
  prices: readonly DailyPrice[],
  now: string,
): Promise<Upserted[]> {
  const rows = prices.map((price) => ({
    day: price.day,
    open: price.open,
    high: price.high,
    low: price.low,
    close: price.close,
    average: price.average,
    volume: price.volume,
    market_cap: price.marketCap,
    sample_count: price.sampleCount,
    hours_covered: price.hoursCovered,
    first_sample_at: toIso(price.firstSampleAt),
    last_sample_at: toIso(price.lastSampleAt),
    is_settled: price.isSettled,
    is_final: price.isFinal,
    aggregation_version: AGGREGATION_VERSION,
  }));
  const result = await sql<Upserted>`
    with incoming as materialized (select * from ${unnestRows('row', { day: 'date', ...VALUES }, rows)}),
    written as (
      insert into daily_prices as stored
        (coin_id, currency, day, ${VALUE_COLUMNS}, revision, run_id, updated_at)
      select ${series.coin}, ${series.currency}, day, ${VALUE_COLUMNS}, 0, ${runId}, ${now}::timestamptz from incoming
      on conflict (coin_id, currency, day) do update set
        (${VALUE_COLUMNS}, revision, run_id, updated_at) = (
          ${columns(VALUE_NAMES, 'excluded')}, stored.revision + stored.is_final::integer,
          excluded.run_id, excluded.updated_at
        )
      where (${columns(VALUE_NAMES, 'stored')}) is distinct from (${columns(VALUE_NAMES, 'excluded')})
        and case when stored.is_final
          then excluded.is_final and excluded.hours_covered >= stored.hours_covered
            and excluded.aggregation_version >= stored.aggregation_version
          else excluded.is_final or excluded.hours_covered >= stored.hours_covered
        end
      returning new.day as written_day, ${columns(ROW_NAMES, 'old')}
    ),
    revised as (
      insert into daily_price_revisions (${columns(ROW_NAMES)}, replaced_at, replaced_by_run_id)
      select ${columns(ROW_NAMES)}, ${now}::timestamptz, ${runId} from written where is_final
    ),
    found as (
      delete from unavailable_days
      where (coin_id, currency) = (${series.coin}, ${series.currency}) and day in (select written_day from written)
    )
    select incoming.day, incoming.average, incoming.hours_covered, written.written_day is not null as is_written,
      before.is_final as was_final, before.average as old_average, before.hours_covered as old_hours,
      before.aggregation_version as old_version
    from incoming
    left join written on written.written_day = incoming.day
    left join daily_prices as before
      on (before.coin_id, before.currency, before.day) = (${series.coin}, ${series.currency}, incoming.day)
    order by incoming.day
  `.execute(transaction);
  return result.rows;
}

/** What the answer did, or would have done, to final rows. */
function findChanges(series: Series, upserted: readonly Upserted[]): Finding[] {
  return upserted
    .filter(({ was_final }) => was_final)
    .flatMap(({ day, is_written, average, hours_covered, old_average, old_hours, old_version }): Finding[] => {
      const finding = { severity: 'warning', ...series, day } as const;
      const where = `${seriesName(series)} on ${day}`;
      const move = Math.abs(average - old_average) / old_average;
      if (is_written && move > REVISION_TOLERANCE) {
        const detail = `${where}: the final average moved by ${(move * 100).toFixed(2)} %, from ${old_average} to ${average}.`;
        return [{ rule: 'revision', ...finding, detail }];
      }
      if (!is_written && (hours_covered < old_hours || AGGREGATION_VERSION < old_version)) {
        const detail =
          `${where}: the answer covers ${hours_covered} hours (aggregation version ${AGGREGATION_VERSION}), the final row ` +
          `${old_hours} (version ${old_version}); the row was kept.`;
        return [{ rule: 'worse_answer', ...finding, detail }];
      }
      return [];
    });
}

/** A day becomes unavailable when a second run, long enough after the first, finds nothing of it either. */
async function recordAbsentDays(
  transaction: Transaction<Tables>,
  { runId, series, absentDays, answer }: AnswerToStore,
): Promise<void> {
  const recordedAt = toIso(answer.receivedAt);
  const isConfirmable = toIso(answer.receivedAt - CONFIRMATION_AFTER_MS);
  for (const chunk of inChunks(absentDays.map((day) => ({ day })))) {
    await sql`
      insert into unavailable_days as recorded (coin_id, currency, day, reason, first_run_id, recorded_at)
      select ${series.coin}, ${series.currency}, day, 'CoinGecko sent other days and nothing of this one.', ${runId},
        ${recordedAt}::timestamptz
      from ${unnestRows('absent', { day: 'date' }, chunk)}
      where not exists (
        select from daily_prices as price
        where (price.coin_id, price.currency, price.day) = (${series.coin}, ${series.currency}, absent.day)
      )
      on conflict (coin_id, currency, day) do update set confirmed_run_id = excluded.first_run_id
      where recorded.confirmed_run_id is null and recorded.first_run_id <> excluded.first_run_id
        and recorded.recorded_at <= ${isConfirmable}::timestamptz
    `.execute(transaction);
  }
}

async function insertRejected(
  transaction: Transaction<Tables>,
  { runId, series, rejected }: AnswerToStore,
): Promise<void> {
  for (const chunk of inChunks(rejected)) {
    const rows = chunk.map(({ observedAt, price, reason }) => ({ observed_at: toIso(observedAt), price, reason }));
    await sql`
      insert into rejected_samples (run_id, coin_id, currency, observed_at, price, reason)
      select ${runId}, ${series.coin}, ${series.currency}, observed_at, price, reason
      from ${unnestRows('rejected', { observed_at: 'timestamptz', price: 'text', reason: 'text' }, rows)}
      on conflict do nothing
    `.execute(transaction);
  }
}

async function insertAnswer(
  transaction: Transaction<Tables>,
  { runId, series, window, gapDays, answer }: AnswerToStore,
  packed: { sha256: string; body: Buffer },
): Promise<void> {
  await transaction
    .insertInto('answers')
    .values({
      run_id: runId,
      coin_id: series.coin,
      currency: series.currency,
      window_from: toIso(window.from),
      window_to: toIso(window.to),
      first_day: gapDays[0],
      last_day: gapDays.at(-1) ?? gapDays[0],
      received_at: toIso(answer.receivedAt),
      ...packed,
    })
    .execute();
}

async function recordOutcome(
  transaction: Transaction<Tables>,
  { runId, series, window, answer, attempts }: AnswerToStore,
  rowsWritten: number,
  now: string,
): Promise<void> {
  await sql`
    insert into ingestion_series as series
      (run_id, coin_id, currency, status, attempts, window_from, window_to, days_written, last_request_at)
    values (${runId}, ${series.coin}, ${series.currency}, 'stored', ${attempts}, ${toIso(window.from)},
      ${toIso(window.to)}, ${rowsWritten}, ${toIso(answer.receivedAt)})
    on conflict (run_id, coin_id, currency) do update set
      status = 'stored', error_kind = null, error = null, attempts = series.attempts + excluded.attempts,
      days_written = series.days_written + excluded.days_written, last_request_at = excluded.last_request_at
  `.execute(transaction);
  if (rowsWritten > 0) {
    await transaction.updateTable('ingestion_runs').set({ last_write_at: now }).where('id', '=', runId).execute();
  }
}
