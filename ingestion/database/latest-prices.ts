import type { Kysely } from 'kysely';
import type { LatestPrice } from '../domain/latest-price.ts';
import type { LatestPriceRepository } from '../ports.ts';
import type { Database } from './connection.ts';
import type { Fence } from './fence.ts';
import { inChunks, insertRows, toIso } from './statements.ts';
import type { Tables } from './tables.ts';

export const createLatestPriceRepository = (fence: Fence): LatestPriceRepository => ({
  store: (runId, latest) => fence.writing((transaction) => upsertLatestPrices(transaction, runId, latest)),
});

/** Only newer observations replace older ones. */
async function upsertLatestPrices(
  transaction: Kysely<Tables>,
  runId: string,
  latest: readonly LatestPrice[],
): Promise<void> {
  const rows = latest.map((one) => ({
    coin_id: one.coin,
    currency: one.currency,
    price: String(one.price),
    market_cap: one.marketCap === null ? null : String(one.marketCap),
    volume_24h: one.volume24h === null ? null : String(one.volume24h),
    change_24h_percent: one.change24hPercent === null ? null : String(one.change24hPercent),
    observed_at: toIso(one.observedAt),
    run_id: runId,
  }));
  for (const chunk of inChunks(rows)) {
    await insertRows(transaction, 'latest_prices', chunk)
      .onConflict((conflict) =>
        conflict
          .columns(['coin_id', 'currency'])
          .doUpdateSet(({ ref }) => ({
            price: ref('excluded.price'),
            market_cap: ref('excluded.market_cap'),
            volume_24h: ref('excluded.volume_24h'),
            change_24h_percent: ref('excluded.change_24h_percent'),
            observed_at: ref('excluded.observed_at'),
            run_id: ref('excluded.run_id'),
          }))
          .whereRef('latest_prices.observed_at', '<', 'excluded.observed_at'),
      )
      .execute();
  }
}

/** @returns the latest prices of all series that have one, by coin and currency. */
export async function readLatestPrices({ db }: Pick<Database, 'db'>): Promise<LatestPrice[]> {
  const rows = await db.selectFrom('latest_prices').selectAll().orderBy('coin_id').orderBy('currency').execute();
  return rows.map((row) => ({
    coin: row.coin_id,
    currency: row.currency,
    price: row.price,
    marketCap: row.market_cap,
    volume24h: row.volume_24h,
    change24hPercent: row.change_24h_percent,
    observedAt: row.observed_at.getTime(),
  }));
}
