import type { CoverageStatus } from '../../ingestion/database/coverage.ts';
import { endOf, lastSettledDay } from '../../ingestion/domain/day.ts';
import { formatCount, formatDuration, formatInstant, formatQuantity, NO_VALUE } from '../output/format.ts';
import { coverageSection } from './coverage-section.ts';
import { type Html, html, trusted } from './html.ts';
import { PAGE_STYLE } from './page-style.ts';
import { pricesSection } from './prices-section.ts';
import type { PageData } from './read-page-data.ts';
import { runsAndFindings } from './runs-and-findings.ts';

/**
 * Charts and coverage show so many days before today, fewer where there are many series: the page stays below 3 MB.
 * `npm run export` gives all.
 */
const SHOWN_DAYS = { most: 365, least: 30, ofAllSeries: 80_000 };

/** Said wherever made-up prices are shown. */
export const MADE_UP = 'Demo: these prices are made up.';

/**
 * The status page as one HTML file. It holds its styles, numbers and script, and loads nothing. The same data gives the same
 * bytes.
 * @param options.refreshSeconds for a page that is served: how often it loads itself again.
 */
export function renderPage(data: PageData, { refreshSeconds }: { refreshSeconds?: number } = {}): string {
  const { now, runs } = data.status;
  const { coins, currencies } = data.universe;
  const hasPrices = data.series.some(({ prices }) => prices.some((price) => price !== null));
  const hasAnswers = hasPrices || runs.some(({ credits }) => credits > 0);
  const shown = newestDays(data);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Crypto prices: status</title>
<link rel="icon" href="data:,">
<style>${PAGE_STYLE}</style>
</head>
<body>
${data.isMadeUp ? html`<p class="banner" role="note">${MADE_UP}</p>` : null}
<main class="wrap">
<header class="head"><div><h1>Crypto prices</h1>
<p class="muted">Daily prices of ${coins.length} coins in ${currencies.length} currencies, by UTC day${
    shown.days.length < data.days.length ? `; the last ${shown.days.length - 1} days` : null
  }</p></div>
<div class="muted"><p>As of <time datetime="${now}">${formatInstant(Date.parse(now))} UTC</time></p>${
    refreshSeconds === undefined ? null : refreshBox(refreshSeconds)
  }</div></header>
${hasPrices || runs.length > 0 ? tiles(data, hasAnswers) : null}
${hasPrices ? [pricesSection(shown), coverageSection(shown)] : noPrices(data)}
${hasPrices || runs.length > 0 ? runsAndFindings(data, hasAnswers) : null}
<footer>${
    data.isMadeUp
      ? html`<p>Made-up prices: nobody provided them.</p>`
      : html`<p>Data provided by <a href="https://www.coingecko.com/" rel="noreferrer">CoinGecko</a></p>`
  }
<p>All days and times are UTC.</p></footer>
</main>
${
  refreshSeconds === undefined
    ? null
    : html`<script>${trusted(refreshScript(refreshSeconds))}</script>
`
}</body>
</html>
`.markup;
}

const shownDays = (series: number): number =>
  Math.max(SHOWN_DAYS.least, Math.min(SHOWN_DAYS.most, Math.floor(SHOWN_DAYS.ofAllSeries / series)));

function newestDays({ days, series, ...data }: PageData): PageData {
  const from = -shownDays(series.length) - 1;
  return {
    ...data,
    days: days.slice(from),
    series: series.map((one) => ({ ...one, prices: one.prices.slice(from), statuses: one.statuses.slice(from) })),
  };
}

/** A checkbox, since a reader must be able to stop it: a `meta` refresh can't be stopped, and forgets what was chosen. */
const refreshBox = (seconds: number): Html =>
  html`<label><input type="checkbox" id="refresh" checked> Refresh every ${seconds} s</label>`;

/** Runs at the end of the page: chooses again what was chosen before. */
const refreshScript = (seconds: number): string => `
for (const id of JSON.parse(sessionStorage.getItem('chosen') ?? '[]')) {
  const input = document.getElementById(id);
  if (input && !input.checked) input.click();
}
setInterval(() => {
  if (document.hidden || !document.getElementById('refresh').checked) return;
  sessionStorage.setItem('chosen', JSON.stringify([...document.querySelectorAll('input:checked')].map(({ id }) => id)));
  location.reload();
}, ${seconds * 1000});
`;

/** What people ask first: how fresh, how complete, how many credits left. */
function tiles(data: PageData, hasAnswers: boolean): Html {
  const { newestFinalDay, now, lastCompleteRunAt, hoursSinceComplete, creditsThisMonth } = data.status;
  const { expected, missing } = countExpected(data);
  const { errors, warnings } = data.findings;
  return html`<dl class="tiles">
${tile(
  'Newest final day',
  newestFinalDay ?? NO_VALUE,
  newestFinalDay === null
    ? 'no day is final in every series'
    : `in every series; ended ${formatDuration(Date.parse(now) - endOf(newestFinalDay))} ago`,
)}
${tile(
  'Last complete full run',
  hoursSinceComplete === null ? NO_VALUE : `${formatCount(Math.floor(hoursSinceComplete))} h ago`,
  lastCompleteRunAt === null ? 'no run was complete yet' : `${formatInstant(Date.parse(lastCompleteRunAt))} UTC`,
)}
${tile(
  'Stored',
  // Cut, not rounded: with a day missing it must not say 100 %.
  expected === 0 ? NO_VALUE : `${Math.floor((1000 * (expected - missing)) / expected) / 10} %`,
  expected === 0
    ? 'nothing is expected yet'
    : html`${formatCount(missing)} of ${formatCount(expected)} days of all series missing
since <span class="nowrap">${data.days[0] ?? ''}</span>`,
  missing > 0 ? 'bad' : '',
)}
${tile(
  'Findings',
  hasAnswers ? formatCount(errors + warnings) : NO_VALUE,
  hasAnswers ? `${formatQuantity(errors, 'error')}, ${formatQuantity(warnings, 'warning')}` : 'no answer to judge yet',
  errors > 0 ? 'bad' : warnings > 0 ? 'warn' : '',
)}
${tile(
  'Credits this month',
  formatCount(creditsThisMonth),
  data.monthlyCredits === null
    ? 'the plan has no quota'
    : html`of ${formatCount(data.monthlyCredits)}${meter(creditsThisMonth / data.monthlyCredits)}`,
)}
</dl>`;
}

/** As in a run's verdict, a settled day that is provisional counts as missing. */
function countExpected({ days, series, status }: PageData): { expected: number; missing: number } {
  const lastSettled = lastSettledDay(Date.parse(status.now));
  const settled = series.flatMap(({ statuses }) => statuses.filter((_, index) => (days[index] ?? '') <= lastSettled));
  const count = (...wanted: readonly CoverageStatus[]): number => settled.filter((one) => wanted.includes(one)).length;
  return { expected: settled.length - count('none', 'unavailable'), missing: count('missing', 'provisional') };
}

const tile = (name: string, value: string, note: Html | string, look: 'bad' | 'warn' | '' = ''): Html =>
  html`<div class="card tile"><dt>${name}</dt><dd>${value}</dd><dd class="note ${look}">${note}</dd></div>`;

/** @param share over 1 when the quota is overdrawn. */
const meter = (share: number): Html =>
  html`<span class="meter" aria-hidden="true"><i style="width:${(100 * Math.min(1, share)).toFixed(1)}%"></i></span>`;

const noPrices = ({
  universe,
  status: { runs },
}: PageData): Html => html`<section class="card empty" aria-labelledby="empty">
<h2 id="empty">No prices yet</h2>
<p>${
  runs.length === 0
    ? 'The database is ready, and no run has been made. Fetch the last 30 days with'
    : 'No run has stored a price so far; the table of runs says why. Try again with'
}</p>
<pre><code>npm run fetch-data</code></pre>
<p>It asks CoinGecko for ${universe.coins.length} coins in ${universe.currencies.length} currencies and stores one row
per coin, currency and UTC day. To see it work without a network, run <code>npm run demo</code>.</p>
</section>`;
