import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Kysely, Selectable } from 'kysely';
import type { DailyPrice } from '../domain/daily-price.ts';
import type { Day } from '../domain/day.ts';
import type { Series } from '../domain/series.ts';
import type { Clock, PriceRepository } from '../ports.ts';
import type { Database } from './connection.ts';
import type { Fence } from './fence.ts';
import { readDayStates } from './sql/day-states.ts';
import { learnBeginnings, recordDaysBeforeBeginning } from './sql/judge-empty-answers.ts';
import { CONFIRMATION_AFTER_MS, createAnswerWriter, renewDays } from './store-answers.ts';
import type { Tables } from './tables.ts';

export function createPriceRepository(db: Kysely<Tables>, fence: Fence, clock: Clock): PriceRepository {
  return {
    dayStates: (runId, ranges, includeFinal) => readDayStates(db, runId, ranges, includeFinal),

    storeAnswer: createAnswerWriter(fence, clock),

    renewPrices: (days) => fence.writing((transaction) => renewDays(transaction, days, clock.now())),

    judgeEmptyAnswers: (runId, base) =>
      fence.writing(async (transaction) => {
        await learnBeginnings(transaction, runId);
        await recordDaysBeforeBeginning(transaction, { runId, base, confirmationAfterMs: CONFIRMATION_AFTER_MS });
      }),

    async answersOfCoin(runId, coin) {
      const rows = await db
        .selectFrom('answers')
        .selectAll()
        .where('run_id', '=', runId)
        .where('coin_id', '=', coin)
        .orderBy('id')
        .execute();
      return await Promise.all(
        rows.map(async (row) => ({
          id: row.id,
          currency: row.currency,
          firstDay: row.first_day,
          lastDay: row.last_day,
          window: { from: row.window_from.getTime(), to: row.window_to.getTime() },
          receivedAt: row.received_at.getTime(),
          body: await unpack(row.body),
        })),
      );
    },

    async lastFinalRate(currency, base, day) {
      const inBoth = db
        .selectFrom('daily_prices as price')
        .innerJoin('daily_prices as in_base', (join) =>
          join.onRef('in_base.coin_id', '=', 'price.coin_id').onRef('in_base.day', '=', 'price.day'),
        )
        .where('price.currency', '=', currency)
        .where('price.is_final', '=', true)
        .where('in_base.currency', '=', base)
        .where('in_base.is_final', '=', true);
      const newest = inBoth.select('price.day').where('price.day', '<', day).orderBy('price.day', 'desc').limit(1);
      const rate = await inBoth
        .select(({ cast, eb, fn, lit, ref }) => [
          'price.day',
          fn
            .agg<number>('percentile_cont', [lit(0.5)])
            .withinGroupOrderBy(cast(eb('price.average', '/', ref('in_base.average')), 'float8'))
            .as('rate'),
        ])
        .where('price.day', '=', newest)
        .groupBy('price.day')
        .executeTakeFirst();
      return rate ?? null;
    },
  };
}

export const unpack = (body: Buffer): Promise<Buffer> => promisify(gunzip)(body);

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
    ...toDailyPrice(row),
    revision: row.revision,
  }));
}

export const toDailyPrice = (row: Selectable<Tables['daily_prices']>): Omit<DailyPrice, 'hoursAnswered'> => ({
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
});
