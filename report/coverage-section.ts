import type { Currency } from '../ingestion/contract/universe.ts';
import type { Day } from '../ingestion/domain/day.ts';
import { startOf } from '../ingestion/domain/day.ts';
import type { DayStatus } from '../ingestion/domain/day-state.ts';
import { formatCount, formatShortDay } from './format.ts';
import { type Html, html } from './html.ts';
import type { CoverageState, ReportData } from './report-data.ts';

const MEANINGS: Readonly<Record<DayStatus, string>> = {
  final: 'final',
  provisional: 'provisional: will be asked for again',
  thin: 'thin: few hours, may still fill up',
  unavailable: 'unavailable at the source',
  missing: 'missing',
};

/** The room for all days, in pixels, and what a day may be wide: narrower cells can't be told apart. */
const WIDTH = 980;
const DAY_WIDTH = { min: 9, max: 34 };

/**
 * The heat map of days × series, as a table: what a chart would draw, a person without a screen can read, and each
 * stretch of equal days names itself when pointed at.
 */
export function coverageSection(data: ReportData): Html {
  const { days, universe } = data;
  const dayWidth = Math.max(DAY_WIDTH.min, Math.min(DAY_WIDTH.max, Math.floor(WIDTH / days.length)));
  const statesOf = (coin: string, currency: Currency): readonly CoverageState[] =>
    data.series.find((series) => series.coin === coin && series.currency === currency.code)?.states ??
    days.map(() => 'none');
  return html`<section class="card" aria-labelledby="coverage" style="--day:${dayWidth}px;--count:${days.length}">
<header><h2 id="coverage">Coverage</h2>
<ul class="legend">${Object.entries(MEANINGS).map(([state, meaning]) => html`<li><i class="day-${state}"></i>${meaning}</li>`)}</ul></header>
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
      const states = statesOf(coin.id, currency);
      return html`<tr>${
        index === 0
          ? html`<th scope="rowgroup" rowspan="${universe.currencies.length}" class="coin" title="${coin.name}">${coin.name}</th>`
          : null
      }<th scope="row" class="currency">${currency.code.toUpperCase()}</th>${stretchesOf(days, states).map(stretchCell)}<td class="num">${formatCount(states.filter((state) => state === 'final').length)}</td></tr>`;
    })}</tbody>
`,
)}</table></div></section>`;
}

type Stretch = { readonly state: CoverageState; readonly first: Day; last: Day; length: number };

/** Days of one state in a row share a cell: 90 days of 44 series are some hundred cells instead of 3,960. */
function stretchesOf(days: readonly Day[], states: readonly CoverageState[]): Stretch[] {
  const stretches: Stretch[] = [];
  for (const [index, day] of days.entries()) {
    const state = states[index] ?? 'none';
    const current = stretches.at(-1);
    if (current?.state === state) {
      current.last = day;
      current.length += 1;
    } else {
      stretches.push({ state, first: day, last: day, length: 1 });
    }
  }
  return stretches;
}

function stretchCell({ state, first, last, length }: Stretch): Html {
  if (state === 'none') return html`<td colspan="${length}"></td>`;
  const title = length === 1 ? `${first}: ${state}` : `${first} to ${last}: ${length} days ${state}`;
  return html`<td colspan="${length}" class="day-${state}" title="${title}"></td>`;
}

/** The days by calendar week, Monday first; the first and the last week may be short. */
function weeksOf(days: readonly Day[]): Day[][] {
  const weeks: Day[][] = [];
  for (const day of days) {
    const isMonday = new Date(startOf(day)).getUTCDay() === 1;
    if (isMonday || weeks.length === 0) weeks.push([day]);
    else weeks.at(-1)?.push(day);
  }
  return weeks;
}
