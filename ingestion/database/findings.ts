import type { Kysely } from 'kysely';
import type { Finding } from '../domain/finding.ts';
import type { FindingRepository } from '../ports.ts';
import { type ColumnTypes, inChunks, insertRows } from './statements.ts';
import type { Tables } from './tables.ts';

export function createFindingRepository(db: Kysely<Tables>): FindingRepository {
  return {
    add: (runId, findings) => insertFindings(db, runId, findings),

    async ofRun(runId) {
      const rows = await db
        .selectFrom('quality_findings')
        .selectAll()
        .where('run_id', '=', runId)
        .orderBy('severity')
        .orderBy('rule')
        .orderBy('coin_id')
        .orderBy('currency')
        .orderBy('day')
        .execute();
      return rows.map(({ coin_id, run_id, ...finding }) => ({ ...finding, coin: coin_id }));
    },
  };
}

const COLUMNS = {
  run_id: 'uuid',
  rule: 'text',
  severity: 'text',
  coin_id: 'text',
  currency: 'text',
  day: 'date',
  detail: 'text',
} satisfies ColumnTypes;

/** What the run has found before, in another hop or delivery, stays as it is. */
export async function insertFindings(db: Kysely<Tables>, runId: string, findings: readonly Finding[]): Promise<void> {
  const rows = findings.map(({ coin, ...finding }) => ({ ...finding, coin_id: coin, run_id: runId }));
  for (const chunk of inChunks(rows)) {
    await insertRows(db, 'quality_findings', COLUMNS, chunk)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}
