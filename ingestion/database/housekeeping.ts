import type { DeleteQueryBuilder, DeleteResult, Kysely } from 'kysely';
import type { Housekeeping } from '../ports.ts';
import { MAX_ROWS } from './statements.ts';
import type { Tables } from './tables.ts';

export function createHousekeeping(db: Kysely<Tables>): Housekeeping {
  return {
    async prune(olderThan) {
      const before = new Date(olderThan);
      const answers = db.selectFrom('answers').select('id').where('received_at', '<', before).orderBy('id');
      const requests = db.selectFrom('requests').select('id').where('sent_at', '<', before).orderBy('id');
      await inPieces(db.deleteFrom('answers').where('id', 'in', answers.limit(MAX_ROWS)));
      await inPieces(db.deleteFrom('requests').where('id', 'in', requests.limit(MAX_ROWS)));
    },
  };
}

/** Repeats a delete of at most `MAX_ROWS` rows: years of them, found after a long pause, hold no lock for long either. */
async function inPieces<Table extends keyof Tables>(piece: DeleteQueryBuilder<Tables, Table, DeleteResult>) {
  let deleted: bigint;
  do deleted = (await piece.executeTakeFirstOrThrow()).numDeletedRows;
  while (deleted === BigInt(MAX_ROWS));
}
