import type { Coin, Currency } from '../../ingestion/contract/universe-schema.ts';
import type { StoredDailyPrice } from '../../ingestion/database/prices.ts';
import type { Day, Instant } from '../../ingestion/domain/day.ts';
import {
  formatAge,
  formatChange,
  formatCompact,
  formatCount,
  formatPrice,
  formatQuantity,
  formatShortDay,
  NO_VALUE,
} from '../output/format.ts';
import { daysPerPoint, priceChart, sparkline } from './charts.ts';
import { hideUnchosen, radio, switchOf } from './choice.ts';
import { type Html, html } from './html.ts';
import type { ReportData } from './page-data.ts';
import { perView, type View, viewsOf, type Zoom } from './zoom.ts';

/** A chart of more days has no CSV: the page would hold every number twice. */
const MAX_CSV_DAYS = 366;

type LatestPrice = ReportData['status']['latestPrices'][number];

/** What the section shows of one series. */
type Quote = {
  readonly coin: Coin;
  readonly currency: Currency;
  readonly days: readonly Day[];
  readonly prices: readonly (StoredDailyPrice | null)[];
  readonly views: readonly View[];
  /** The newest final day, and how its average differs from that of the day before, as a share. */
  readonly final: { readonly day: Day; readonly price: StoredDailyPrice; readonly change: number | null } | null;
  readonly latest: LatestPrice | null;
};

/** The prices: a chart of one coin in one currency beside a table of all coins. */
export function pricesSection(data: ReportData, zooms: readonly Zoom[]): Html {
  const { coins, currencies } = data.universe;
  const now = Date.parse(data.status.now);
  const rows = coins.map((coin) => ({
    coin,
    quotes: currencies.map((currency) => toQuote(data, zooms, coin, currency)),
  }));
  const newest = rows
    .flatMap(({ quotes }) => quotes.flatMap(({ final }) => final?.day ?? []))
    .sort()
    .at(-1);
  const hasLatest = rows.some(({ quotes }) => quotes.some(({ latest }) => latest !== null));
  const options = currencies.map(({ code, name }) => ({ label: code.toUpperCase(), name }));
  return html`<section class="card" aria-labelledby="prices">
<style>${hideUnchosen('currency', currencies.length)}
${hideUnchosen('coin', coins.length)}</style>
<header><h2 id="prices">Prices</h2>${switchOf('currency', 'Currency', options, 0)}</header>
<div class="market">
<div>${rows.map(({ quotes }, index) => html`<div data-coin="${index}">${perCurrency(quotes, (quote) => panel(quote, now))}</div>`)}</div>
<div class="scroll" tabindex="0" role="region" aria-label="All coins, scrollable"><table class="coins">
<caption class="hidden">The prices of all coins; choose one to see its chart</caption>
<thead><tr><th scope="col">Coin</th>${hasLatest ? html`<th scope="col" class="num">Latest</th>` : null}<th scope="col" class="num">Average${newest ? ` of ${formatShortDay(newest)}` : null}</th>
<th scope="col" class="num">vs. day before</th><th scope="col" class="num">${zooms.map(({ label }, index) => html`<span data-zoom="${index}">${label}</span>`)}</th></tr></thead>
<tbody>${rows.map(
    ({ coin, quotes }, index) => html`<tr>
<th scope="row"><label>${radio('coin', index, index === 0)}${coin.name} <small>${coin.symbol.toUpperCase()}</small></label></th>
${hasLatest ? html`<td class="num">${perCurrency(quotes, ({ latest }) => latestCell(latest, now))}</td>` : null}
<td class="num">${perCurrency(quotes, ({ final }) => finalCell(final, newest))}</td>
<td class="num">${perCurrency(quotes, ({ final }) => changeMark(final?.change ?? null))}</td>
<td>${perCurrency(quotes, trend)}</td></tr>`,
  )}</tbody></table></div>
</div></section>`;
}

function toQuote(data: ReportData, zooms: readonly Zoom[], coin: Coin, currency: Currency): Quote {
  const isOfSeries = (one: { coin: string; currency: string }) =>
    one.coin === coin.id && one.currency === currency.code;
  const { days } = data;
  const prices = data.series.find(isOfSeries)?.prices ?? [];
  const index = prices.findLastIndex((price) => price?.isFinal);
  const [day, price, before] = [days[index], prices[index], prices[index - 1]];
  return {
    coin,
    currency,
    days,
    prices,
    views: viewsOf(
      zooms,
      prices.findIndex((one) => one !== null),
    ),
    final: day && price ? { day, price, change: before ? price.average / before.average - 1 : null } : null,
    latest: data.status.latestPrices.find(isOfSeries) ?? null,
  };
}

/** The charts of one series, with the figures of its newest final day. */
function panel(quote: Quote, now: Instant): Html {
  const { coin, currency, views, final, latest } = quote;
  const code = currency.code.toUpperCase();
  const title = html`<h3>${coin.name} <span>in ${currency.name}</span></h3>`;
  const now24h = latest === null ? null : latestLine(latest, code, now);
  if (final === null) {
    return html`<div class="quote">${title}</div>${now24h}<p class="muted">No day is final yet.</p>`;
  }
  const { price, day, change } = final;
  const facts: readonly (readonly [string, string])[] = [
    ['Open', formatPrice(price.open)],
    ['High', formatPrice(price.high)],
    ['Low', formatPrice(price.low)],
    ['Close', formatPrice(price.close)],
    ['Volume, rolling 24 h', formatCompact(price.volume)],
    ['Market cap', formatCompact(price.marketCap)],
    ['Hours covered', `${price.hoursCovered} of 24`],
    ['Samples', formatCount(price.sampleCount)],
  ];
  return html`<div class="quote">${title}<strong>${formatPrice(price.average)} <small>${code}</small></strong>
<span class="muted">average of <time datetime="${day}">${day}</time></span>${
    change === null ? null : html`<span>${changeMark(change)} <span class="muted">against the day before</span></span>`
  }</div>${now24h}
${perView(views, (view) => chart(quote, view))}
<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** What the source says of the moment, apart from the daily prices. */
const latestLine = ({ price, change24hPercent, observedAt }: LatestPrice, code: string, now: Instant): Html =>
  html`<p class="latest">Latest <b>${formatPrice(price)} ${code}</b>, <time datetime="${observedAt}">${formatAge(now - Date.parse(observedAt))}</time>${
    change24hPercent === null ? null : html`; ${changeMark(change24hPercent / 100)} in the 24 h before`
  }</p>`;

function chart({ coin, currency, ...quote }: Quote, { start }: View): Html {
  const days = quote.days.slice(start);
  const prices = quote.prices.slice(start);
  const averages = prices.flatMap((price) => price?.average ?? []);
  if (averages.length === 0) return html`<p class="muted">No price in these ${formatCount(days.length)} days.</p>`;
  const code = currency.code.toUpperCase();
  const span = `${days[0]} to ${days.at(-1)}`;
  const summary = `${coin.name} in ${code}, ${span}: daily averages from ${formatPrice(Math.min(...averages))} to ${formatPrice(Math.max(...averages))}`;
  const points = daysPerPoint(days);
  return html`<figure class="chart" role="img" aria-label="${summary}">${priceChart(days, prices)}</figure>
<p class="note">Line: ${points === 1 ? 'daily average' : `average of ${points} days`}. Band: low to high. Ring: provisional. A break: no row.${
    days.length > MAX_CSV_DAYS
      ? null
      : html` <a download="${`${coin.id}-${currency.code}-${span.replaceAll(' ', '-')}.csv`}" href="${csvLink(prices)}">CSV of ${formatQuantity(averages.length, 'day')}<span class="hidden">: ${coin.name} in ${code}</span></a>`
  }</p>`;
}

/** @returns a data: link with the numbers behind a chart, as they are stored. */
function csvLink(prices: Quote['prices']): string {
  const lines = prices.flatMap((price) =>
    price === null ? [] : [price.day, price.average, price.low, price.high, price.isFinal].join(','),
  );
  return `data:text/csv;charset=utf-8,${['day,average,low,high,is_final', ...lines, ''].join('%0A')}`;
}

const latestCell = (latest: LatestPrice | null, now: Instant): Html =>
  latest === null
    ? html`${NO_VALUE}`
    : html`${formatPrice(latest.price)} <small>${formatAge(now - Date.parse(latest.observedAt))}</small>`;

/** Names the day where it isn't that of the column. */
const finalCell = (final: Quote['final'], newest: Day | undefined): Html =>
  final === null
    ? html`${NO_VALUE}`
    : html`${formatPrice(final.price.average)}${final.day === newest ? null : html` <small>${formatShortDay(final.day)}</small>`}`;

/** The averages as a small line, coloured by how the last differs from the first. */
const trend = ({ prices, views }: Quote): Html =>
  html`${perView(views, ({ start }) => {
    const shown = prices.slice(start);
    const [first, last] = [shown.find((price) => price !== null), shown.findLast((price) => price !== null)];
    const change = first && last ? last.average / first.average - 1 : null;
    return html`<span class="${direction(change)}">${sparkline(shown)}</span>`;
  })}`;

const perCurrency = (quotes: readonly Quote[], content: (quote: Quote) => Html): Html[] =>
  quotes.map((quote, index) => html`<div data-currency="${index}">${content(quote)}</div>`);

/** Half of the last digit that is shown. */
const NOTICEABLE = 0.00005;

const direction = (change: number | null): 'up' | 'down' | 'flat' =>
  change === null || Math.abs(change) < NOTICEABLE ? 'flat' : change > 0 ? 'up' : 'down';

const SIGNS = { up: '▲', down: '▼', flat: '' } as const;

function changeMark(change: number | null): Html {
  const way = direction(change);
  return html`<span class="nowrap ${way}"><span aria-hidden="true">${SIGNS[way]}</span> ${formatChange(change)}</span>`;
}
