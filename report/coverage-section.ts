import type { Currency } from '../ingestion/contract/universe.ts';
import type { CoverageStatus } from '../ingestion/database/coverage.ts';
import { type Day, startOf } from '../ingestion/domain/day.ts';
import type { DayStatus } from '../ingestion/domain/day-state.ts';
import { formatCount, formatShortDay } from './format.ts';
import { type Html, html } from './html.ts';
import type { ReportData } from './report-data.ts';

const MEANINGS: Readonly<Record<DayStatus, string>> = {
  final: 'final',
  provisional: 'provisional: will be asked for again',
  thin: 'thin: few hours, may still fill up',
  unavailable: 'unavailable at the source',
  missing: 'missing',
};

/** Pixels for all days together, and for one day. Narrower cells can't be told apart. */
const WIDTH = 980;
const DAY_WIDTH = { min: 9, max: 34 };

/**
 * The heat map of days × series. It is a table, so that a screen reader can read it. Each stretch of equal days tells its
 * dates when pointed at.
 */
export function coverageSection(data: ReportData): Html {
  const { days, universe } = data;
  const dayWidth = Math.max(DAY_WIDTH.min, Math.min(DAY_WIDTH.max, Math.floor(WIDTH / days.length)));
  const statusesOf = (coin: string, currency: Currency): readonly CoverageStatus[] =>
    data.series.find((series) => series.coin === coin && series.currency === currency.code)?.statuses ??
    days.map(() => 'none');
  return html`<section class="card" aria-labelledby="coverage" style="--day:${dayWidth}px;--count:${days.length}">
<header><h2 id="coverage">Coverage</h2>
<ul class="legend">${Object.entries(MEANINGS).map(([status, meaning]) => html`<li><i class="day-${status}"></i>${meaning}</li>`)}</ul></header>
<div class="scroll rtl" tabindex="0" role="region" aria-label="Coverage by series and day, scrollable">
<table class="days">
<caption class="hidden">What is stored of each series from ${days[0] ?? ''} to ${days.at(-1) ?? ''}</caption>
<colgroup><col class="coins-column"><col class="currencies-column"><col span="${days.length}"><col class="final-column"></colgroup>
<thead><tr><th scope="col" class="coin"><span class="hidden">Coin</span></th><th scope="col" class="currency"><span class="hidden">Currency</span></th>${weeksOf(
    days,
  ).map(
    (week) =>
      html`<th scope="colgroup" colspan="${week.length}">${week.length < 5 ? null : formatShortDay(week[0] ?? '')}</th>`,
  )}<th scope="col" class="num">final</th></tr></thead>
${universe.coins.map(
  (coin) =>
    html`<tbody>${universe.currencies.map((currency, index) => {
      const statuses = statusesOf(coin.id, currency);
      return html`<tr>${
        index === 0
          ? html`<th scope="rowgroup" rowspan="${universe.currencies.length}" class="coin" title="${coin.name}">${coin.name}</th>`
          : null
      }<th scope="row" class="currency">${currency.code.toUpperCase()}</th>${stretchesOf(days, statuses).map(stretchCell)}<td class="num">${formatCount(statuses.filter((status) => status === 'final').length)}</td></tr>`;
    })}</tbody>
`,
)}</table></div></section>`;
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
  return html`<td colspan="${length}" class="day-${status}" title="${title}"></td>`;
}

/** The days by calendar week, which begins on Monday. The first and the last week may be short. */
function weeksOf(days: readonly Day[]): Day[][] {
  const weeks: Day[][] = [];
  for (const day of days) {
    const isMonday = new Date(startOf(day)).getUTCDay() === 1;
    if (isMonday || weeks.length === 0) weeks.push([day]);
    else weeks.at(-1)?.push(day);
  }
  return weeks;
}
