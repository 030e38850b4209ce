import type { RunSummary } from '../../ingestion/database/read-status.ts';
import { countDays, spansOf } from '../../ingestion/domain/day.ts';
import type { Finding } from '../../ingestion/domain/quality.ts';
import { seriesName } from '../../ingestion/domain/series.ts';
import { formatCount, formatDuration, formatInstant, NO_VALUE } from '../output/format.ts';
import { type Html, html } from './html.ts';
import type { PageData } from './read-page-data.ts';

/** A table says how many rows it leaves out. */
const MAX_ROWS = 100;

const LOOKS = {
  complete: ['good', '✓'],
  partial: ['warn', '◐'],
  failed: ['bad', '✕'],
  interrupted: ['warn', '‖'],
  running: ['busy', '›'],
  waiting: ['busy', '…'],
  error: ['bad', '✕'],
  warning: ['warn', '!'],
} as const satisfies Readonly<
  Record<RunSummary['status'] | Finding['severity'], readonly [look: string, sign: string]>
>;

const RUN_COUNTS = ['Duration', 'Expected', 'Stored', 'Missing', 'Requests', 'Credits', 'Retries', '429s'];

/**
 * What has run, and what a person should look at: the findings of all runs, and the days that can never be had.
 * @param hasAnswers whether the source has answered yet; nothing can be judged before.
 */
export function runsAndFindings({ status: { runs }, findings, unavailableDays }: PageData, hasAnswers: boolean): Html {
  const stretches = unavailableStretches(unavailableDays);
  return html`<section class="card" aria-labelledby="runs">
<header><h2 id="runs">Runs</h2><p>newest first; times in UTC; a click on an id selects all of it</p></header>
${table({
  label: 'Runs',
  names: ['Due', 'Status', 'Trigger', ...RUN_COUNTS, 'Id'],
  rows: runs.map(runRows),
  count: runs.length,
  nothing: 'No run yet.',
})}
</section>
<section class="card" aria-labelledby="findings">
<header><h2 id="findings">Findings</h2><p>of all runs, errors first; they never change a verdict, errors alarm</p></header>
${table({
  label: 'Findings',
  names: ['Severity', 'Rule', 'Series', 'Day', 'Detail'],
  rows: findings.listed.map(findingRow),
  count: findings.errors + findings.warnings,
  nothing: hasAnswers ? 'None: every rule has held in all runs.' : 'No answer has come yet that could be judged.',
})}
</section>
<section class="card" aria-labelledby="unavailable">
<header><h2 id="unavailable">Unavailable days</h2><p>asked for twice, and the source has none</p></header>
${table({
  label: 'Unavailable days',
  names: ['Series', 'Days', 'Count', 'Reason'],
  rows: stretches.map(
    ({ first, last, count, reason, name }) => html`<tr><th scope="row" class="nowrap">${name}</th>
<td class="nowrap">${first === last ? first : `${first} to ${last}`}</td><td>${formatCount(count)}</td>
<td class="detail">${reason}</td></tr>`,
  ),
  count: stretches.length,
  nothing: hasAnswers ? 'None so far.' : 'No answer has come yet that could lack a day.',
})}</section>`;
}

function runRows(run: RunSummary): Html {
  const duration =
    run.finishedAt === null ? NO_VALUE : formatDuration(Date.parse(run.finishedAt) - Date.parse(run.startedAt));
  const { expectedDays, storedDays, missingDays, requests, credits, retries, rateLimited } = run;
  const counts = [expectedDays, storedDays, missingDays, requests, credits, retries, rateLimited].map(formatCount);
  return html`<tr${run.error === null ? null : html` class="above"`}>
<th scope="row" class="nowrap"><time datetime="${run.dueAt}">${formatInstant(Date.parse(run.dueAt))}</time></th>
<td>${pill(run.status)}</td><td>${run.trigger}</td>
${[duration, ...counts].map((count) => html`<td class="num">${count}</td>`)}
<td><code class="id" title="${run.runId}">${run.runId}</code></td></tr>
${run.error === null ? null : html`<tr class="error"><td></td><td colspan="11">${run.error}</td></tr>`}`;
}

const findingRow = ({ severity, rule, coin, currency, day, detail }: Finding): Html =>
  html`<tr><td>${pill(severity)}</td><td><code>${rule}</code></td>
<td class="nowrap">${[coin, currency].filter((part) => part !== null).join('/') || 'all'}</td>
<td class="nowrap">${day ?? 'any'}</td><td class="detail">${detail}</td></tr>`;

function pill(status: keyof typeof LOOKS): Html {
  const [look, sign] = LOOKS[status];
  return html`<span class="pill ${look}" data-sign="${sign}">${status}</span>`;
}

type Table = { label: string; names: readonly string[]; rows: readonly Html[]; count: number; nothing: string };

/** @param table.count how many rows there are, of which `rows` may be the first. */
function table({ label, names, rows, count, nothing }: Table): Html {
  if (count === 0) return html`<p class="muted">${nothing}</p>`;
  const shown = rows.slice(0, MAX_ROWS);
  const more = count - shown.length;
  const heading = (name: string) =>
    html`<th scope="col"${RUN_COUNTS.includes(name) ? html` class="num"` : null}>${name}</th>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}, scrollable"><table>
<thead><tr>${names.map(heading)}</tr></thead>
<tbody>${shown}</tbody></table></div>${more > 0 ? html`<p class="note">And ${formatCount(more)} more.</p>` : null}`;
}

/** Joins consecutive days of one series and one reason. @returns in the order of the series' names. */
function unavailableStretches(unavailableDays: PageData['unavailableDays']) {
  const alike = Map.groupBy(unavailableDays, (day) => `${seriesName(day)} ${day.reason}`);
  return [...alike.values()]
    .flatMap((days) =>
      spansOf(days.map(({ day }) => day).toSorted()).map((span) => ({
        ...span,
        name: days.map(seriesName)[0] ?? '',
        count: countDays(span.first, span.last),
        reason: days[0]?.reason ?? '',
      })),
    )
    .toSorted((one, other) => one.name.localeCompare(other.name));
}
