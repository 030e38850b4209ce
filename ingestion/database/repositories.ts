import type { Kysely, Transaction } from 'kysely';
import type { Clock, Housekeeping, Repositories } from '../ports.ts';
import type { Database } from './connection.ts';
import { createFence, type Fence } from './fence.ts';
import { createFindingRepository } from './findings.ts';
import { createImportRepository, createLatestPriceRepository, createPriceRepository } from './prices.ts';
import { createRequestLedger } from './request-ledger.ts';
import { createRunRepository } from './runs.ts';
import { createIngestionLock } from './sql/lock.ts';
import { MAX_ROWS } from './statements.ts';
import type { Tables } from './tables.ts';

/** Everything that one run stores and reads, on a migrated database. They write only while their own lock is held. */
export function createRepositories(
  database: Database,
  { clock }: { clock: Clock },
): Repositories & { readonly imports: ReturnType<typeof createImportRepository> } {
  const { db } = database;
  const fence = createFence(db, clock);
  return {
    lock: createIngestionLock(database, clock, fence),
    runs: createRunRepository(db, fence, clock),
    prices: createPriceRepository(db, fence, clock),
    latestPrices: createLatestPriceRepository(fence),
    imports: createImportRepository(db, fence, clock),
    findings: createFindingRepository(db, fence),
    requests: createRequestLedger(db, fence),
    housekeeping: createHousekeeping(db, fence),
  };
}

function createHousekeeping(db: Kysely<Tables>, fence: Fence): Housekeeping {
  /** Deletes at most `MAX_ROWS` rows a transaction: years of them, found after a long pause, hold no lock for long either. */
  async function inPieces(deletePiece: (transaction: Transaction<Tables>) => Promise<{ numDeletedRows: bigint }>) {
    let deleted: bigint;
    do deleted = (await fence.writing(deletePiece)).numDeletedRows;
    while (deleted === BigInt(MAX_ROWS));
  }
  return {
    async prune(olderThan) {
      const before = new Date(olderThan);
      const answers = db.selectFrom('answers').select('id').where('received_at', '<', before).orderBy('id');
      const requests = db.selectFrom('requests').select('id').where('sent_at', '<', before).orderBy('id');
      await inPieces((transaction) =>
        transaction.deleteFrom('answers').where('id', 'in', answers.limit(MAX_ROWS)).executeTakeFirstOrThrow(),
      );
      await inPieces((transaction) =>
        transaction.deleteFrom('requests').where('id', 'in', requests.limit(MAX_ROWS)).executeTakeFirstOrThrow(),
      );
    },
  };
}
