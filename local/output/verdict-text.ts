import { isTransient } from '../../ingestion/domain/failure.ts';
import type { RunResult, Verdict } from '../../ingestion/domain/verdict.ts';
import type { DryRun } from '../../ingestion/run/dry-run.ts';
import { formatCount, formatDuration, formatQuantity } from './format.ts';
import { coinTable, findingLines, type Style, statusText, tableText } from './outcome-text.ts';

export function verdictText(verdict: Verdict, terminal: Style): string {
  return [
    ...(verdict.series.length > 0 ? [coinTable(verdict.series, terminal)] : []),
    `${statusText(verdict.status, terminal)}: ${daysText(verdict)}.`,
    `${effortText(verdict)}.`,
    ...(verdict.error === null ? [] : [verdict.error]),
    ...findingLines(verdict.findings, terminal),
  ].join('\n');
}

export function nextStep({ verdict: { status, runId }, failures }: Pick<RunResult, 'verdict' | 'failures'>): string {
  if (status === 'complete') return 'Next: npm run status shows what is stored, npm run report makes a page of it.';
  const why = `What happened: npm run status -- --run ${runId}`;
  // A cause that stays is the same when the run is repeated.
  if (failures.length > 0 && !failures.some(isTransient)) return `Next: fix the cause above, then run it again. ${why}`;
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
    ...(rateLimited > 0 ? [`${formatCount(rateLimited)} rate-limited`] : []),
    formatDuration(durationMs),
  ].join(', ');
}

/** @returns what a run would do, for people: by coin, then what it costs. */
export function dryRunText(
  { plan, requests, latestRequests, credits, creditsThisMonth, gapDays, durationMs }: DryRun,
  { monthlyCredits, requestsPerMinute }: { monthlyCredits: number | null; requestsPerMinute: number },
  terminal: Pick<Style, 'columns'>,
): string {
  if (requests === 0) return 'Nothing is missing: no request would be sent.';
  if (plan.length === 0)
    return `Nothing is missing: ${formatQuantity(requests, 'request')} would be sent, for the latest prices.`;
  const used = `${formatCount(creditsThisMonth)}${monthlyCredits === null ? '' : ` of ${formatCount(monthlyCredits)}`}`;
  return [
    tableText(
      ['coin', 'currencies', '>requests', '>days', 'first', 'last'],
      [...Map.groupBy(plan, ({ coin }) => coin)].map(([coin, ofCoin]) => rowOf(coin, ofCoin)),
      terminal.columns,
    ),
    `${formatQuantity(requests - latestRequests, 'request')} for ${formatQuantity(gapDays, 'missing day')}` +
      `${latestRequests > 0 ? `, ${formatCount(latestRequests)} for the latest prices` : ''}: ` +
      `${formatQuantity(credits, 'credit')}, beside the ${used} used this month (UTC).`,
    `At ${formatCount(requestsPerMinute)} a minute they take ${durationMs < 1000 ? 'a few seconds' : `at least ${formatDuration(durationMs)}`}.`,
    'Nothing was sent. Without --dry-run it is done.',
  ].join('\n');
}

function rowOf(coin: string, requests: DryRun['plan']): string[] {
  return [
    coin,
    [...new Set(requests.map(({ currency }) => currency))].join(', '),
    formatCount(requests.length),
    formatCount(requests.reduce((sum, { days }) => sum + days, 0)),
    requests.map(({ firstDay }) => firstDay).sort()[0] ?? '',
    requests
      .map(({ lastDay }) => lastDay)
      .sort()
      .at(-1) ?? '',
  ];
}
