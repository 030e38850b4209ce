import { countDays, spansOf } from '../../ingestion/domain/day.ts';
import type { Finding } from '../../ingestion/domain/quality.ts';
import { seriesName } from '../../ingestion/domain/series.ts';
import { formatCount } from '../output/format.ts';
import { type Html, html } from './html.ts';
import type { ReportData } from './page-data.ts';

/** The section says how many rows it leaves out. */
const MAX_ROWS = 100;

const LOOKS = { error: { look: 'bad', sign: '✕' }, warning: { look: 'warn', sign: '!' } } as const;

/**
 * What a person should look at: the findings of all runs, and the days that can never be had.
 * @param hasAnswers whether the source has answered yet; nothing can be judged before.
 */
export function findingsSection({ findings, unavailableDays }: ReportData, hasAnswers: boolean): Html {
  const stretches = unavailableStretches(unavailableDays);
  return html`<section class="card" aria-labelledby="findings">
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
<td class="nowrap">${first === last ? first : `${first} to ${last}`}</td><td>${formatCount(count)}</td><td class="detail">${reason}</td></tr>`,
  ),
  count: stretches.length,
  nothing: hasAnswers ? 'None so far.' : 'No answer has come yet that could lack a day.',
})}</section>`;
}

function findingRow({ severity, rule, coin, currency, day, detail }: Finding): Html {
  const { look, sign } = LOOKS[severity];
  return html`<tr><td><span class="pill ${look}" data-sign="${sign}">${severity}</span></td><td><code>${rule}</code></td>
<td class="nowrap">${[coin, currency].filter((part) => part !== null).join('/') || 'all'}</td><td class="nowrap">${day ?? 'any'}</td><td class="detail">${detail}</td></tr>`;
}

type Table = { label: string; names: readonly string[]; rows: readonly Html[]; count: number; nothing: string };

/** @param table.count how many rows there are, of which `rows` may be the first. */
function table({ label, names, rows, count, nothing }: Table): Html {
  if (count === 0) return html`<p class="muted">${nothing}</p>`;
  const shown = rows.slice(0, MAX_ROWS);
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}, scrollable"><table>
<thead><tr>${names.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead><tbody>${shown}</tbody></table></div>
${count > shown.length ? html`<p class="note">And ${formatCount(count - shown.length)} more.</p>` : null}`;
}

/** Joins consecutive days of one series and one reason. @returns in the order of the series' names. */
function unavailableStretches(unavailableDays: ReportData['unavailableDays']) {
  const alike = Map.groupBy(unavailableDays, (day) => `${seriesName(day)} ${day.reason}`);
  return [...alike]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .flatMap(([, days]) =>
      spansOf(days.map(({ day }) => day).toSorted()).map((span) => ({
        ...span,
        name: seriesName(days[0] ?? { coin: '', currency: '' }),
        count: countDays(span.first, span.last),
        reason: days[0]?.reason ?? '',
      })),
    );
}
