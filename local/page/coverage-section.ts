import type { Coin } from '../../ingestion/contract/universe-schema.ts';
import type { CoverageStatus, DailyCoverage } from '../../ingestion/database/coverage.ts';
import { type Day, lastSettledDay, startOf } from '../../ingestion/domain/day.ts';
import type { DayStatus } from '../../ingestion/domain/day-state.ts';
import { formatCount, formatMonth, formatQuantity, formatShortDay } from '../output/format.ts';
import { type Html, html } from './html.ts';
import type { PageData } from './read-page-data.ts';

const MEANINGS: Readonly<Record<DayStatus, string>> = {
  final: 'final',
  provisional: 'provisional: will be asked for again',
  thin: 'thin: few hours, may still fill up',
  unconfirmed: 'unconfirmed: one answer did not have it',
  unavailable: 'unavailable at the source',
  missing: 'missing',
};

/** Pixels for all days together, and for one day. Narrower cells can't be told apart. */
const WIDTH = 980;
const DAY_WIDTH = { min: 9, max: 34 };

/** More days than that are headed by months instead of weeks. */
const MAX_DAYS_BY_WEEK = 120;

/** A browser takes a second for some thousand cells. `npm run status` lists all coins. */
const MOST_ROWS = 200;

/**
 * What is not complete stands first; where everything is, a line says so and the map is folded. The heat map of days ×
 * series is a table, so that a screen reader can read it. Each stretch of equal days tells its dates when pointed at.
 */
export function coverageSection(data: PageData): Html {
  const { universe, series, days } = data;
  const lastSettled = lastSettledDay(Date.parse(data.status.now));
  const settled = days.filter((day) => day <= lastSettled).length;
  const isComplete = ({ statuses }: DailyCoverage) =>
    statuses.slice(0, settled).every((status) => status === 'final' || status === 'none');
  const open = Map.groupBy(
    series.filter((one) => !isComplete(one)),
    ({ coin }) => coin,
  );
  const count = [...open.values()].flat().length;
  const coins = universe.coins.toSorted((one, other) => Number(open.has(other.id)) - Number(open.has(one.id)));
  const all = `${formatCount(series.length)} series`;
  const sentence =
    count === 0
      ? html`<p class="good">✓ Everything is complete: ${all}, ${days[0] ?? ''} to ${days[settled - 1] ?? ''}.</p>`
      : html`<p>${formatCount(count)} of ${all} not complete${open.size < coins.length ? '; their coins stand first' : null}.</p>`;
  const shown = Math.ceil(MOST_ROWS / universe.currencies.length);
  const more = coins.length - shown;
  return html`<section class="card" aria-labelledby="coverage">
<header><h2 id="coverage">Coverage</h2>${sentence}</header>
<details${count === 0 ? null : html` open`}><summary>Day by day</summary>
<ul class="legend">${Object.entries(MEANINGS).map(
    ([status, meaning]) => html`<li><i class="day-${status}"></i>${meaning}</li>`,
  )}</ul>
${heatMap(data, coins.slice(0, shown))}${
  more > 0 ? html`<p class="note">And ${formatQuantity(more, 'more coin')}: npm run status lists all.</p>` : null
}</details></section>`;
}

function heatMap({ universe: { currencies }, series, days }: PageData, coins: readonly Coin[]): Html {
  const dayWidth = Math.max(DAY_WIDTH.min, Math.min(DAY_WIDTH.max, Math.floor(WIDTH / days.length)));
  const bySeries = new Map(series.map((one) => [`${one.coin}/${one.currency}`, one.statuses]));
  const row = (coin: string, currency: string, heading: Html | null): Html => {
    const statuses = bySeries.get(`${coin}/${currency}`) ?? days.map(() => 'none' as const);
    const finals = statuses.filter((status) => status === 'final').length;
    return html`<tr>${heading}<th scope="row" class="currency">${currency.toUpperCase()}</th>
${stretchesOf(days, statuses).map(stretchCell)}<td class="num">${formatCount(finals)}</td></tr>`;
  };
  const coinHeading = (name: string) =>
    html`<th scope="rowgroup" rowspan="${currencies.length}" class="coin" title="${name}">${name}</th>`;
  return html`<div class="scroll rtl" tabindex="0" role="region" aria-label="Coverage by series and day, scrollable">
<table class="days" style="--wide-day:${dayWidth}px;--count:${days.length}">
<caption class="hidden">What is stored of each series from ${days[0] ?? ''} to ${days.at(-1) ?? ''}</caption>
<colgroup><col class="coins-column"><col class="currencies-column"><col span="${days.length}">
<col class="final-column"></colgroup>
<thead><tr><th scope="col" class="coin"><span class="hidden">Coin</span></th>
<th scope="col" class="currency"><span class="hidden">Currency</span></th>
${headings(days)}<th scope="col" class="num">final</th></tr></thead>
${coins.map(
  ({
    id,
    name,
  }) => html`<tbody>${currencies.map(({ code }, index) => row(id, code, index === 0 ? coinHeading(name) : null))}</tbody>
`,
)}</table></div>`;
}

type Stretch = { readonly status: CoverageStatus; readonly first: Day; last: Day; length: number };

/** Consecutive days of one status share a cell: 90 days of 44 series are some hundred cells instead of 3,960. */
function stretchesOf(days: readonly Day[], statuses: readonly CoverageStatus[]): Stretch[] {
  const stretches: Stretch[] = [];
  for (const [index, day] of days.entries()) {
    const status = statuses[index] ?? 'none';
    const current = stretches.at(-1);
    if (current?.status === status) {
      current.last = day;
      current.length += 1;
    } else {
      stretches.push({ status, first: day, last: day, length: 1 });
    }
  }
  return stretches;
}

function stretchCell({ status, first, last, length }: Stretch): Html {
  if (status === 'none') return html`<td colspan="${length}"></td>`;
  const title = length === 1 ? `${first}: ${status}` : `${first} to ${last}: ${length} days ${status}`;
  return html`<td colspan="${length}" class="day-${status}" style="--length:${length}" title="${title}"></td>`;
}

/** Calendar weeks from Monday on, or months. The first and the last may be too short for a name. */
function headings(days: readonly Day[]): Html[] {
  const isByWeek = days.length <= MAX_DAYS_BY_WEEK;
  const begins = (day: Day) => (isByWeek ? new Date(startOf(day)).getUTCDay() === 1 : day.endsWith('-01'));
  const groups: Day[][] = [];
  for (const day of days) {
    if (groups.length === 0 || begins(day)) groups.push([day]);
    else groups.at(-1)?.push(day);
  }
  const format = isByWeek ? formatShortDay : formatMonth;
  return groups.map((group) =>
    group.length < 5
      ? html`<td colspan="${group.length}"></td>`
      : html`<th scope="colgroup" colspan="${group.length}">${format(group[0] ?? '')}</th>`,
  );
}
