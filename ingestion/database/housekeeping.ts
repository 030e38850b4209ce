import { type Kysely, sql } from 'kysely';
import type { Housekeeping } from '../ports.ts';
import { MAX_ROWS, toIso } from './statements.ts';
import type { Tables } from './tables.ts';

export function createHousekeeping(db: Kysely<Tables>): Housekeeping {
  return {
    async prune(olderThan) {
      await deleteBefore(db, 'answers', 'received_at', olderThan);
      await deleteBefore(db, 'requests', 'sent_at', olderThan);
    },
  };
}

/** In pieces, so that years of them, found after a long pause, hold no lock for long either. */
async function deleteBefore(db: Kysely<Tables>, table: 'answers' | 'requests', column: string, before: number) {
  let deleted: bigint | undefined;
  do {
    const oldest = sql`
      select id from ${sql.table(table)} where ${sql.ref(column)} < ${toIso(before)} order by id limit ${MAX_ROWS}`;
    const result = await sql`delete from ${sql.table(table)} where id in (${oldest})`.execute(db);
    deleted = result.numAffectedRows;
  } while (deleted === BigInt(MAX_ROWS));
}
