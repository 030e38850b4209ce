import { describe, expect, test } from '@jest/globals';
import type { RunSummary } from '../../ingestion/database/read-status.ts';
import { addDays, type Day, daysFrom } from '../../ingestion/domain/day.ts';
import { toPricesData } from '../../local/page/prices-section.ts';
import { pricesView } from '../../local/page/prices-view.ts';
import type { PageData, PageSeries } from '../../local/page/read-page-data.ts';
import { renderPage } from '../../local/page/render-page.ts';
import { dailyPrice } from '../support/database-fixtures.ts';
import { DAYS, EMPTY, FULL, finalSeries, price, RUN, rising, TODAY } from '../support/page-data.ts';

const FINDING = {
  rule: 'frozen',
  severity: 'warning',
  coin: 'bitcoin',
  currency: null,
  day: TODAY,
  detail: 'A.',
} as const;

/** Of bitcoin in dollars alone. */
const withPrices = (prices: PageSeries['prices'], days: readonly Day[] = DAYS): PageData => ({
  ...{ ...FULL, days },
  series: [{ coin: 'bitcoin', currency: 'usd', prices, statuses: days.map(() => 'final') }],
});

const withRuns = (data: PageData, ...runs: readonly RunSummary[]): PageData => ({
  ...data,
  status: { ...data.status, runs },
});

/** The page's text as a reader gets it: without tags, and with white space made one. */
const textOf = (page: string): string =>
  page
    .replace(/<(style|script)[\s\S]*?<\/\1>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');

const section = (page: string, id: string): string => {
  const found = page.split('<section').find((part) => part.includes(`aria-labelledby="${id}"`));
  if (found === undefined) throw new Error(`The page has no section labelled by "${id}".`);
  return found;
};

describe('renderPage', () => {
  test('loads nothing: the only address is the attribution', () => {
    const page = renderPage(FULL);
    expect([...page.matchAll(/\b(?:https?:)?\/\/[^"'\s<>]+/g)].map(([address]) => address)).toEqual([
      'https://www.coingecko.com/',
    ]);
    expect(page).not.toMatch(/<script[^>]* src=|<link rel="stylesheet|@import|url\((?!#)|\son\w+=/i);
    expect(textOf(page)).toContain('Data provided by CoinGecko');
  });

  test('has each id once, and every reference to an id leads somewhere', () => {
    const page = renderPage(FULL);
    const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id] of page.matchAll(/aria-labelledby="([\w-]+)/g)) expect(ids).toContain(id);
  });

  test('shows markup in data as text, wherever the data comes from', () => {
    const hostile = `<img src=x onerror="alert('1')">&`;
    const page = renderPage({
      ...withRuns(FULL, { ...RUN, runId: hostile, error: hostile }),
      universe: {
        coins: [{ id: hostile, symbol: hostile, name: hostile }],
        currencies: [{ code: hostile, name: hostile }],
      },
      series: [finalSeries(hostile, hostile, rising)],
      findings: {
        ...FULL.findings,
        errors: 1,
        listed: [{ ...FINDING, severity: 'error', coin: hostile, currency: hostile, day: hostile, detail: hostile }],
      },
      unavailableDays: [{ coin: hostile, currency: hostile, day: '2026-11-01', reason: hostile }],
    });
    expect(page).not.toMatch(/<img/i);
    expect(page).not.toContain(`onerror="`);
    for (const id of ['prices', 'coverage', 'runs', 'findings', 'unavailable']) {
      expect(section(page, id)).toMatch(/&#60;img src=x onerror=&#34;alert\(&#39;1&#39;\)&#34;&#62;&#38;/i);
    }
  });
});

test('made-up prices are called so, and nobody is credited for them', () => {
  const text = textOf(renderPage({ ...FULL, isMadeUp: true }));
  expect(text).toContain('Demo: these prices are made up.');
  expect(text).not.toContain('CoinGecko');
});

test('a page that is served refreshes itself, until the reader stops it', () => {
  const page = renderPage(FULL, { refreshSeconds: 60 });
  expect(page).toContain('<input type="checkbox" id="refresh" checked> Refresh every 60 s');
  expect(page).toContain('location.reload()');
  expect(renderPage(FULL)).not.toContain('location.reload()');
});

describe('without data', () => {
  test('says what to do, and shows no empty tables', () => {
    const page = renderPage(EMPTY);
    expect(textOf(page)).toContain('No prices yet');
    expect(page).toContain('<code>npm run fetch-data</code>');
    expect(page).not.toContain('<table');
    expect(textOf(page)).toContain('Data provided by CoinGecko');
  });

  test('shows the runs when all of them failed', () => {
    const page = renderPage(withRuns(EMPTY, { ...RUN, status: 'failed', error: 'wrong key for this host' }));
    expect(textOf(page)).toContain('No run has stored a price so far');
    expect(section(page, 'runs')).toContain('wrong key for this host');
  });

  test('praises nothing before the source has answered', () => {
    const failed: RunSummary = { ...RUN, status: 'failed', credits: 0, error: 'wrong key for this host' };
    const text = textOf(renderPage(withRuns(EMPTY, failed)));
    expect(text).toContain('Findings – no answer to judge yet');
    expect(text).toContain('No answer has come yet that could be judged.');
    expect(text).toContain('No answer has come yet that could lack a day.');
    expect(text).not.toMatch(/every rule has held|None so far/);
  });
});

describe('prices', () => {
  test('are the newest final ones, with the digits that matter and the change since the day before', () => {
    const text = textOf(section(renderPage(FULL), 'prices'));
    expect(text).toContain('4,012,345.67 USD');
    expect(text).toContain('▲ +0.31% against the day before');
    expect(text).toContain('Dogecoin DOGE 0.00000823 0.00%');
    expect(text).toContain('average of 2026-11-23');
  });

  test('leave a provisional day out, and give no change across a day without a row', () => {
    const prices = [...rising.slice(0, 6).map((average) => price(average)), null, price(77), price(5_555, false), null];
    const text = textOf(section(renderPage(withPrices(prices)), 'prices'));
    expect(text).toMatch(/77\.00 USD average of 2026-11-21 (?!▲|▼)/);
    expect(text).not.toContain('5,555.00 USD');
  });

  test('of what is chosen are drawn from numbers that the page holds', () => {
    const prices = section(renderPage(FULL), 'prices');
    expect([...prices.matchAll(/id="([\w-]+)" checked/g)].map(([, id]) => id)).toEqual(['currency-0', 'coin-0']);
    const held = JSON.parse(prices.match(/id="quotes">(.*)<\/script>/)?.[1] ?? '');
    expect(held).toEqual(toPricesData(FULL));
    expect(prices.split('<noscript>')[0]?.match(/<figure/g)).toHaveLength(1);
    const view = pricesView(held);
    expect(textOf(view.panel(1, 0))).toContain('Dogecoin in US dollar 0.00000823 USD');
    expect(textOf(view.table(1, 1))).toContain('Bitcoin BTC 10.00 ▲ +11.11%');
    expect(view.table(1, 1)).toContain('id="coin-1" checked');
  });

  test.each([
    [0.0123, 1_312_000_000_000, 'up"><span aria-hidden="true">▲</span> +1.23%', '1.312T'],
    [-0.5, null, 'down"><span aria-hidden="true">▼</span> -50.00%', '–'],
    [-0.000001, 0.5, 'flat"><span aria-hidden="true"></span> 0.00%', '0.5'],
    [null, 1, 'flat"><span aria-hidden="true"></span> –', '1'],
  ])('that changed by %p, of a volume of %p, are written for people', (change, volume, mark, amount) => {
    const held = toPricesData(FULL);
    const [quote] = held.quotes;
    if (!quote?.final) throw new Error('The fixture has no final day.');
    const quotes = [{ ...quote, final: { ...quote.final, change }, facts: [1, 1, 1, 1, volume, 1, 24, 24] }];
    const view = pricesView({ ...held, quotes });
    expect(view.table(0, 0)).toContain(mark);
    expect(view.panel(0, 0)).toContain(`<dt>Volume, rolling 24 h</dt><dd>${amount}</dd>`);
  });

  test('of a small range are drawn between round numbers', () => {
    const series = [finalSeries('bitcoin', 'usd', [0.0000083, 0.0000085])];
    const [prices = ''] = renderPage({ ...FULL, series }).split('<noscript>');
    expect([...prices.matchAll(/<span class="price"[^>]*>([^<]*)</g)].map(([, label]) => label)).toEqual([
      '0.000008',
      '0.0000082',
      '0.0000084',
      '0.0000086',
      '0.0000088',
    ]);
  });

  test('of 250 coins in 10 currencies make a page below 3 MB, and fewer days of them are shown', () => {
    const days = daysFrom(addDays(TODAY, -365), TODAY);
    const coins = Array.from({ length: 250 }, (_, index) => ({ id: `coin-${index}`, symbol: 'c', name: `C ${index}` }));
    const currencies = Array.from({ length: 10 }, (_, index) => ({ code: `c${index}`, name: `Currency ${index}` }));
    const prices = days.map((_, index) => price(1234.567891234 * (1 + Math.sin(index) / 10)));
    const statuses = days.map((_, index): 'missing' | 'final' => (index % 9 === 0 ? 'missing' : 'final'));
    const series = coins.flatMap(({ id: coin }) =>
      currencies.map(({ code: currency }) => ({ coin, currency, prices, statuses })),
    );
    const page = renderPage({ ...FULL, days, universe: { coins, currencies }, series });
    expect(Buffer.byteLength(page)).toBeLessThan(3_000_000);
    expect(page).toContain('; the last 32 days');
    expect(page).toContain('And 230 more coins: npm run status lists all.');
    expect(page).toContain('<input type="search" id="search"');
  });

  test('break the line at a day without a row, and mark a provisional one, however many days there are', () => {
    const days = daysFrom(addDays(TODAY, -89), TODAY);
    const prices = days.map((day, index) => (index === 40 ? null : price(index + 1, day < '2026-11-22')));
    const chart =
      renderPage(withPrices(prices, days))
        .match(/<figure class="chart"[\s\S]*?<\/figure>/g)
        ?.at(0) ?? '';
    const drawn = (path: string) => chart.match(new RegExp(`<path class="${path}" d="([^"]*)"`))?.[1] ?? '';
    expect(drawn('average').match(/M/g)).toHaveLength(2);
    expect(drawn('band').match(/M/g)).toHaveLength(2);
    expect(drawn('ring').match(/M/g)).toHaveLength(2);
    expect(drawn('dot')).toBe('');
  });

  test('mark a final day without neighbours by a dot', () => {
    const prices = DAYS.map((_, index) => (index === 4 ? price(5) : null));
    expect(renderPage(withPrices(prices))).toMatch(/<path class="dot" d="M0\.0,[\d.]+h0"\/>/);
  });
});

describe('the days', () => {
  const historyOf = (length: number, hasRow: (index: number) => boolean = () => true): PageData => {
    const days = daysFrom(addDays(TODAY, 1 - length), TODAY);
    const prices = days.map((day, index) =>
      hasRow(index) ? { ...price(index + 1), ...dailyPrice(day, { average: index + 1 }) } : null,
    );
    const statuses = prices.map((row) => (row === null ? ('none' as const) : ('final' as const)));
    return { ...FULL, days, series: [{ coin: 'bitcoin', currency: 'usd', prices, statuses }] };
  };
  const seriesDays = (page: string) => page.match(/aria-label="Bitcoin in USD, (\S+) to (\S+):/)?.slice(1);

  test('of a chart and the coverage are those of the last year, those of the figures all', () => {
    const page = renderPage(historyOf(1_000));
    expect(seriesDays(page)).toEqual([addDays(TODAY, -365), TODAY]);
    expect(textOf(page)).toContain('by UTC day; the last 365 days');
    expect(page).toContain('--count:366"');
    expect(textOf(page)).toContain(`days of all series missing since ${addDays(TODAY, -999)}`);
  });

  test('of a chart begin with the first that has a price', () => {
    expect(seriesDays(renderPage(historyOf(300, (index) => index >= 250)))).toEqual([addDays(TODAY, -49), TODAY]);
  });

  test('of a chart can be had as numbers, in five digits', () => {
    const data = historyOf(40, (index) => index >= 38);
    const [{ prices = [] } = {}] = data.series;
    const [before, today] = prices.slice(-2);
    const page = renderPage(data);
    expect(page).toContain(`download="bitcoin-usd-2026-11-22-to-${TODAY}.csv"`);
    const link = page.match(/href="(data:text\/csv[^"]*)"/)?.[1] ?? '';
    expect(decodeURIComponent(link.slice(link.indexOf(',') + 1)).split('\n')).toEqual([
      'day,average,low,high,is_final',
      `2026-11-22,${before?.average},${before?.low},${before?.high},true`,
      `${TODAY},${today?.average},${today?.low},${today?.high},true`,
      '',
    ]);
  });
});

describe('latest prices', () => {
  const bitcoin = { coin: 'bitcoin', currency: 'usd', price: 4_050_000.5, change24hPercent: 1.234 };
  const unknown = { marketCap: null, volume24h: null };
  const latestPrices = [{ ...bitcoin, ...unknown, observedAt: '2026-11-23T05:48:30.000Z' }];

  test('stand beside the daily ones, with their age and what their change compares', () => {
    const text = textOf(section(renderPage({ ...FULL, status: { ...FULL.status, latestPrices } }), 'prices'));
    expect(text).toContain('Latest 4,050,000.50 USD , 11 min ago ; ▲ +1.23% in the 24 h before');
    expect(text).toContain('Coin Latest Average of Nov 23');
    expect(text).toContain('Bitcoin BTC 4,050,000.50 11 min ago');
  });

  test('are not mentioned where there are none', () => {
    expect(textOf(section(renderPage(FULL), 'prices'))).not.toContain('Latest');
  });
});

describe('coverage', () => {
  test('is a calm line where all is complete, and what is not stands first where it is not', () => {
    const complete = renderPage(FULL);
    expect(textOf(section(complete, 'coverage'))).toContain(
      '✓ Everything is complete: 4 series, 2026-11-14 to 2026-11-22.',
    );
    expect(complete).toContain('<details><summary>');
    const series = FULL.series.map((one) =>
      one.coin === 'bitcoin' ? one : { ...one, statuses: ['missing' as const, ...one.statuses.slice(1)] },
    );
    const coverage = section(renderPage({ ...FULL, series }), 'coverage');
    expect(coverage).toContain('<p>2 of 4 series not complete; their coins stand first.</p>');
    expect(coverage).toContain('<details open>');
    expect(coverage.indexOf('>Dogecoin<')).toBeLessThan(coverage.indexOf('>Bitcoin<'));
  });

  const statuses = [
    ...['none', 'none', 'final', 'final', 'thin', 'unavailable', 'missing', 'missing', 'final', 'provisional'],
  ];
  const page = renderPage({
    ...FULL,
    series: [
      { ...finalSeries('bitcoin', 'usd', rising), statuses: statuses as PageSeries['statuses'] },
      finalSeries('bitcoin', 'try', rising),
    ],
  });
  const coverage = section(page, 'coverage');

  test.each(['final', 'thin', 'unavailable', 'missing', 'provisional'])('explains and shows a %s day', (state) => {
    expect(coverage).toContain(`<i class="day-${state}"></i>${state}`);
    expect(coverage).toMatch(
      new RegExp(`<td colspan="\\d+" class="day-${state}" style="--length:\\d+" title="[^"]*${state}">`),
    );
    expect(page).toContain(`.day-${state}`);
  });

  test('names each stretch of equal days, and leaves blank what was never expected', () => {
    const row = coverage.match(/<tbody><tr>[\s\S]*?<\/tr>/)?.[0] ?? '';
    expect(
      [...row.matchAll(/<td colspan="(\d+)"(?: class="[^"]*" style="[^"]*" title="([^"]*)")?>/g)].map(
        ([, n, title]) => [n, title],
      ),
    ).toEqual([
      ['2', undefined],
      ['2', '2026-11-16 to 2026-11-17: 2 days final'],
      ['1', '2026-11-18: thin'],
      ['1', '2026-11-19: unavailable'],
      ['2', '2026-11-20 to 2026-11-21: 2 days missing'],
      ['1', '2026-11-22: final'],
      ['1', '2026-11-23: provisional'],
    ]);
  });

  test('covers all days in every row', () => {
    const rows = [...coverage.matchAll(/<tr>[\s\S]*?<\/tr>/g)].slice(1).map(([row]) => row);
    expect(rows).toHaveLength(4);
    for (const row of rows) {
      const widths = [...row.matchAll(/<td colspan="(\d+)"/g)].map(([, width]) => Number(width));
      expect(widths.reduce((sum, width) => sum + width, 0)).toBe(DAYS.length);
    }
  });
});

describe('the figures at the top', () => {
  const tiles = (data: Partial<PageData>): string =>
    textOf(renderPage({ ...FULL, ...data }).match(/<dl class="tiles">[\s\S]*?<\/dl>/)?.[0] ?? '');

  test('tell how fresh, how complete and how much is left', () => {
    const text = tiles({});
    expect(text).toContain('Last complete full run 3 h ago 2026-11-23 02:01 UTC');
    expect(text).toContain('Stored 100 % 0 of 36 days of all series missing since 2026-11-14');
    expect(text).toContain('Credits this month 1,012 of 10,000');
  });

  test('never round up to 100 % while a day is missing', () => {
    const days = daysFrom(addDays(TODAY, -2_999), TODAY);
    const statuses = days.map((_, index): 'missing' | 'final' => (index === 7 ? 'missing' : 'final'));
    const series = [{ coin: 'bitcoin', currency: 'usd', prices: [price(1)], statuses }];
    expect(tiles({ days, series })).toContain('99.9 % 1 of 2,999 days of all series missing');
  });

  test('count a settled provisional day as missing, and expect neither today nor an unavailable day', () => {
    const lasts = ['unavailable', 'provisional', 'provisional'] as const;
    const statuses = [...DAYS.slice(0, 7).map(() => 'final' as const), ...lasts];
    const text = tiles({ series: [{ ...finalSeries('bitcoin', 'usd', rising), statuses }] });
    expect(text).toContain('87.5 % 1 of 8 days of all series missing');
  });

  test('say that there is none where there is none', () => {
    const text = tiles({ status: { ...EMPTY.status, runs: [RUN] }, monthlyCredits: null });
    expect(text).toContain('no day is final in every series');
    expect(text).toContain('no run was complete yet');
    expect(text).toContain('the plan has no quota');
  });
});

describe('runs and findings', () => {
  test('a run shows its verdict, what it cost and why it failed', () => {
    const run = { ...RUN, status: 'partial' as const, missingDays: 7, rateLimited: 3, error: 'bitcoin/try: HTTP 503' };
    const text = textOf(section(renderPage(withRuns(FULL, run)), 'runs'));
    expect(text).toContain(
      `2026-11-23 02:00 partial schedule 1 min 35 s 20 20 7 2 2 0 3 ${RUN.runId} bitcoin/try: HTTP 503`,
    );
  });

  test('a run without a verdict shows no numbers that it has not', () => {
    const none = { finishedAt: null, expectedDays: null, storedDays: null, missingDays: null };
    const run: RunSummary = { ...RUN, ...none, status: 'running' };
    expect(textOf(section(renderPage(withRuns(FULL, run)), 'runs'))).toContain('running schedule – – – – 2 2 0 0');
  });

  test('findings are listed as they come, and those left out are counted', () => {
    const findings = { errors: 3, warnings: 1_200, listed: [FINDING, { ...FINDING, day: null, detail: 'B.' }] };
    const page = renderPage({ ...FULL, findings });
    const text = textOf(section(page, 'findings'));
    expect(text).toContain(`warning frozen bitcoin ${TODAY} A.`);
    expect(text).toContain('bitcoin any B.');
    expect(text).toContain('And 1,201 more.');
  });

  test('consecutive unavailable days of a series are one line', () => {
    const of = (coin: string, day: Day) => ({ coin, currency: 'usd', day, reason: 'two answers without it' });
    const bitcoins = ['2026-11-01', '2026-10-31', '2026-10-02'].map((day) => of('bitcoin', day));
    const page = renderPage({ ...FULL, unavailableDays: [of('dogecoin', '2026-10-02'), ...bitcoins] });
    const rows = [...section(page, 'unavailable').matchAll(/<tr>[\s\S]*?<\/tr>/g)]
      .slice(1)
      .map(([row]) => textOf(row).trim());
    expect(rows).toEqual([
      'bitcoin/usd 2026-10-02 1 two answers without it',
      'bitcoin/usd 2026-10-31 to 2026-11-01 2 two answers without it',
      'dogecoin/usd 2026-10-02 1 two answers without it',
    ]);
  });
});
