import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DailyPrice } from '../domain/daily-price.ts';
import type { Day } from '../domain/day.ts';
import type { LatestPrice } from '../domain/latest-price.ts';
import type { Series } from '../domain/series.ts';
import type { Clock, LatestPriceRepository, PriceRepository } from '../ports.ts';
import type { Database } from './connection.ts';
import type { Fence } from './fence.ts';
import { readDayStates } from './sql/day-states.ts';
import { learnBeginnings, recordDaysBeforeBeginning } from './sql/settle-days.ts';
import { fromRow, inChunks, insertRows, type NewRow, onSameDay, replacing, toIso, unnestRows } from './statements.ts';
import { createAnswerWriter, renewDays } from './store-answers.ts';
import { COLUMNS, type Tables } from './tables.ts';

export function createPriceRepository(db: Kysely<Tables>, fence: Fence, clock: Clock): PriceRepository {
  return {
    dayStates: (runId, ranges, includeFinal) => readDayStates(db, runId, ranges, { includeFinal, now: clock.now() }),

    storeAnswer: createAnswerWriter(fence, clock),

    renewPrices: (days) => fence.writing((transaction) => renewDays(transaction, days, clock.now())),

    judgeEmptyAnswers: (runId, base) =>
      fence.writing(async (transaction) => {
        await learnBeginnings(transaction, runId);
        await recordDaysBeforeBeginning(transaction, { runId, base });
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
        rows.map(async (row) => {
          const { id, currency, firstDay, lastDay, receivedAt, windowFrom: from, windowTo: to } = fromRow(row);
          return { id, currency, firstDay, lastDay, window: { from, to }, receivedAt, body: await unpack(row.body) };
        }),
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
    .orderBy(sql`day, coin_id, currency`)
    .execute();
  return rows.map((row) => {
    const { source, runId, answerIds, aggregationVersion, updatedAt, ...price } = fromRow(row);
    return price;
  });
}

export const createLatestPriceRepository = (fence: Fence): LatestPriceRepository => ({
  store: (runId, latest) => fence.writing((transaction) => upsertLatestPrices(transaction, runId, latest)),
});

/** Only newer observations replace older ones. */
async function upsertLatestPrices(
  transaction: Kysely<Tables>,
  runId: string,
  latest: readonly LatestPrice[],
): Promise<void> {
  const rows = latest.map((one) => ({ ...one, observedAt: toIso(one.observedAt), runId }));
  const isNewer = sql<boolean>`latest_prices.observed_at < excluded.observed_at`;
  await insertRows(transaction, 'latest_prices', rows, replacing('latest_prices', ['coin_id', 'currency'], isNewer));
}

/** @returns the latest prices of all series that have one, by coin and currency. */
export async function readLatestPrices({ db }: Pick<Database, 'db'>): Promise<LatestPrice[]> {
  const rows = await db.selectFrom('latest_prices').selectAll().orderBy('coin_id').orderBy('currency').execute();
  return rows.map((row) => {
    const { runId, ...price } = fromRow(row);
    return price;
  });
}

/**
 * Daily prices of one series, from a file.
 * @property prices as digits, as the file has them. @property sha256 of the file.
 * @property mayReplace whether days that another price was imported of get the new one.
 */
type PricesToImport = {
  readonly series: Series;
  readonly prices: readonly { readonly day: Day; readonly price: string }[];
} & { readonly sourceName: string; readonly sha256: string; readonly mayReplace: boolean };

/** A day that another price is imported of. */
export type ImportConflict = { readonly day: Day; readonly stored: string; readonly found: string };

/** A stored day of one series. */
export type StoredDay = { readonly day: Day } & Readonly<Record<'low' | 'high' | 'average' | 'close', number>>;

export function createImportRepository(db: Kysely<Tables>, fence: Fence, clock: Clock) {
  return {
    /** @returns all of them, that imported prices can be compared with. */
    storedDays: ({ coin, currency }: Series): Promise<StoredDay[]> =>
      db
        .selectFrom('daily_prices')
        .select(['day', 'low', 'high', 'average', 'close'])
        .where('coin_id', '=', coin)
        .where('currency', '=', currency)
        .execute(),

    /**
     * Imports all of the prices, or none: the conflicts then say why.
     * @returns how many days were `written` that had none, were `replaced`, and were `unchanged`, their price being the same.
     */
    importPrices: ({ series, prices, sourceName, sha256, mayReplace }: PricesToImport) =>
      fence.writing(async (transaction) => {
        const origin = { sourceName, fileSha256: sha256, importedAt: toIso(clock.now()) };
        const rows = prices.map((price) => ({ ...series, ...price, ...origin }));
        const conflicts: ImportConflict[] = [];
        for (const chunk of inChunks(rows)) conflicts.push(...(await readConflicts(transaction, chunk)));
        if (conflicts.length > 0 && !mayReplace) return { conflicts };
        // Equal prices stay as they are, with the source that they came from first.
        const isOther = sql<boolean>`imported_daily_prices.price <> excluded.price`;
        const replace = replacing('imported_daily_prices', ['coin_id', 'currency', 'day'], isOther);
        const written = await insertRows(transaction, 'imported_daily_prices', rows, replace);
        return { written: written - conflicts.length, replaced: conflicts.length, unchanged: rows.length - written };
      }),
  };
}

/** @returns the days that another price is imported of. */
const readConflicts = (
  transaction: Transaction<Tables>,
  rows: readonly NewRow<'imported_daily_prices'>[],
): Promise<ImportConflict[]> =>
  transaction
    .selectFrom('imported_daily_prices as stored')
    .innerJoin(unnestRows('incoming', COLUMNS.imported_daily_prices, rows), (join) =>
      join.on(onSameDay('incoming', 'stored')),
    )
    .whereRef('incoming.price', '<>', 'stored.price')
    .select(({ cast, ref }) => [
      'stored.day',
      cast<string>(ref('stored.price'), 'text').as('stored'),
      cast<string>(ref('incoming.price'), 'text').as('found'),
    ])
    .orderBy('stored.day')
    .execute();
