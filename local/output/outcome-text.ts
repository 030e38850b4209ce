// What the texts of a verdict and of the status share.
import Table from 'cli-table3';
import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';
import type { Finding } from '../../ingestion/domain/quality.ts';
import { seriesName } from '../../ingestion/domain/series.ts';
import type { RunStatus, SeriesOutcome } from '../../ingestion/domain/verdict.ts';
import { formatCount } from './format.ts';
import type { Terminal } from './terminal.ts';

export type Style = Pick<Terminal, 'style' | 'columns'>;

/** More would push the verdict off the screen. `--json` has them all. */
const MOST_FINDINGS = 20;

/**
 * @param columns the headings; a `>` in front aligns the column to the right, for numbers.
 * @param width how many columns the screen has: what is too long for it is broken between words. Null for no limit.
 */
export function tableText(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | null = null,
): string {
  const head = columns.map((column) => column.replace('>', ''));
  const lines = rows.map(oneLine);
  const widths = columnWidths([head, ...lines], width ?? Number.POSITIVE_INFINITY);
  const fitted = (line: readonly string[]) => line.map((cell, column) => wrap(cell, widths[column] ?? cell.length));
  const table = new Table({
    head: fitted(head),
    colAligns: columns.map((column) => (column.startsWith('>') ? 'right' : 'left')),
    // The library would colour its output to files too.
    style: { head: [], border: [], compact: true },
  });
  table.push(...lines.map(fitted));
  return table.toString();
}

/** Colours count nothing, and go on in the next line. */
const wrap = (cell: string, width: number): string =>
  stringWidth(cell) > width ? wrapAnsi(cell, width, { hard: true }) : cell;

/** A line end from elsewhere would tear the table. */
const oneLine = (line: readonly string[]) => line.map((cell) => cell.replaceAll('\n', '\\n'));

/** Of a cell and the line at its side. */
const PADDING = 3;

/** @returns the widths that the cells need, the widest ones less until the table fits. */
function columnWidths(lines: readonly (readonly string[])[], most: number): number[] {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => stringWidth(line[column] ?? ''))));
  const needed = () => widths.reduce((sum, width) => sum + width + PADDING, 1);
  while (needed() > most) {
    const widest = widths.indexOf(Math.max(...widths));
    widths[widest] = (widths[widest] ?? 1) - 1;
  }
  return widths;
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
  return tableText(['coin', '>days written', 'series'], rows, terminal.columns);
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
