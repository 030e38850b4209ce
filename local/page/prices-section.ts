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
import { priceChart, sparkline } from './charts.ts';
import { type Html, hideUnchosen, html, radio } from './html.ts';
import type { PageData } from './read-page-data.ts';

type LatestPrice = PageData['status']['latestPrices'][number];

/** What the section shows of one series. */
type Quote = {
  readonly coin: Coin;
  readonly currency: Currency;
  /** From the first day that has a price. */
  readonly days: readonly Day[];
  readonly prices: readonly (StoredDailyPrice | null)[];
  /** The newest final day, and how its average differs from that of the day before, as a share. */
  readonly final: { readonly day: Day; readonly price: StoredDailyPrice; readonly change: number | null } | null;
  readonly latest: LatestPrice | null;
};

/** The prices: a chart of one coin in one currency beside a table of all coins. */
export function pricesSection(data: PageData): Html {
  const { coins, currencies } = data.universe;
  const now = Date.parse(data.status.now);
  const rows = coins.map((coin) => ({ coin, quotes: currencies.map((currency) => toQuote(data, coin, currency)) }));
  const finalDays = rows.flatMap(({ quotes }) => quotes.flatMap(({ final }) => final?.day ?? []));
  const newest = finalDays.sort().at(-1);
  const hasLatest = rows.some(({ quotes }) => quotes.some(({ latest }) => latest !== null));
  const heading = (name: string) => html`<th scope="col" class="num">${name}</th>`;
  return html`<section class="card" aria-labelledby="prices">
<style>${hideUnchosen('currency', currencies.length)}
${hideUnchosen('coin', coins.length)}</style>
<header><h2 id="prices">Prices</h2>${currencySwitch(currencies)}</header>
<div class="market">
<div>${rows.map(
    ({ quotes }, index) => html`<div data-coin="${index}">${perCurrency(quotes, (quote) => panel(quote, now))}</div>`,
  )}</div>
<div class="scroll" tabindex="0" role="region" aria-label="All coins, scrollable"><table class="coins">
<caption class="hidden">The prices of all coins; choose one to see its chart</caption>
<thead><tr><th scope="col">Coin</th>${hasLatest ? heading('Latest') : null}
${heading(newest ? `Average of ${formatShortDay(newest)}` : 'Average')}
${heading('vs. day before')}${heading('Trend')}</tr></thead>
<tbody>${rows.map(
    ({ coin, quotes }, index) => html`<tr>
<th scope="row"><label>${radio('coin', index)}${coin.name} <small>${coin.symbol.toUpperCase()}</small></label></th>
${hasLatest ? html`<td class="num">${perCurrency(quotes, ({ latest }) => latestCell(latest, now))}</td>` : null}
<td class="num">${perCurrency(quotes, ({ final }) => finalCell(final, newest))}</td>
<td class="num">${perCurrency(quotes, ({ final }) => changeMark(final?.change ?? null))}</td>
<td>${perCurrency(quotes, trend)}</td></tr>`,
  )}</tbody></table></div>
</div></section>`;
}

const currencySwitch = (currencies: readonly Currency[]): Html =>
  html`<fieldset class="switch"><legend class="hidden">Currency</legend>${currencies.map(
    ({ code, name }, index) => html`<label title="${name}">${radio('currency', index)}${code.toUpperCase()}</label>`,
  )}</fieldset>`;

function toQuote(data: PageData, coin: Coin, currency: Currency): Quote {
  const isOfSeries = (one: { coin: string; currency: string }) =>
    one.coin === coin.id && one.currency === currency.code;
  const all = data.series.find(isOfSeries)?.prices ?? [];
  const first = Math.max(
    0,
    all.findIndex((price) => price !== null),
  );
  const [days, prices] = [data.days.slice(first), all.slice(first)];
  const index = prices.findLastIndex((price) => price?.isFinal);
  const [day, price, before] = [days[index], prices[index], prices[index - 1]];
  return {
    coin,
    currency,
    days,
    prices,
    final: day && price ? { day, price, change: before ? price.average / before.average - 1 : null } : null,
    latest: data.status.latestPrices.find(isOfSeries) ?? null,
  };
}

/** The chart of one series, with the figures of its newest final day. */
function panel(quote: Quote, now: Instant): Html {
  const { coin, currency, final, latest } = quote;
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
${chart(quote)}
<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** What the source says of the moment, apart from the daily prices. */
function latestLine({ price, change24hPercent, observedAt }: LatestPrice, code: string, now: Instant): Html {
  const change = change24hPercent === null ? null : html`; ${changeMark(change24hPercent / 100)} in the 24 h before`;
  const age = formatAge(now - Date.parse(observedAt));
  return html`<p class="latest">Latest <b>${formatPrice(price)} ${code}</b>,
<time datetime="${observedAt}">${age}</time>${change}</p>`;
}

function chart({ coin, currency, days, prices }: Quote): Html {
  const averages = prices.flatMap((price) => price?.average ?? []);
  const code = currency.code.toUpperCase();
  const [first = '', last = ''] = [days[0], days.at(-1)];
  const [low, high] = [formatPrice(Math.min(...averages)), formatPrice(Math.max(...averages))];
  const summary = `${coin.name} in ${code}, ${first} to ${last}: daily averages from ${low} to ${high}`;
  const file = `${coin.id}-${currency.code}-${first}-to-${last}.csv`;
  return html`<figure class="chart" role="img" aria-label="${summary}">${priceChart(days, prices)}</figure>
<p class="note">Line: daily average. Band: low to high. Ring: provisional. A break: no row.
<a download="${file}" href="${csvLink(prices)}">CSV of ${formatQuantity(averages.length, 'day')}<span
class="hidden">: ${coin.name} in ${code}</span></a></p>`;
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
function finalCell(final: Quote['final'], newest: Day | undefined): Html {
  if (final === null) return html`${NO_VALUE}`;
  const day = final.day === newest ? null : html` <small>${formatShortDay(final.day)}</small>`;
  return html`${formatPrice(final.price.average)}${day}`;
}

/** The averages as a small line, coloured by how the last differs from the first. */
function trend({ prices }: Quote): Html {
  const [first, last] = [prices[0], prices.findLast((price) => price !== null)];
  const change = first && last ? last.average / first.average - 1 : null;
  return html`<span class="${direction(change)}">${sparkline(prices)}</span>`;
}

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
