import { addDays } from '../ingestion/domain/day.ts';
import type { Finding } from '../ingestion/domain/finding.ts';
import { type Series, seriesName } from '../ingestion/domain/series.ts';
import { formatCount } from './format.ts';
import { type Html, html } from './html.ts';
import type { ReportData } from './report-data.ts';

/** The section says how many rows it leaves out. */
const MAX_ROWS = 100;

const LOOKS = { error: { look: 'bad', sign: '✕' }, warning: { look: 'warn', sign: '!' } } as const;

/** What a person should look at: the findings, errors first, and the days that can never be had. */
export function findingsSection({ findings, unavailableDays }: ReportData): Html {
  const sorted = [...findings].sort(
    (a, b) => a.severity.localeCompare(b.severity) || (b.day ?? '').localeCompare(a.day ?? ''),
  );
  const stretches = unavailableStretches(unavailableDays);
  return html`<section class="card" aria-labelledby="findings">
<header><h2 id="findings">Findings</h2><p>they never change a verdict; errors alarm</p></header>
${table(['Severity', 'Rule', 'Series', 'Day', 'Detail'], sorted.map(findingRow), 'No findings: every rule held in these runs.')}
</section>
<section class="card" aria-labelledby="unavailable">
<header><h2 id="unavailable">Unavailable days</h2><p>asked for twice, and the source has none</p></header>
${table(
  ['Series', 'Days', 'Count', 'Reason'],
  stretches.map(
    ({ first, last, count, reason, ...series }) => html`<tr><th scope="row" class="nowrap">${seriesName(series)}</th>
<td class="nowrap">${first === last ? first : `${first} to ${last}`}</td><td>${formatCount(count)}</td><td class="detail">${reason}</td></tr>`,
  ),
  'None: the source has had every day that was asked for.',
)}</section>`;
}

function findingRow({ severity, rule, coin, currency, day, detail }: Finding): Html {
  const { look, sign } = LOOKS[severity];
  return html`<tr><td><span class="pill ${look}" data-sign="${sign}">${severity}</span></td><td><code>${rule}</code></td>
<td class="nowrap">${[coin, currency].filter((part) => part !== null).join('/') || 'all'}</td><td class="nowrap">${day ?? 'any'}</td><td class="detail">${detail}</td></tr>`;
}

function table(names: readonly string[], rows: readonly Html[], nothing: string): Html {
  if (rows.length === 0) return html`<p class="muted">${nothing}</p>`;
  const left = rows.length - MAX_ROWS;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Table, scrollable"><table>
<thead><tr>${names.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead><tbody>${rows.slice(0, MAX_ROWS)}</tbody></table></div>
${left > 0 ? html`<p class="note">And ${formatCount(left)} more: <code>npm run status</code> lists them.</p>` : null}`;
}

type UnavailableStretch = Series & { readonly first: string; last: string; count: number; readonly reason: string };

/** Joins consecutive days of one series and one reason. */
function unavailableStretches(unavailableDays: ReportData['unavailableDays']): UnavailableStretch[] {
  const stretches: UnavailableStretch[] = [];
  const sorted = [...unavailableDays].sort(
    (a, b) => seriesName(a).localeCompare(seriesName(b)) || a.day.localeCompare(b.day),
  );
  for (const { day, ...rest } of sorted) {
    const current = stretches.at(-1);
    if (
      current?.coin === rest.coin &&
      current.currency === rest.currency &&
      current.reason === rest.reason &&
      addDays(current.last, 1) === day
    ) {
      current.last = day;
      current.count += 1;
    } else {
      stretches.push({ ...rest, first: day, last: day, count: 1 });
    }
  }
  return stretches;
}
