import Table from 'cli-table3';
import type { Finding } from '../ingestion/domain/finding.ts';
import { seriesName } from '../ingestion/domain/series.ts';
import type { RunStatus, SeriesOutcome, Verdict } from '../ingestion/domain/verdict.ts';
import type { Terminal } from './terminal.ts';
import { durationText } from './time-left.ts';

type Style = Pick<Terminal, 'style'>;

/** More would push the verdict off the screen; `--json` and `status` have them all. */
const MOST_FINDINGS = 20;

/** @returns a verdict for people: a table by coin, what it came to, what was found, what to do next. */
export function verdictText(verdict: Verdict, terminal: Style): string {
  const { findings } = verdict;
  const more = findings.length - MOST_FINDINGS;
  return [
    ...(verdict.series.length > 0 ? [coinTable(verdict.series, terminal)] : []),
    `${statusText(verdict.status, terminal)}: ${countsText(verdict)}.`,
    `${effortText(verdict)}.`,
    ...(verdict.error === null ? [] : [verdict.error]),
    ...findings.slice(0, MOST_FINDINGS).map((finding) => findingText(finding, terminal)),
    ...(more > 0 ? [`… and ${more} more findings: npm run status -- --run ${verdict.runId}`] : []),
    nextStep(verdict),
  ].join('\n');
}

/** @returns the status in its colour, where there are colours. */
export function statusText(status: RunStatus, { style }: Style): string {
  if (status === 'complete') return style('green', status);
  return style(status === 'failed' ? 'red' : 'yellow', status);
}

/** @returns a finding in one line: `warning · revision · bitcoin/usd 2026-01-30: the average moved …` */
export function findingText({ rule, severity, coin, currency, day, detail }: Finding, { style }: Style): string {
  const place = [coin && currency ? seriesName({ coin, currency }) : (coin ?? currency), day].filter(
    (part) => part !== null,
  );
  const head = `${style(severity === 'error' ? 'red' : 'yellow', severity)} · ${rule}`;
  return `${head}${place.length > 0 ? ` · ${place.join(' ')}` : ''}: ${detail}`;
}

/** @returns a table without colours of its own, so that it can be read in a file. */
export const makeTable = (head: readonly string[], numbers: readonly number[]) =>
  new Table({
    head: [...head],
    colAligns: head.map((_, column) => (numbers.includes(column) ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  });

export const countText = (count: number): string => count.toLocaleString('en-US');

function coinTable(series: readonly SeriesOutcome[], terminal: Style): string {
  const table = makeTable(['coin', 'days written', 'series'], [1]);
  for (const [coin, outcomes] of Map.groupBy(series, (outcome) => outcome.coin)) {
    const written = outcomes.reduce((sum, { daysWritten }) => sum + daysWritten, 0);
    table.push([coin, countText(written), outcomesText(outcomes, terminal)]);
  }
  return table.toString();
}

/** `stored` where all currencies are, else by status: `stored: usd, eur · failed: gbp`. */
function outcomesText(outcomes: readonly SeriesOutcome[], { style }: Style): string {
  const byStatus = [...Map.groupBy(outcomes, ({ status }) => status)];
  return byStatus
    .map(([status, those]) => {
      const word = status === 'failed' ? style('red', status) : status;
      return byStatus.length === 1 ? word : `${word}: ${those.map(({ currency }) => currency).join(', ')}`;
    })
    .join(' · ');
}

function countsText({ expectedDays, storedDays, missingDays, thinDays, unavailableDays }: Verdict): string {
  const parts = [`${countText(storedDays)} of ${countText(expectedDays)} expected days are stored`];
  if (missingDays > 0) parts.push(`${countText(missingDays)} missing`);
  if (thinDays > 0) parts.push(`${countText(thinDays)} thin`);
  if (unavailableDays > 0) parts.push(`${countText(unavailableDays)} that CoinGecko never had`);
  return parts.join(', ');
}

function effortText({
  rowsWritten,
  rowsUnchanged,
  requests,
  credits,
  retries,
  rateLimited,
  durationMs,
}: Verdict): string {
  const parts = [
    `${countText(rowsWritten)} rows written, ${countText(rowsUnchanged)} unchanged`,
    `${countText(requests)} requests (${countText(credits)} credits)`,
  ];
  if (retries > 0) parts.push(`${countText(retries)} retries`);
  if (rateLimited > 0) parts.push(`${countText(rateLimited)} times over the limit`);
  parts.push(durationText(durationMs));
  return parts.join(', ');
}

function nextStep({ status, runId }: Verdict): string {
  if (status === 'complete') return 'Next: npm run status shows what is stored, npm run report makes a page of it.';
  return `Next: run it again, it asks only for what is missing. What happened: npm run status -- --run ${runId}`;
}
