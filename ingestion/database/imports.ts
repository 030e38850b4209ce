import type { Insertable, Transaction } from 'kysely';
import type { Clock, ImportConflict, ImportRepository } from '../ports.ts';
import type { Fence } from './fence.ts';
import { inChunks, insertRows, toIso, unnestRows } from './statements.ts';
import { COLUMNS, type Tables } from './tables.ts';

export function createImportRepository(fence: Fence, clock: Clock): ImportRepository {
  return {
    importPrices: ({ series, prices, sourceName, sha256, mayReplace }) =>
      fence.writing(async (transaction) => {
        const importedAt = toIso(clock.now());
        const rows = prices.map(({ day, price }) => ({
          coin_id: series.coin,
          currency: series.currency,
          day,
          price,
          source_name: sourceName,
          file_sha256: sha256,
          imported_at: importedAt,
        }));
        const conflicts: ImportConflict[] = [];
        for (const chunk of inChunks(rows)) conflicts.push(...(await readConflicts(transaction, chunk)));
        if (conflicts.length > 0 && !mayReplace) return { conflicts };
        let written = 0;
        for (const chunk of inChunks(rows)) written += await upsert(transaction, chunk);
        return {
          written: written - conflicts.length,
          replaced: conflicts.length,
          unchanged: rows.length - written,
        };
      }),
  };
}

type Row = Insertable<Tables['imported_daily_prices']>;

/** @returns the days that another price is imported of. */
const readConflicts = (transaction: Transaction<Tables>, rows: readonly Row[]): Promise<ImportConflict[]> =>
  transaction
    .selectFrom('imported_daily_prices as stored')
    .innerJoin(unnestRows('incoming', COLUMNS.imported_daily_prices, rows), (join) =>
      join
        .onRef('incoming.coin_id', '=', 'stored.coin_id')
        .onRef('incoming.currency', '=', 'stored.currency')
        .onRef('incoming.day', '=', 'stored.day'),
    )
    .whereRef('incoming.price', '<>', 'stored.price')
    .select(({ cast, ref }) => [
      'stored.day',
      cast<string>(ref('stored.price'), 'text').as('stored'),
      cast<string>(ref('incoming.price'), 'text').as('found'),
    ])
    .orderBy('stored.day')
    .execute();

/** Equal prices stay as they are, with the source that they came from first. @returns how many rows were written. */
async function upsert(transaction: Transaction<Tables>, rows: readonly Row[]): Promise<number> {
  const { numInsertedOrUpdatedRows = 0n } = await insertRows(transaction, 'imported_daily_prices', rows)
    .onConflict((conflict) =>
      conflict
        .columns(['coin_id', 'currency', 'day'])
        .doUpdateSet(({ ref }) => ({
          price: ref('excluded.price'),
          source_name: ref('excluded.source_name'),
          file_sha256: ref('excluded.file_sha256'),
          imported_at: ref('excluded.imported_at'),
        }))
        .whereRef('imported_daily_prices.price', '<>', 'excluded.price'),
    )
    .executeTakeFirstOrThrow();
  return Number(numInsertedOrUpdatedRows);
}
