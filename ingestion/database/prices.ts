import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Kysely, Transaction } from 'kysely';
import type { DailyPrice } from '../domain/daily-price.ts';
import { type Day, HOUR_MS, type Instant } from '../domain/day.ts';
import { findChanges, type PriceChange } from '../domain/quality.ts';
import type { Series } from '../domain/series.ts';
import type { AnswerToStore, Clock, PriceRepository } from '../ports.ts';
import type { Database } from './connection.ts';
import { insertFindings } from './findings.ts';
import { repeatTransaction } from './repeat-transaction.ts';
import { markStored } from './series-outcomes.ts';
import { learnBeginnings, recordDaysBeforeBeginning } from './sql/judge-empty-answers.ts';
import { readDayStates } from './sql/read-day-states.ts';
import { upsertDailyPrices } from './sql/upsert-daily-prices.ts';
import { type ColumnTypes, columnNames, inChunks, insertRows, toIso, unnestRows } from './statements.ts';
import type { Tables } from './tables.ts';

/** Two answers closer together than this may share one outage of the source. */
const CONFIRMATION_AFTER_MS = 20 * HOUR_MS;

export function createPriceRepository(db: Kysely<Tables>, clock: Clock): PriceRepository {
  return {
    dayStates: (runId, ranges, includeFinal) => readDayStates(db, runId, ranges, includeFinal),

    async storeAnswer(toStore) {
      const { runId, series, window, gapDays, attempts, answer, prices } = toStore;
      const packed = await pack(answer.body);
      const store = () =>
        db.transaction().execute(async (transaction) => {
          const now = clock.now();
          const changes: PriceChange[] = [];
          await lockSeries(transaction, series);
          const answerId = await insertAnswer(transaction, toStore, packed);
          const origin = { runId, series, answerId, askedDays: gapDays, now };
          for (const chunk of inChunks(prices)) {
            changes.push(...(await upsertDailyPrices(transaction, origin, chunk)));
          }
          const daysWritten = changes.filter(({ isWritten }) => isWritten).length;
          await recordAbsentDays(transaction, toStore);
          await insertRejected(transaction, toStore);
          await insertFindings(transaction, runId, [...toStore.findings, ...findChanges(series, changes)]);
          const { receivedAt } = answer;
          await markStored(transaction, runId, { ...series, window, attempts, daysWritten, receivedAt });
          if (daysWritten > 0) await noteWrite(transaction, runId, now);
          return { rowsWritten: daysWritten, rowsUnchanged: changes.length - daysWritten };
        });
      return await repeatTransaction(store, { clock });
    },

    judgeEmptyAnswers: (runId) =>
      db.transaction().execute(async (transaction) => {
        await learnBeginnings(transaction, runId);
        await recordDaysBeforeBeginning(transaction, runId, CONFIRMATION_AFTER_MS);
      }),

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
          currency,
          firstDay: first_day,
          lastDay: last_day,
          body: await unpack(body),
        })),
      );
    },

    async lastFinalRate(currency, base, day) {
      const rate = await db
        .selectFrom('daily_prices as price')
        .innerJoin('daily_prices as in_base', (join) =>
          join.onRef('in_base.coin_id', '=', 'price.coin_id').onRef('in_base.day', '=', 'price.day'),
        )
        .select(({ cast, eb, fn, lit, ref }) => [
          'price.day',
          fn
            .agg<number>('percentile_cont', [lit(0.5)])
            .withinGroupOrderBy(cast(eb('price.average', '/', ref('in_base.average')), 'float8'))
            .as('rate'),
        ])
        .where('price.currency', '=', currency)
        .where('price.is_final', '=', true)
        .where('in_base.currency', '=', base)
        .where('in_base.is_final', '=', true)
        .where('price.day', '<', day)
        .groupBy('price.day')
        .orderBy('price.day', 'desc')
        .limit(1)
        .executeTakeFirst();
      return rate ?? null;
    },
  };
}

/**
 * Two answers of one series share a day at the edges of their windows: for one it is a gap day, for the other a day of the
 * margin. One after the other they move the row forward; side by side the second could not see the first.
 */
async function lockSeries(transaction: Transaction<Tables>, { coin, currency }: Series): Promise<void> {
  await transaction
    .selectFrom('series')
    .select('tracked_since')
    .where('coin_id', '=', coin)
    .where('currency', '=', currency)
    .forUpdate()
    .execute();
}

const pack = async (body: Uint8Array) => ({
  sha256: createHash('sha256').update(body).digest('hex'),
  body: await promisify(gzip)(body),
});

const unpack = (body: Buffer): Promise<Buffer> => promisify(gunzip)(body);

/** A daily price as a reader gets it. @property revision how often its final values were replaced. */
export type StoredDailyPrice = Series & Omit<DailyPrice, 'hoursAnswered'> & { readonly revision: number };

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
    isThin: row.is_thin,
    isFinal: row.is_final,
    revision: row.revision,
  }));
}

const ABSENT = {
  coin_id: 'text',
  currency: 'text',
  day: 'date',
  reason: 'text',
  first_run_id: 'uuid',
  recorded_at: 'timestamptz',
} satisfies ColumnTypes;

/** A day becomes unavailable when a second run, long enough after the first, finds nothing of it either. */
async function recordAbsentDays(
  transaction: Transaction<Tables>,
  { runId, series, absentDays, answer }: AnswerToStore,
): Promise<void> {
  const rows = absentDays.map((day) => ({
    coin_id: series.coin,
    currency: series.currency,
    day,
    reason: 'CoinGecko sent other days and nothing of this one.',
    first_run_id: runId,
    recorded_at: toIso(answer.receivedAt),
  }));
  for (const chunk of inChunks(rows)) {
    const withoutRow = transaction
      .selectFrom(unnestRows('absent', ABSENT, chunk))
      .leftJoin('daily_prices as price', (join) =>
        join
          .onRef('price.coin_id', '=', 'absent.coin_id')
          .onRef('price.currency', '=', 'absent.currency')
          .onRef('price.day', '=', 'absent.day'),
      )
      .where('price.day', 'is', null)
      .selectAll('absent');
    await transaction
      .insertInto('unavailable_days')
      .columns(columnNames(ABSENT))
      .expression(withoutRow)
      .onConflict((conflict) =>
        conflict
          .columns(['coin_id', 'currency', 'day'])
          .doUpdateSet(({ ref }) => ({ confirmed_run_id: ref('excluded.first_run_id') }))
          .where('unavailable_days.confirmed_run_id', 'is', null)
          .whereRef('unavailable_days.first_run_id', '<>', 'excluded.first_run_id')
          .where('unavailable_days.recorded_at', '<=', new Date(answer.receivedAt - CONFIRMATION_AFTER_MS)),
      )
      .execute();
  }
}

const REJECTED = {
  run_id: 'uuid',
  coin_id: 'text',
  currency: 'text',
  observed_at: 'timestamptz',
  price: 'text',
  reason: 'text',
} satisfies ColumnTypes;

async function insertRejected(
  transaction: Transaction<Tables>,
  { runId, series, rejected }: AnswerToStore,
): Promise<void> {
  const rows = rejected.map(({ observedAt, price, reason }) => ({
    run_id: runId,
    coin_id: series.coin,
    currency: series.currency,
    observed_at: toIso(observedAt),
    price,
    reason,
  }));
  for (const chunk of inChunks(rows)) {
    await insertRows(transaction, 'rejected_samples', REJECTED, chunk)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

async function insertAnswer(
  transaction: Transaction<Tables>,
  { runId, series, window, gapDays, answer, firstSampleAt, sampleCount }: AnswerToStore,
  packed: { sha256: string; body: Buffer },
): Promise<number> {
  const { id } = await transaction
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
      sample_count: sampleCount,
      first_sample_at: firstSampleAt === null ? null : toIso(firstSampleAt),
      ...packed,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

async function noteWrite(transaction: Transaction<Tables>, runId: string, now: Instant): Promise<void> {
  await transaction
    .updateTable('ingestion_runs')
    .set({ last_write_at: toIso(now) })
    .where('id', '=', runId)
    .execute();
}
