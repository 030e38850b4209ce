import type { DryRun, DryRunRequest } from '../../ingestion/run/dry-run.ts';
import { formatCount, formatDuration, formatQuantity } from './format.ts';
import { tableText } from './outcome-text.ts';

/** @returns what a run would do, for people: by coin, then what it costs. */
export function foreseenText(
  { plan, requests, latestRequests, credits, creditsThisMonth, gapDays, durationMs }: DryRun,
  { monthlyCredits, requestsPerMinute }: { monthlyCredits: number | null; requestsPerMinute: number },
): string {
  if (requests === 0) return 'Nothing is missing: no request would be sent.';
  if (plan.length === 0)
    return `Nothing is missing: ${formatQuantity(requests, 'request')} would be sent, for the latest prices.`;
  const used = `${formatCount(creditsThisMonth)}${monthlyCredits === null ? '' : ` of ${formatCount(monthlyCredits)}`}`;
  return [
    tableText(
      ['coin', 'currencies', '>requests', '>days', 'first', 'last'],
      [...Map.groupBy(plan, ({ coin }) => coin)].map(([coin, ofCoin]) => rowOf(coin, ofCoin)),
      80,
    ),
    `${formatQuantity(requests - latestRequests, 'request')} for ${formatQuantity(gapDays, 'missing day')}` +
      `${latestRequests > 0 ? `, ${formatCount(latestRequests)} for the latest prices` : ''}: ` +
      `${formatQuantity(credits, 'credit')}, beside the ${used} used this month (UTC).`,
    `At ${formatCount(requestsPerMinute)} a minute they take ${durationMs < 1000 ? 'a few seconds' : `at least ${formatDuration(durationMs)}`}.`,
    'Nothing was sent. Without --dry-run it is done.',
  ].join('\n');
}

function rowOf(coin: string, requests: readonly DryRunRequest[]): string[] {
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
