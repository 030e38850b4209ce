// What the texts of a verdict and of the status share.
import { stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';
import type { Finding } from '../../ingestion/domain/quality.ts';
import { seriesName } from '../../ingestion/domain/series.ts';
import type { RunStatus, SeriesOutcome } from '../../ingestion/domain/verdict.ts';
import { formatCount } from './format.ts';
import type { Terminal } from './terminal.ts';

export type Style = Pick<Terminal, 'style'>;

/** More would push the verdict off the screen. `--json` has them all. */
const MOST_FINDINGS = 20;

/**
 * @param columns the headings; a `>` in front aligns the column to the right, for numbers.
 * @param width the most columns of the screen that the table takes: text that is too long for it is broken.
 */
export function tableText(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
): string {
  const head = columns.map((column) => column.replace('>', ''));
  const table = new Table({
    head,
    colAligns: columns.map((column) => (column.startsWith('>') ? 'right' : 'left')),
    colWidths: columnWidths([head, ...rows], width),
    wordWrap: true,
    wrapOnWordBoundary: false,
    // The library would colour its output to files too.
    style: { head: [], border: [], compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}

const PADDING = 2;

/** @returns the widths with their padding: what the cells need, the widest ones less until they fit. */
function columnWidths(lines: readonly (readonly string[])[], most: number): number[] {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => stripVTControlCharacters(line[column] ?? '').length)),
  );
  const needed = () => widths.reduce((sum, width) => sum + width + PADDING + 1, 1);
  while (needed() > most) {
    const widest = widths.indexOf(Math.max(...widths));
    widths[widest] = (widths[widest] ?? 1) - 1;
  }
  return widths.map((width) => width + PADDING);
}

export function statusText(status: RunStatus, { style }: Style): string {
  if (status === 'complete') return style('green', status);
  return style(status === 'failed' ? 'red' : 'yellow', status);
}

export function coinTable(series: readonly SeriesOutcome[], terminal: Style): string {
  const rows = [...Map.groupBy(series, ({ coin }) => coin)].map(([coin, outcomes]) => [
    coin,
    formatCount(outcomes.reduce((sum, { daysWritten }) => sum + daysWritten, 0)),
    outcomesText(outcomes, terminal),
  ]);
  return tableText(['coin', '>days written', 'series'], rows);
}

/** `stored` when that is true of all currencies, else by status: `stored: usd, eur · failed: gbp`. */
function outcomesText(outcomes: readonly SeriesOutcome[], { style }: Style): string {
  const byStatus = [...Map.groupBy(outcomes, ({ status }) => status)];
  return byStatus
    .map(([status, those]) => {
      const word = status === 'failed' ? style('red', status) : status;
      return byStatus.length === 1 ? word : `${word}: ${those.map(({ currency }) => currency).join(', ')}`;
    })
    .join(' · ');
}

/** @returns a line for each finding: `warning · revision · bitcoin/usd 2026-01-30: the average moved …`. */
export function findingLines(findings: readonly Finding[], terminal: Style): string[] {
  const more = findings.length - MOST_FINDINGS;
  const lines = findings.slice(0, MOST_FINDINGS).map((finding) => findingText(finding, terminal));
  return more > 0 ? [...lines, `… and ${formatCount(more)} more findings. --json shows them all.`] : lines;
}

function findingText({ rule, severity, coin, currency, day, detail }: Finding, { style }: Style): string {
  const series = coin && currency ? seriesName({ coin, currency }) : (coin ?? currency);
  const place = [series, day].filter((part) => part !== null).join(' ');
  const head = [style(severity === 'error' ? 'red' : 'yellow', severity), rule, place].filter((part) => part !== '');
  return `${head.join(' · ')}: ${detail}`;
}
