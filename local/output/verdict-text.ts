import { isTransient } from '../../ingestion/domain/failure.ts';
import type { RunResult, Verdict } from '../../ingestion/domain/verdict.ts';
import { formatCount, formatDuration, formatQuantity } from './format.ts';
import { coinTable, findingLines, type Style, statusText } from './outcome-text.ts';

/** @returns a verdict for people: a table by coin, what it came to, what was found. */
export function verdictText(verdict: Verdict, terminal: Style): string {
  return [
    ...(verdict.series.length > 0 ? [coinTable(verdict.series, terminal)] : []),
    `${statusText(verdict.status, terminal)}: ${daysText(verdict)}.`,
    `${effortText(verdict)}.`,
    ...(verdict.error === null ? [] : [verdict.error]),
    ...findingLines(verdict.findings, terminal),
  ].join('\n');
}

/** @returns what a person does after a run. */
export function nextStep({ verdict: { status, runId }, failures }: Pick<RunResult, 'verdict' | 'failures'>): string {
  if (status === 'complete') return 'Next: npm run status shows what is stored, npm run report makes a page of it.';
  const why = `What happened: npm run status -- --run ${runId}`;
  // A cause that stays is the same when the run is repeated.
  if (failures.length > 0 && !failures.some(isTransient))
    return `Next: mend the cause above, then run it again. ${why}`;
  return `Next: run it again. It asks only for what is missing. ${why}`;
}

function daysText(verdict: Verdict): string {
  const { expectedDays, storedDays, missingDays, thinDays, unconfirmedDays, unavailableDays } = verdict;
  return [
    `${formatCount(storedDays)} of ${formatQuantity(expectedDays, 'expected day')} are stored`,
    ...(missingDays > 0 ? [`${formatCount(missingDays)} missing`] : []),
    ...(thinDays > 0 ? [`${formatCount(thinDays)} thin`] : []),
    ...(unconfirmedDays > 0 ? [`${formatCount(unconfirmedDays)} that one answer did not hold`] : []),
    ...(unavailableDays > 0 ? [`${formatCount(unavailableDays)} that CoinGecko never had`] : []),
  ].join(', ');
}

function effortText(verdict: Verdict): string {
  const { rowsWritten, rowsUnchanged, requests, credits, retries, rateLimited, durationMs } = verdict;
  return [
    `${formatQuantity(rowsWritten, 'row')} written`,
    `${formatCount(rowsUnchanged)} unchanged`,
    `${formatQuantity(requests, 'request')} (${formatQuantity(credits, 'credit')})`,
    ...(retries > 0 ? [formatQuantity(retries, 'repeated attempt')] : []),
    ...(rateLimited > 0 ? [`${formatCount(rateLimited)} refused for the limit`] : []),
    formatDuration(durationMs),
  ].join(', ');
}
