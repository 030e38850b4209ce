import { METRICS } from '../../ingestion/contract/names.ts';
import type { Universe } from '../../ingestion/contract/universe.ts';
import type { Database } from '../../ingestion/database/connection.ts';
import { readStatus } from '../../ingestion/database/status.ts';
import { reservedCredits } from '../../ingestion/domain/credits.ts';
import { LockTakenError } from '../../ingestion/domain/failure.ts';
import { seriesName } from '../../ingestion/domain/series.ts';
import type { RunResult, Verdict } from '../../ingestion/domain/verdict.ts';
import type { Clock, Log, RunDependencies, RunEvent, RunOrder, RunTotals } from '../../ingestion/ports.ts';
import { runIngestion } from '../../ingestion/run-ingestion.ts';
import type { EmitMetrics } from '../../ingestion/runtime/metrics.ts';
import type { SourceSettings } from '../../ingestion/runtime/settings.ts';
import { composeRun } from '../shared/compose-run.ts';

/** Longer than the pauses between two hops or two runs; a message that waits longer is given back. */
const LOCK_WAIT_MS = 60_000;

export type HopDependencies = {
  readonly source: SourceSettings;
  readonly universe: Universe;
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly emit: EmitMetrics;
} & Pick<RunDependencies, 'interrupt' | 'deadline'>;

/**
 * Works on one hop and tells CloudWatch what it came to.
 * @throws whatever `runIngestion` throws.
 */
export async function runHop(order: RunOrder, dependencies: HopDependencies): Promise<RunResult> {
  const { log, emit } = dependencies;
  const deps = composeRun({ ...dependencies, lockWaitMs: LOCK_WAIT_MS, onEvent: (event) => logEvent(log, event) });
  // Of a run without a row yet there are none; a database that is away is for the run to report.
  const before = await deps.repositories.runs.totals(order.runId).catch(() => NO_TOTALS);
  try {
    const result = await runIngestion(order, deps);
    await emitResult(result.verdict, before, dependencies);
    return result;
  } catch (error) {
    if (!(error instanceof LockTakenError)) emit({ [METRICS.runsFailed]: 1 });
    throw error;
  }
}

const NO_TOTALS: RunTotals = { requests: 0, credits: 0, retries: 0, rateLimited: 0 };

function logEvent(log: Log, event: RunEvent): void {
  const { kind, ...fields } = 'series' in event ? { ...event, series: seriesName(event.series) } : event;
  if (kind === 'planned') log.info('Planned', fields);
  if (kind === 'slowed') log.warn('CoinGecko asks for fewer requests', fields);
  if (kind === 'answered') log.info('Series stored', fields);
  if (kind === 'retrying') log.warn('Trying again', fields);
  // What failed is logged where it fails, with its kind.
}

const RUNS_BY_VERDICT = {
  complete: METRICS.runsComplete,
  partial: METRICS.runsPartial,
  failed: METRICS.runsFailed,
  waiting: METRICS.runsWaiting,
  // Only on a person's machine.
  interrupted: null,
  running: null,
} as const satisfies Record<Verdict['status'], string | null>;

/** What is stored stays stored: metrics that can't be made are no failure of the run. */
async function emitResult(verdict: Verdict, before: RunTotals, dependencies: HopDependencies): Promise<void> {
  const { emit, database, clock, universe, source, log } = dependencies;
  const runs = RUNS_BY_VERDICT[verdict.status];
  emit({
    ...(runs ? { [runs]: 1 } : {}),
    [METRICS.runDuration]: verdict.durationMs / 1000,
    [METRICS.daysExpected]: verdict.expectedDays,
    [METRICS.daysStored]: verdict.storedDays,
    [METRICS.daysMissing]: verdict.missingDays,
    [METRICS.rowsWritten]: verdict.rowsWritten,
    // The verdict counts over all hops, and CloudWatch adds hops up.
    [METRICS.requests]: verdict.requests - before.requests,
    [METRICS.retries]: verdict.retries - before.retries,
    [METRICS.rateLimited]: verdict.rateLimited - before.rateLimited,
    [METRICS.errorFindings]: verdict.findings.filter(({ severity }) => severity === 'error').length,
  });
  for (const [rule, findings] of Map.groupBy(verdict.findings, (finding) => finding.rule)) {
    emit({ [METRICS.findings]: findings.length }, { rule });
  }
  try {
    const now = clock.now();
    const { hoursSinceComplete, priceAgeHours, creditsThisMonth } = await readStatus(database, { now, universe });
    const seriesCount = universe.coins.length * universe.currencies.length;
    const creditsLeft = source.monthlyCredits === null ? null : source.monthlyCredits - creditsThisMonth;
    emit({
      ...(hoursSinceComplete === null ? {} : { [METRICS.hoursSinceComplete]: hoursSinceComplete }),
      ...(priceAgeHours === null ? {} : { [METRICS.priceAgeHours]: priceAgeHours }),
      ...(creditsLeft === null
        ? {}
        : {
            [METRICS.creditsLeft]: creditsLeft,
            [METRICS.creditsSpare]: creditsLeft - reservedCredits(now, seriesCount),
          }),
    });
  } catch (error) {
    log.warn('The state of the database could not be measured', { error });
  }
}
