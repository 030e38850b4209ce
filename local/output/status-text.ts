import type { SeriesCoverage } from '../../ingestion/database/coverage.ts';
import type { RunDetail, RunSummary } from '../../ingestion/database/read-status.ts';
import { type Day, endOf, HOUR_MS, spansOf } from '../../ingestion/domain/day.ts';
import { seriesName } from '../../ingestion/domain/series.ts';
import type { TriagedStatus } from '../../ingestion/triage.ts';
import { formatBytes, formatCount, formatDuration, formatInstant, formatQuantity, NO_VALUE } from './format.ts';
import { coinTable, findingLines, type Style, statusText, tableText } from './outcome-text.ts';

/** More would hide everything else. `--json` has them all. */
const MOST_GAP_LINES = 12;

/** So much of a run's id is shown in the table, and taken by `--run`. */
const ID_LETTERS = 8;

export function statusOverview(status: TriagedStatus, quota: number | null, terminal: Style): string {
  const { hoursSinceComplete, newestFinalDay, creditsThisMonth } = status;
  const ago = (durationMs: number) => `${formatDuration(durationMs)} ago`;
  const lastError = status.runs[0]?.error;
  const { complete, missing, next } = status.triage;
  return [
    ...[complete, missing, next],
    coverageTable(status.series, terminal),
    ...gapLines(status.series),
    status.runs.length > 0 ? runsTable(status.runs, terminal) : 'There has been no run yet: npm run fetch-data.',
    ...(lastError ? [`The latest run: ${lastError}`] : []),
    `Last complete full run: ${status.lastCompleteRunAt ?? 'none'}${hoursSinceComplete === null ? '' : `, ${ago(hoursSinceComplete * HOUR_MS)}`}.`,
    `Newest day that is final in every series: ${newestFinalDay ?? 'none'}${newestFinalDay ? `, ended ${ago(Date.parse(status.now) - endOf(newestFinalDay))}` : ''}.`,
    latestText(status),
    `Credits used this month (UTC): ${formatCount(creditsThisMonth)}${quota === null ? '' : ` of ${formatCount(quota)}`}.`,
  ].join('\n');
}

function latestText({ latestPrices, series, now }: TriagedStatus): string {
  const [oldest] = latestPrices.map(({ observedAt }) => observedAt).sort();
  if (oldest === undefined) return 'Latest prices: none.';
  const age = formatDuration(Math.max(0, Date.parse(now) - Date.parse(oldest)));
  return `Latest prices: of ${formatCount(latestPrices.length)} series (${formatCount(series.length)} are tracked), the oldest ${age} ago.`;
}

/** A disk that is full within that many months is told. */
const MONTHS_OF_ROOM = 6;
/** PostgreSQL's own log of writes takes up to that. */
const LEAST_ROOM_BYTES = 1e9;

/** @param roomBytes on the disk of the embedded server's data; null where the server is another one. */
export function dataText({ bytes, bytesPerMonth }: TriagedStatus['data'], roomBytes: number | null): string {
  const growth = bytesPerMonth === null ? '' : `, and grow by about ${formatBytes(bytesPerMonth)} a month`;
  const size = `The data take ${formatBytes(bytes)}${growth}.`;
  if (roomBytes === null) return size;
  const isShort = roomBytes < LEAST_ROOM_BYTES + MONTHS_OF_ROOM * (bytesPerMonth ?? 0);
  const warning = isShort ? ' WARNING: make room before it is full; docs/server says how to move the data.' : '';
  return `${size} Their disk has room for ${formatBytes(roomBytes)}.${warning}`;
}

export function runText(run: RunDetail, terminal: Style): string {
  const counts = { expected: run.expectedDays, stored: run.storedDays, missing: run.missingDays, thin: run.thinDays };
  const failed = run.series.filter(({ error }) => error !== null);
  return [
    `Run ${run.runId} (${run.triggerKey}): ${statusText(run.status, terminal)}.`,
    `Due ${run.dueAt}, started ${run.startedAt}, ${run.finishedAt === null ? 'not finished' : `finished ${run.finishedAt}`}.`,
    `Asked for ${Object.keys(run.request).length === 0 ? 'whatever is missing' : JSON.stringify(run.request)}.`,
    `Days: ${Object.entries({ ...counts, unavailable: run.unavailableDays })
      .map(([kind, days]) => `${formatCount(days)} ${kind}`)
      .join(', ')}.`,
    `${formatQuantity(run.requests, 'request')} (${formatQuantity(run.credits, 'credit')}), ` +
      `${formatQuantity(run.retries, 'repeated attempt')}, ${formatCount(run.rateLimited)} rate-limited.`,
    ...(run.error === null ? [] : [run.error]),
    ...(run.series.length > 0 ? [coinTable(run.series, terminal)] : []),
    ...failed.map((series) => `${seriesName(series)}: ${series.error}`),
    ...findingLines(run.findings, terminal),
  ].join('\n');
}

/** A coin's currencies with the same coverage share a row: `bitcoin  usd, eur`. */
function coverageTable(series: readonly SeriesCoverage[], { columns }: Style): string {
  const all = new Set(series.map(({ currency }) => currency)).size;
  const alike = Map.groupBy(series, ({ currency: _, ...coverage }) => JSON.stringify(coverage));
  return tableText(
    ['coin', 'currencies', 'newest final', '>final', '>missing', 'other'],
    [...alike.values()].flatMap(([first, ...others]) => {
      if (first === undefined) return [];
      const currencies = [first, ...others].map(({ currency }) => currency);
      return [
        [
          first.coin,
          currencies.length === all && all > 1 ? `all ${all}` : currencies.join(', '),
          first.lastFinalDay ?? (first.trackedSince === null ? 'not yet' : NO_VALUE),
          formatCount(first.finalDays),
          formatCount(first.missingDays.length),
          otherDays(first),
        ],
      ];
    }),
    columns,
  );
}

const otherDays = ({ thinDays, provisionalDays, unconfirmedDays, unavailableDays }: SeriesCoverage): string =>
  Object.entries({
    thin: thinDays,
    provisional: provisionalDays,
    unconfirmed: unconfirmedDays.length,
    unavailable: unavailableDays.length,
  })
    .filter(([, days]) => days > 0)
    .map(([kind, days]) => `${formatCount(days)} ${kind}`)
    .join(', ');

/** `Missing of bitcoin/usd: 2026-01-03 to 2026-01-05, 2026-01-09`, and the same for days that are unavailable. */
function gapLines(series: readonly SeriesCoverage[]): string[] {
  const lines = series.flatMap((one) => [
    ...(one.missingDays.length > 0 ? [`Missing of ${seriesName(one)}: ${spansText(one.missingDays)}`] : []),
    ...(one.unconfirmedDays.length > 0
      ? [`Unconfirmed of ${seriesName(one)}, one answer did not hold: ${spansText(one.unconfirmedDays)}`]
      : []),
    ...(one.unavailableDays.length > 0 ? [`Unavailable of ${seriesName(one)}: ${spansText(one.unavailableDays)}`] : []),
  ]);
  const more = lines.length - MOST_GAP_LINES;
  return more > 0
    ? [...lines.slice(0, MOST_GAP_LINES), `… and ${formatQuantity(more, 'more line')}. --json shows them all.`]
    : lines;
}

/** @param days ascending. */
function spansText(days: readonly Day[]): string {
  return spansOf(days)
    .map(({ first, last }) => (first === last ? first : `${first} to ${last}`))
    .join(', ');
}

function runsTable(runs: readonly RunSummary[], terminal: Style): string {
  return tableText(
    ['started (UTC)', 'by', 'status', '>stored', '>missing', 'run'],
    runs.map((run) => [
      // The year stands above.
      formatInstant(Date.parse(run.startedAt)).slice('2026-'.length),
      run.trigger,
      statusText(run.status, terminal),
      run.expectedDays === null ? NO_VALUE : `${formatCount(run.storedDays)}/${formatCount(run.expectedDays)}`,
      formatCount(run.missingDays),
      run.runId.slice(0, ID_LETTERS),
    ]),
    terminal.columns,
  );
}
