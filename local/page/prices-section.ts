import type { Currency } from '../../ingestion/contract/universe-schema.ts';
import { seriesName } from '../../ingestion/domain/series.ts';
import { formatAge, visible } from '../output/format.ts';
import { type Html, html, trusted } from './html.ts';
import { type PricesData, pricesView, type Quote } from './prices-view.ts';
import type { PageData } from './read-page-data.ts';

/** From so many coins on they can be searched. */
const SEARCHED_COINS = 12;

/**
 * The prices: the chart of one coin in one currency beside a table of all coins. What is shown at first stands in the page
 * already; what else is chosen is drawn by its script.
 */
export function pricesSection(data: PageData): Html {
  const prices = toPricesData(data);
  const view = pricesView(prices);
  const search = html`<input type="search" id="search" placeholder="Search coins" aria-label="Search coins">`;
  return html`<section class="card" aria-labelledby="prices">
<header><h2 id="prices">Prices</h2>${prices.coins.length < SEARCHED_COINS ? null : search}${currencySwitch(data.universe.currencies)}</header>
<div class="market">
<div id="panel" aria-live="polite">${trusted(view.panel(0, 0))}</div>
<div class="scroll long" tabindex="0" role="region" aria-label="All coins, scrollable"><table class="coins" id="coins">
${trusted(view.table(0, 0))}</table></div>
</div>
<noscript><p class="note">Without JavaScript the page shows the first coin's chart and the first currency only.</p></noscript>
<script type="application/json" id="quotes">${trusted(JSON.stringify(prices).replaceAll('<', '\\u003c'))}</script>
<script>${trusted(`{\nconst pricesView = ${pricesView.toString().replaceAll('</script', '<\\/script')};${CHOOSING}}`)}</script></section>`;
}

/** Draws what is chosen; a search leaves the coins whose name, symbol or id holds it. */
const CHOOSING = `
const find = (id) => document.getElementById(id);
let prices, view;
const read = () => {
  prices ??= JSON.parse(find('quotes').textContent);
  view ??= pricesView(prices);
};
const chosen = (name) => Number(document.querySelector('[name=' + name + ']:checked').id.split('-')[1]);
const filter = () => {
  read();
  const word = (find('search')?.value ?? '').trim().toLowerCase();
  for (const [index, { id, name, symbol }] of prices.coins.entries())
    find('coin-' + index).closest('tr').hidden = ![id, name, symbol].some((text) => text.toLowerCase().includes(word));
};
document.addEventListener('change', ({ target: { name } }) => {
  if (name !== 'currency' && name !== 'coin') return;
  read();
  if (name === 'currency') {
    find('coins').innerHTML = view.table(chosen('currency'), chosen('coin'));
    filter();
  }
  find('panel').innerHTML = view.panel(chosen('coin'), chosen('currency'));
});
find('search')?.addEventListener('input', filter);
`;

const currencySwitch = (currencies: readonly Currency[]): Html =>
  html`<fieldset class="switch"><legend class="hidden">Currency</legend>${currencies.map(
    ({ code, name }, index) => html`<label title="${name}"><input type="radio" name="currency"
id="currency-${index}"${index === 0 ? trusted(' checked') : null}>${code.toUpperCase()}</label>`,
  )}</fieldset>`;

/** What the page draws from. */
export function toPricesData({ universe, days, series, status }: PageData): PricesData {
  const bySeries = new Map(series.map((one) => [seriesName(one), one.prices]));
  const latest = new Map(status.latestPrices.map((one) => [seriesName(one), one]));
  const now = Date.parse(status.now);
  const shown = <Text extends Record<string, string>>(texts: Text): Text =>
    Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, visible(text)])) as Text;
  return {
    firstDay: days[0] ?? '',
    coins: universe.coins.map(({ id, name, symbol }) => shown({ id, name, symbol })),
    currencies: universe.currencies.map(({ code, name }) => shown({ code, name })),
    quotes: universe.coins.flatMap((coin) =>
      universe.currencies.map((currency): Quote => {
        const name = seriesName({ coin: coin.id, currency: currency.code });
        const all = bySeries.get(name) ?? [];
        const first = all.findIndex((price) => price !== null);
        const start = Math.max(0, first);
        const prices = first === -1 ? [] : all.slice(start);
        const index = prices.findLastIndex((price) => price?.isFinal);
        const [final, before] = [prices[index], prices[index - 1]];
        const [day, moment] = [days[start + index], latest.get(name)];
        const { open, high, low, close, volume, marketCap, hoursCovered, sampleCount } = final ?? {};
        return {
          start,
          average: prices.map((price) => drawn(price?.average)),
          low: prices.map((price) => drawn(price?.low)),
          high: prices.map((price) => drawn(price?.high)),
          provisional: prices.flatMap((price, place) => (price?.isFinal === false ? [place] : [])),
          final:
            final && day
              ? {
                  day,
                  average: final.average,
                  change: before ? Number((final.average / before.average - 1).toFixed(6)) : null,
                }
              : null,
          facts: final
            ? [open, high, low, close, volume, marketCap, hoursCovered, sampleCount].map((fact) =>
                fact == null ? null : Number(fact.toPrecision(10)),
              )
            : [],
          latest: moment
            ? {
                ...{
                  price: moment.price,
                  change: moment.change24hPercent === null ? null : moment.change24hPercent / 100,
                },
                ...{ at: moment.observedAt, age: formatAge(now - Date.parse(moment.observedAt)) },
              }
            : null,
        };
      }),
    ),
  };
}

const drawn = (price: number | undefined): number | null => (price === undefined ? null : Number(price.toPrecision(5)));
