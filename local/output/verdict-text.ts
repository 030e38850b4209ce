import type { SeriesCoverage } from '../../ingestion/database/coverage.ts';
import type { Verdict } from '../../ingestion/domain/verdict.ts';
import { formatCount, formatDuration, formatQuantity } from '../../report/format.ts';
import { coinTable, findingLines, type Style, statusText } from './outcome-text.ts';

/**
 * @param coverage what is stored after the run.
 * @returns a verdict for people: a table by coin, the totals, the findings.
 */
export function verdictText(verdict: Verdict, coverage: readonly SeriesCoverage[], terminal: Style): string {
  const missingDays = new Map<string, number>();
  for (const series of coverage)
    missingDays.set(series.coin, (missingDays.get(series.coin) ?? 0) + series.missingDays.length);
  return [
    ...(verdict.series.length > 0 ? [coinTable(verdict.series, terminal, missingDays)] : []),
    `${statusText(verdict.status, terminal)}: ${daysText(verdict)}.`,
    `${effortText(verdict)}.`,
    ...(verdict.error === null ? [] : [verdict.error]),
    ...findingLines(verdict.findings, terminal),
  ].join('\n');
}

/** @returns what to do after a run. */
export const nextStep = ({ status, runId }: Verdict): string =>
  status === 'complete'
    ? 'Next: npm run status shows what is stored, npm run report makes a page of it.'
    : `Next: run it again. It asks only for what is missing. What happened: npm run status -- --run ${runId}`;

function daysText({ expectedDays, storedDays, missingDays, thinDays, unavailableDays }: Verdict): string {
  return [
    `${formatCount(storedDays)} of ${formatQuantity(expectedDays, 'expected day')} are stored`,
    ...(missingDays > 0 ? [`${formatCount(missingDays)} missing`] : []),
    ...(thinDays > 0 ? [`${formatCount(thinDays)} thin`] : []),
    ...(unavailableDays > 0 ? [`${formatCount(unavailableDays)} that CoinGecko never had`] : []),
  ].join(', ');
}

function effortText(verdict: Verdict): string {
  const { rowsWritten, rowsUnchanged, requests, credits, retries, rateLimited, durationMs } = verdict;
  return [
    `${formatQuantity(rowsWritten, 'row')} written`,
    `${formatCount(rowsUnchanged)} unchanged`,
    `${formatQuantity(requests, 'request')} (${formatQuantity(credits, 'credit')})`,
    ...(retries > 0 ? [formatQuantity(retries, 'repeated request')] : []),
    ...(rateLimited > 0 ? [`${formatCount(rateLimited)} refused for the limit`] : []),
    formatDuration(durationMs),
  ].join(', ');
}
