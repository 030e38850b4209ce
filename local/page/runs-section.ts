import type { RunSummary } from '../../ingestion/database/read-status.ts';
import type { RunStatus } from '../../ingestion/domain/verdict.ts';
import { formatCount, formatDuration, formatInstant, NO_VALUE } from '../output/format.ts';
import { type Html, html } from './html.ts';
import type { ReportData } from './page-data.ts';

const LOOKS: Readonly<Record<RunStatus, { readonly look: string; readonly sign: string }>> = {
  complete: { look: 'good', sign: '✓' },
  partial: { look: 'warn', sign: '◐' },
  failed: { look: 'bad', sign: '✕' },
  interrupted: { look: 'warn', sign: '‖' },
  running: { look: 'busy', sign: '›' },
  waiting: { look: 'busy', sign: '…' },
};

/** The newest runs with their verdicts. */
export const runsSection = ({
  status: { runs },
}: ReportData): Html => html`<section class="card" aria-labelledby="runs">
<header><h2 id="runs">Runs</h2><p>newest first; times in UTC; a click on an id selects all of it</p></header>
${
  runs.length === 0
    ? html`<p class="muted">No run yet.</p>`
    : html`<div class="scroll" tabindex="0" role="region" aria-label="Runs, scrollable"><table>
<caption class="hidden">The newest runs and their verdicts</caption>
<thead><tr><th scope="col">Due</th><th scope="col">Status</th><th scope="col">Trigger</th>
${['Duration', 'Expected', 'Stored', 'Missing', 'Requests', 'Credits', 'Retries', '429s'].map(
  (name) => html`<th scope="col" class="num">${name}</th>`,
)}<th scope="col">Id</th></tr></thead>
<tbody>${runs.map(runRows)}</tbody></table></div>`
}</section>`;

function runRows(run: RunSummary): Html {
  const { look, sign } = LOOKS[run.status];
  const duration =
    run.finishedAt === null ? NO_VALUE : formatDuration(Date.parse(run.finishedAt) - Date.parse(run.startedAt));
  const counts = [run.expectedDays, run.storedDays, run.missingDays, run.requests, run.credits, run.retries];
  return html`<tr${run.error === null ? null : html` class="above"`}>
<th scope="row" class="nowrap"><time datetime="${run.dueAt}">${formatInstant(Date.parse(run.dueAt))}</time></th>
<td><span class="pill ${look}" data-sign="${sign}">${run.status}</span></td><td>${run.trigger}</td>
<td class="num">${duration}</td>${[...counts, run.rateLimited].map((count) => html`<td class="num">${formatCount(count)}</td>`)}<td><code class="id" title="${run.runId}">${run.runId}</code></td></tr>
${run.error === null ? null : html`<tr class="error"><td></td><td colspan="11">${run.error}</td></tr>`}`;
}
