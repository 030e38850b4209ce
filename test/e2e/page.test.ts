import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import axe, { type AxeResults } from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { addDays, daysFrom } from '../../ingestion/domain/day.ts';
import type { PageData } from '../../local/page/read-page-data.ts';
import { renderPage } from '../../local/page/render-page.ts';
import { dailyPrice } from '../support/database-fixtures.ts';
import { close, listen } from '../support/listen.ts';
import { FULL, RUN, TODAY } from '../support/page-data.ts';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync'],
];
const REFRESH_SECONDS = 60;

const hasBrowser = existsSync(CHROMIUM);
if (!hasBrowser)
  console.warn(`There is no ${CHROMIUM}: the page is not tested in a browser (Debian has it as chromium).`);

/** A quarter of two coins with days of every status, a run that failed, findings, and large and small prices. */
function makeData(): PageData {
  const days = daysFrom(addDays(TODAY, -89), TODAY);
  const statuses = ['thin', 'unconfirmed', 'unavailable', 'missing', 'final'] as const;
  const series = FULL.series.map(({ coin, currency }) => {
    const level = coin === 'bitcoin' ? 4_012_345.67 : 0.00000823;
    return {
      coin,
      currency,
      prices: days.map((day, index) => {
        if (index === 40) return null;
        const average = level * (1 + Math.sin(index) / 10);
        const values = { open: average, high: average * 1.02, low: average * 0.97, close: average, average };
        return { ...dailyPrice(day, { ...values, isFinal: day < TODAY }), coin, currency, revision: 0 };
      }),
      statuses: days.map((day, index) => (day < TODAY ? (statuses[index] ?? 'final') : 'provisional')),
    };
  });
  const finding = { coin: 'bitcoin', currency: 'usd', day: days[3] ?? null } as const;
  const unknown = { marketCap: null, volume24h: null, observedAt: '2026-11-23T05:48:30.000Z' };
  return {
    ...FULL,
    days,
    series,
    findings: {
      errors: 1,
      warnings: 1,
      listed: [
        { ...finding, rule: 'currency', severity: 'error', detail: 'The rate is 16.3 % off.' },
        { ...finding, rule: 'frozen', severity: 'warning', detail: '24 hours without any change.' },
      ],
    },
    unavailableDays: [{ coin: 'dogecoin', currency: 'try', day: days[2] ?? '', reason: 'Two answers without it.' }],
    status: {
      ...FULL.status,
      latestPrices: [{ coin: 'bitcoin', currency: 'usd', price: 91_234.5, change24hPercent: -1.25, ...unknown }],
      runs: [RUN, { ...RUN, runId: RUN.runId.replace('8', '9'), status: 'failed', error: 'dogecoin/try: HTTP 503' }],
    },
  };
}

(hasBrowser ? describe : describe.skip)(`the page in a browser (needs ${CHROMIUM})`, () => {
  let server: Server;
  let url: string;
  let hits = 0;
  let large = FULL;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const data = makeData();
    server = createServer(({ url: path }, response) => {
      hits += 1;
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(
        renderPage(path === '/large' ? large : data, path === '/refreshing' ? { refreshSeconds: REFRESH_SECONDS } : {}),
      );
    });
    url = `http://127.0.0.1:${await listen(server)}`;
    const ignored = { ignoreDefaultArgs: ['--hide-scrollbars'] };
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, ...ignored });
    page = await browser.newPage();
    await page.clock.install();
    await page.goto(`${url}/refreshing`);
    await page.evaluate(axe.source);
  });
  afterAll(async () => {
    await browser?.close();
    await close(server);
  });

  /** A dark page differs in its colours only, a narrow one in its layout, and paper is not read by machines. */
  const CONTRAST = { runOnly: ['color-contrast'] };
  const LOOKS = [
    { width: 1280, colorScheme: 'light', media: 'screen', rules: {} },
    { width: 1280, colorScheme: 'dark', media: 'screen', rules: CONTRAST },
    { width: 400, colorScheme: 'light', media: 'screen', rules: {} },
    { width: 794, colorScheme: 'light', media: 'print', rules: null },
  ] as const;

  test.each(LOOKS)(
    'is accessible at %o, shows whole numbers and dates, and scrolls visibly where it must',
    async (look) => {
      const { width, rules, ...media } = look;
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia(media);
      if (rules !== null) {
        const { violations } = await page.evaluate<AxeResults>(`axe.run(${JSON.stringify(rules)})`);
        expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
      }
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
      const cut = await page
        .locator('dt, dd, th, td, time, strong, .pill, label')
        .evaluateAll((elements) =>
          elements
            .filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 1)
            .map((one) => one.outerHTML),
        );
      expect(cut).toEqual([]);
      const wrapped = await page
        .locator('time:visible, .nowrap:visible, strong:visible')
        .evaluateAll((elements) =>
          elements.filter((one) => one.getBoundingClientRect().height > 42).map((one) => one.outerHTML),
        );
      expect(wrapped).toEqual([]);
      const bars = await page
        .locator('.scroll:visible')
        .evaluateAll((elements) =>
          elements.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.offsetHeight - one.clientHeight),
        );
      expect(bars.filter((height) => height < 8)).toEqual([]);
      if (width === 400) expect(bars).not.toEqual([]);
      if (look.media !== 'print') return;
      expect(bars).toEqual([]);
      const chart = await page.locator('.chart:visible').boundingBox();
      const table = await page.locator('.coins').boundingBox();
      expect(table?.x).toBeGreaterThan((chart?.x ?? 0) + (chart?.width ?? 0));
      const colours = "getComputedStyle(document.querySelector('.day-final')).printColorAdjust";
      expect(await page.evaluate(colours)).toBe('exact');
    },
  );

  test('a click on a run selects its whole id, and a chart gives its numbers as a file', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ media: 'screen' });
    const id = page.locator('.id').first();
    await id.click();
    expect(await page.evaluate('getSelection().toString()')).toBe(RUN.runId);
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('a[download]:visible').click()]);
    expect(download.suggestedFilename()).toBe('bitcoin-usd-2026-08-26-to-2026-11-23.csv');
    const lines = (await text(await download.createReadStream())).trim().split('\n');
    expect([lines.length, lines[0]]).toEqual([90, 'day,average,low,high,is_final']);
    expect(lines[1]).toMatch(/^2026-08-26,[\d.]+,[\d.]+,[\d.]+,true$/);
  });

  test('refreshes itself, keeps what was chosen, and stops when asked to', async () => {
    await page.locator('#currency-1').check({ force: true });
    const before = hits;
    await Promise.all([page.waitForEvent('load'), page.clock.fastForward(REFRESH_SECONDS * 1000)]);
    expect(hits).toBe(before + 1);
    expect(await page.locator('#currency-1').isChecked()).toBe(true);
    await page.locator('#refresh').uncheck();
    await page.clock.fastForward(3 * REFRESH_SECONDS * 1000);
    expect(hits).toBe(before + 1);
  });

  test('is ruled by the keyboard alone; without a script it shows the first chart', async () => {
    for (const javaScriptEnabled of [true, false]) {
      const context = await browser.newContext({ javaScriptEnabled });
      const still = await context.newPage();
      await still.goto(url);
      const label = () => still.locator('.chart').getAttribute('aria-label');
      expect(await label()).toMatch(/^Bitcoin in USD, 2026-08-26 to 2026-11-23/);
      if (javaScriptEnabled) {
        await still.keyboard.press('Tab');
        await still.keyboard.press('ArrowRight');
        expect(await label()).toMatch(/^Bitcoin in TRY/);
        await still.locator('[name=coin]:checked').focus();
        await still.keyboard.press('ArrowDown');
        expect(await label()).toMatch(/^Dogecoin in TRY/);
      }
      await context.close();
    }
  });

  test('loads 250 coins in 10 currencies within a second, finds a coin, and scrolls no long name sideways at 375 px', async () => {
    const [series] = makeData().series;
    const coins = Array.from({ length: 250 }, (_, index) => ({
      ...{ id: `coin-${index}`, symbol: `c${index}`, name: index === 0 ? 'Unbroken'.repeat(20) : `Number ${index}` },
    }));
    const currencies = Array.from({ length: 10 }, (_, index) => ({ code: `c${index}`, name: 'Money'.repeat(12) }));
    large = {
      ...makeData(),
      universe: { coins, currencies },
      series: coins.flatMap(({ id }) =>
        currencies.flatMap(({ code }) => (series ? { ...series, coin: id, currency: code } : [])),
      ),
    };
    const context = await browser.newContext({ viewport: { width: 375, height: 800 } });
    const wide = await context.newPage();
    await wide.goto(`${url}/large`);
    const took = await wide.evaluate<number>(
      "performance.getEntriesByType('navigation')[0].loadEventEnd - performance.getEntriesByType('navigation')[0].responseStart",
    );
    expect(took).toBeLessThan(1_000);
    expect(await wide.evaluate('document.querySelectorAll("*").length')).toBeLessThan(20_000);
    expect(await wide.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    await wide.locator('#search').fill('number 17');
    expect(await wide.locator('.coins tbody tr:visible').count()).toBe(11);
    await context.close();
  });
});
