import { composeRun } from '../../ingestion/compose-run.ts';
import { METRICS } from '../../ingestion/contract/names.ts';
import { readFreshness } from '../../ingestion/database/read-status.ts';
import { requestsOfFullRun, reservedCredits } from '../../ingestion/domain/credits.ts';
import { seriesName } from '../../ingestion/domain/series.ts';
import type { RunResult } from '../../ingestion/domain/verdict.ts';
import type { Log, RunEvent, RunOrder } from '../../ingestion/ports.ts';
import { runIngestion } from '../../ingestion/run-ingestion.ts';
import type { EmitMetrics } from '../common/emit-metrics.ts';

/** Longer than the pause between two hops or two runs. A message that would wait longer is given back to the queue. */
const LOCK_WAIT_MS = 60_000;

type HopDependencies = Omit<Parameters<typeof composeRun>[0], 'lockWaitMs' | 'onEvent'> & { emit: EmitMetrics };

/**
 * Works on one hop and tells CloudWatch the result.
 * @throws whatever `runIngestion` throws.
 */
export async function runHop(order: RunOrder, dependencies: HopDependencies): Promise<RunResult> {
  const onEvent = (event: RunEvent) => logEvent(dependencies.log, event);
  const result = await runIngestion(order, composeRun({ ...dependencies, lockWaitMs: LOCK_WAIT_MS, onEvent }));
  await emitResult(result, dependencies);
  return result;
}

function logEvent(log: Log, event: RunEvent): void {
  if (event.kind === 'latest_left_out') {
    log.warn('CoinGecko returned no latest price', { series: event.series.map(seriesName) });
    return;
  }
  const { kind, ...fields } = 'series' in event ? { ...event, series: seriesName(event.series) } : event;
  if (kind === 'planned') log.info('Planned', fields);
  if (kind === 'slowed') log.warn('CoinGecko asks for fewer requests', fields);
  if (kind === 'unsettled') log.warn('The last day of the request is not settled yet', fields);
  if (kind === 'clock_off') log.warn('The clock is more than 5 minutes off that of CoinGecko', fields);
  if (kind === 'answered') log.info('Series stored', fields);
  if (kind === 'retrying') log.warn('Trying again', fields);
  if (kind === 'failed') log.warn('Series failed', fields);
  if (kind === 'latest_failed') log.warn('The latest prices could not be fetched', fields);
}

/** The hop's work is stored by now, so that metrics that can't be made don't fail it. */
async function emitResult({ verdict, hop }: RunResult, dependencies: HopDependencies): Promise<void> {
  const { emit, database, clock, universe, source, log } = dependencies;
  emit({
    [METRICS.runDuration]: verdict.durationMs / 1000,
    [METRICS.daysExpected]: verdict.expectedDays,
    [METRICS.daysStored]: verdict.storedDays,
    [METRICS.daysMissing]: verdict.missingDays,
    [METRICS.rowsWritten]: verdict.rowsWritten,
    [METRICS.requests]: hop.requests,
    [METRICS.retries]: hop.retries,
    [METRICS.rateLimited]: hop.rateLimited,
    [METRICS.errorFindings]: verdict.findings.filter(({ severity }) => severity === 'error').length,
  });
  if (verdict.status === 'complete' && verdict.isFullRun) emit({ [METRICS.fullRunsComplete]: 1 });
  for (const [rule, findings] of Map.groupBy(verdict.findings, (finding) => finding.rule)) {
    emit({ [METRICS.findings]: findings.length }, { rule });
  }
  try {
    const now = clock.now();
    const { hoursSinceComplete, priceAgeHours, creditsThisMonth } = await readFreshness(database, { now, universe });
    if (hoursSinceComplete !== null) emit({ [METRICS.hoursSinceComplete]: hoursSinceComplete });
    if (priceAgeHours !== null) emit({ [METRICS.priceAgeHours]: priceAgeHours });
    if (source.monthlyCredits === null) return;
    const creditsLeft = source.monthlyCredits - creditsThisMonth;
    const reserved = reservedCredits(now, requestsOfFullRun(universe, source));
    emit({ [METRICS.creditsLeft]: creditsLeft, [METRICS.creditsSpare]: creditsLeft - reserved });
  } catch (error) {
    log.warn('The state of the database could not be measured', { error });
  }
}
