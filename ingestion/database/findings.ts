import { type Kysely, sql } from 'kysely';
import type { Finding } from '../domain/quality.ts';
import type { FindingRepository } from '../ports.ts';
import type { Database } from './connection.ts';
import type { Fence } from './fence.ts';
import { insertRows } from './statements.ts';
import type { Tables } from './tables.ts';

export const createFindingRepository = (db: Kysely<Tables>, fence: Fence): FindingRepository => ({
  add: (runId, findings) => fence.writing((transaction) => insertFindings(transaction, runId, findings)),
  ofRun: (runId) => readFindings(db, runId),
});

/** @returns the findings of one run, errors first. */
export async function readFindings(db: Kysely<Tables>, runId: string): Promise<Finding[]> {
  const rows = await db
    .selectFrom('quality_findings')
    .selectAll()
    .where('run_id', '=', runId)
    .orderBy(sql`severity, rule, coin_id, currency, day`)
    .execute();
  return rows.map(({ coin_id: coin, run_id: _, ...finding }) => ({ ...finding, coin }));
}

export type FindingsOfAllRuns = Awaited<ReturnType<typeof readFindingsOfAllRuns>>;

/**
 * How many findings of each severity all kept runs have, and the first of them: errors first, then by the newest run.
 * @param limit how many are listed at most.
 */
export async function readFindingsOfAllRuns({ db }: Database, limit: number) {
  const counts = await db
    .selectFrom('quality_findings')
    .select(['severity', ({ fn }) => fn.countAll<number>().as('count')])
    .groupBy('severity')
    .execute();
  const countOf = (severity: Finding['severity']) => counts.find((one) => one.severity === severity)?.count ?? 0;
  const listed = await db
    .selectFrom('quality_findings as finding')
    .innerJoin('ingestion_runs as run', 'run.id', 'finding.run_id')
    .select(['rule', 'severity', 'coin_id as coin', 'currency', 'day', 'detail'])
    .orderBy(sql`severity, run.started_at desc, day desc nulls last, rule, coin_id, currency`)
    .limit(limit)
    .execute();
  return { errors: countOf('error'), warnings: countOf('warning'), listed };
}

/** What this run or an earlier one has said of a day in the same words stays as it is: a thin day is asked for again and again. */
export async function insertFindings(db: Kysely<Tables>, runId: string, findings: readonly Finding[]): Promise<void> {
  const unsaid = await withoutRepeats(db, findings);
  const rows = unsaid.map((finding) => ({ ...finding, runId }));
  await insertRows(db, 'quality_findings', rows);
}

async function withoutRepeats(db: Kysely<Tables>, findings: readonly Finding[]): Promise<readonly Finding[]> {
  const days = [...new Set(findings.flatMap(({ day }) => day ?? []))];
  if (days.length === 0) return findings;
  const known = await db.selectFrom('quality_findings').select(['day', 'detail']).where('day', 'in', days).execute();
  const said = new Set(known.map(({ day, detail }) => `${day} ${detail}`));
  return findings.filter(({ day, detail }) => day === null || !said.has(`${day} ${detail}`));
}
