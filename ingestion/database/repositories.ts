import type { Clock, Repositories } from '../ports.ts';
import type { Database } from './connection.ts';
import { createFindingRepository } from './findings.ts';
import { createHousekeeping } from './housekeeping.ts';
import { createIngestionLock } from './lock.ts';
import { createPriceRepository } from './prices.ts';
import { createRequestLedger } from './request-ledger.ts';
import { createRunRepository } from './runs.ts';

/** Everything that a run stores and reads, on a migrated database. */
export const createRepositories = (database: Database, { clock }: { clock: Clock }): Repositories => ({
  lock: createIngestionLock(database, clock),
  runs: createRunRepository(database.db, clock),
  prices: createPriceRepository(database.db, clock),
  findings: createFindingRepository(database.db),
  requests: createRequestLedger(database.db),
  housekeeping: createHousekeeping(database.db),
});
