import { type Kysely, sql } from 'kysely';
import type { Finding } from '../domain/finding.ts';
import type { FindingRepository } from '../ports.ts';
import { inChunks, unnestRows } from './statements.ts';
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

/** What a run has found before (a second hop, a redelivery) stays as it is. */
export async function insertFindings(db: Kysely<Tables>, runId: string, findings: readonly Finding[]): Promise<void> {
  const columns = { rule: 'text', severity: 'text', coin: 'text', currency: 'text', day: 'date', detail: 'text' };
  for (const chunk of inChunks(findings)) {
    await sql`
      insert into quality_findings (run_id, rule, severity, coin_id, currency, day, detail)
      select ${runId}, rule, severity, coin, currency, day, detail
      from ${unnestRows('found', columns, chunk)}
      on conflict do nothing
    `.execute(db);
  }
}
