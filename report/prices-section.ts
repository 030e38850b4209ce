import type { Coin, Currency } from '../ingestion/contract/universe.ts';
import type { DailyPrice } from '../ingestion/domain/daily-price.ts';
import type { Day } from '../ingestion/domain/day.ts';
import { priceChart, sparkline } from './charts.ts';
import { formatChange, formatCompact, formatCount, formatPrice, formatShortDay, NO_VALUE } from './format.ts';
import { type Html, html, trusted } from './html.ts';
import type { ReportData } from './report-data.ts';

/** What the section shows of one series. */
type Quote = {
  readonly coin: Coin;
  readonly currency: Currency;
  readonly prices: readonly (DailyPrice | null)[];
  /** The newest final day, and how its average moved since the day before, as a share. */
  readonly latest: { readonly day: Day; readonly price: DailyPrice; readonly change: number | null } | null;
  /** How the average moved from the first to the last day of the report that has one, as a share. */
  readonly trend: number | null;
};

/**
 * The prices: a chart of one coin in one currency beside a table of all coins. Radio buttons and CSS choose both:
 * `in-<n>` marks what belongs to a currency, `of-<n>` what belongs to a coin.
 */
export function pricesSection(data: ReportData): Html {
  const { coins, currencies } = data.universe;
  const rows = coins.map((coin) => ({
    coin,
    quotes: currencies.map((currency) => toQuote(data, coin, currency)),
  }));
  const newest = rows
    .flatMap(({ quotes }) => quotes.flatMap(({ latest }) => latest?.day ?? []))
    .sort()
    .at(-1);
  return html`<section class="card prices" aria-labelledby="prices">
<style>${hideUnchosen('currency', 'in', currencies.length)}${hideUnchosen('coin', 'of', coins.length)}</style>
<header><h2 id="prices">Prices</h2><fieldset class="switch"><legend class="hidden">Currency</legend>${currencies.map(
    ({ code, name }, index) => html`<label title="${name}">${radio('currency', index)}${code.toUpperCase()}</label>`,
  )}</fieldset></header>
<div class="market">
<div>${rows.map(({ quotes }, index) => html`<div class="of-${index}">${perCurrency(quotes, (quote) => panel(data.days, quote))}</div>`)}</div>
<div class="scroll"><table class="coins">
<caption class="hidden">Latest final daily averages; choose a coin to see its chart</caption>
<thead><tr><th scope="col">Coin</th><th scope="col" class="num">Average${newest ? ` of ${formatShortDay(newest)}` : null}</th><th scope="col" class="num">24 h</th>
<th scope="col" class="num">${data.days.length} days</th></tr></thead>
<tbody>${rows.map(
    ({ coin, quotes }, index) => html`<tr>
<th scope="row"><label>${radio('coin', index)}${coin.name} <small>${coin.symbol.toUpperCase()}</small></label></th>
<td class="num">${perCurrency(
      quotes,
      ({ latest }) =>
        html`${latest === null || latest.day === newest ? null : html`<small>${formatShortDay(latest.day)}</small> `}${
          latest === null ? NO_VALUE : formatPrice(latest.price.average)
        }`,
    )}</td>
<td class="num">${perCurrency(quotes, ({ latest }) => changeMark(latest?.change ?? null))}</td>
<td>${perCurrency(quotes, ({ prices, trend }) => html`<span class="${direction(trend)}">${sparkline(prices)}</span>`)}</td>
</tr>`,
  )}</tbody></table></div>
</div></section>`;
}

function toQuote(data: ReportData, coin: Coin, currency: Currency): Quote {
  const prices =
    data.series.find((series) => series.coin === coin.id && series.currency === currency.code)?.prices ?? [];
  const index = prices.findLastIndex((price) => price?.isFinal);
  const [day, price, before] = [data.days[index], prices[index], prices[index - 1]];
  return {
    coin,
    currency,
    prices,
    latest: day && price ? { day, price, change: before ? price.average / before.average - 1 : null } : null,
    trend: trendOf(prices),
  };
}

function trendOf(prices: Quote['prices']): number | null {
  const first = prices.find((price) => price !== null);
  const last = prices.findLast((price) => price !== null);
  return first && last && first !== last ? last.average / first.average - 1 : null;
}

/** The chart of one series, with the figures of its latest final day. */
function panel(days: readonly Day[], { coin, currency, prices, latest }: Quote): Html {
  const code = currency.code.toUpperCase();
  const title = html`<h3>${coin.name} <span>in ${currency.name}</span></h3>`;
  if (latest === null) {
    return html`<div class="quote">${title}</div><p class="muted">No final daily price in these ${days.length} days.</p>`;
  }
  const { price, day, change } = latest;
  const averages = prices.flatMap((row) => (row === null ? [] : [row.average]));
  const summary = `${coin.name} in ${code}: daily averages of ${days.length} days up to ${days.at(-1) ?? ''}, from ${formatPrice(Math.min(...averages))} to ${formatPrice(Math.max(...averages))}, last final ${formatPrice(price.average)} on ${day}`;
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
${changeMark(change)} <span class="muted">average of <time datetime="${day}">${day}</time></span></div>
<figure class="chart" role="img" aria-label="${summary}">${priceChart(days, prices)}</figure>
<p class="note">Line: daily average. Band: low to high. Ring: provisional. A break: no row for that day.</p>
<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

const perCurrency = (quotes: readonly Quote[], content: (quote: Quote) => Html): Html[] =>
  quotes.map((quote, index) => html`<div class="in-${index}">${content(quote)}</div>`);

const radio = (name: 'coin' | 'currency', index: number): Html =>
  html`<input type="radio" name="${name}" id="${name}-${index}"${index === 0 ? trusted(' checked') : null}>`;

/** A browser that doesn't know `:has` drops these rules and shows everything. */
const hideUnchosen = (name: 'coin' | 'currency', prefix: 'of' | 'in', count: number): Html[] =>
  Array.from({ length: count }, (_, index) =>
    trusted(`.prices:not(:has(#${name}-${index}:checked)) .${prefix}-${index}{display:none}`),
  );

/** Half of the last digit that is shown. */
const NOTICEABLE = 0.00005;

const direction = (change: number | null): 'up' | 'down' | 'flat' =>
  change === null || Math.abs(change) < NOTICEABLE ? 'flat' : change > 0 ? 'up' : 'down';

const SIGNS = { up: '▲', down: '▼', flat: '' } as const;

function changeMark(change: number | null): Html {
  const way = direction(change);
  return html`<span class="nowrap ${way}"><span aria-hidden="true">${SIGNS[way]}</span> ${formatChange(change)}</span>`;
}
