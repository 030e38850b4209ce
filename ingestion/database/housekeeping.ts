import type { Kysely, Transaction } from 'kysely';
import type { Housekeeping } from '../ports.ts';
import type { Fence } from './fence.ts';
import { MAX_ROWS } from './statements.ts';
import type { Tables } from './tables.ts';

export function createHousekeeping(db: Kysely<Tables>, fence: Fence): Housekeeping {
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
