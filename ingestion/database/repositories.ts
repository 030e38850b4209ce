import type { Clock, Repositories } from '../ports.ts';
import type { Database } from './connection.ts';
import { createFence } from './fence.ts';
import { createFindingRepository } from './findings.ts';
import { createHousekeeping } from './housekeeping.ts';
import { createImportRepository, type ImportRepository } from './imports.ts';
import { createLatestPriceRepository } from './latest-prices.ts';
import { createIngestionLock } from './lock.ts';
import { createPriceRepository } from './prices.ts';
import { createRequestLedger } from './request-ledger.ts';
import { createRunRepository } from './runs.ts';

/** Everything that one run stores and reads, on a migrated database. They write only while their own lock is held. */
export function createRepositories(
  database: Database,
  { clock }: { clock: Clock },
): Repositories & { readonly imports: ImportRepository } {
  const { db } = database;
  const fence = createFence(db, clock);
  return {
    lock: createIngestionLock(database, clock, fence),
    runs: createRunRepository(db, fence, clock),
    prices: createPriceRepository(db, fence, clock),
    latestPrices: createLatestPriceRepository(fence),
    imports: createImportRepository(fence, clock),
    findings: createFindingRepository(db, fence),
    requests: createRequestLedger(db, fence),
    housekeeping: createHousekeeping(db, fence),
  };
}
