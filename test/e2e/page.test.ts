import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import axe, { type AxeResults } from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { PageData } from '../../local/page/read-page-data.ts';
import { readPageData } from '../../local/page/read-page-data.ts';
import { renderPage } from '../../local/page/render-page.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { startTestIngestion, type TestIngestion } from '../support/test-ingestion.ts';
import { TWO_COINS } from '../support/two-coins.ts';

const NOW = '2026-11-23T02:00:00Z';
const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const REFRESH_SECONDS = 60;

const hasBrowser = existsSync(CHROMIUM);
if (!hasBrowser)
  console.warn(`There is no ${CHROMIUM}: the page is not tested in a browser (Debian has it as chromium).`);

/** A month of two coins, an older week that was asked for, findings, and a day that the source doesn't have. */
async function makeData(ingestion: TestIngestion): Promise<PageData> {
  const { runId } = (await ingestion.run()).verdict;
  await ingestion.run({ trigger: 'cli', request: { from: '2026-08-01', to: '2026-08-07' } });
  ingestion.simulator.setFaults(() => ({ kind: 'reply', status: 404, body: { error: 'coin not found' } }));
  await ingestion.clock.advance(24 * 3_600_000);
  await ingestion.run();
  const bitcoin = { coin_id: 'bitcoin', currency: 'usd', run_id: runId };
  await ingestion.database.db
    .insertInto('quality_findings')
    .values([
      { ...bitcoin, rule: 'currency', severity: 'error', day: '2026-11-03', detail: 'The rate is 16.3 % off.' },
      { ...bitcoin, rule: 'frozen', severity: 'warning', day: '2026-11-04', detail: '24 hours without any change.' },
    ])
    .execute();
  const data = await readPageData(ingestion.database, {
    now: ingestion.clock.now(),
    universe: TWO_COINS,
    monthlyCredits: 10_000,
  });
  const observedAt = new Date(ingestion.clock.now() - 120_000).toISOString();
  const unknown = { marketCap: null, volume24h: null };
  return {
    ...data,
    unavailableDays: [{ coin: 'dogecoin', currency: 'eur', day: '2026-11-02', reason: 'Two answers without it.' }],
    status: {
      ...data.status,
      latestPrices: [
        { coin: 'bitcoin', currency: 'usd', price: 91_234.5, change24hPercent: -1.25, ...unknown, observedAt },
      ],
    },
  };
}

(hasBrowser ? describe : describe.skip)(`the page in a browser (needs ${CHROMIUM})`, () => {
  let testDatabase: TestDatabase;
  let server: Server;
  let url: string;
  let hits = 0;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    const ingestion = await startTestIngestion({ databaseUrl: testDatabase.url, now: NOW });
    const data = await makeData(ingestion).finally(() => ingestion.close());
    server = createServer(({ url: path }, response) => {
      hits += 1;
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(renderPage(data, path === '/refreshing' ? { refreshSeconds: REFRESH_SECONDS } : {}));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: FLAGS,
      ignoreDefaultArgs: ['--hide-scrollbars'],
    });
  });
  afterAll(async () => {
    await browser?.close();
    await new Promise((resolve) => server.close(resolve));
    await testDatabase.drop();
  });
  beforeEach(async () => {
    page = await browser.newPage();
  });
  afterEach(() => page.close());

  const LOOKS = [
    { width: 1280, colorScheme: 'light', media: 'screen' },
    { width: 1280, colorScheme: 'dark', media: 'screen' },
    { width: 400, colorScheme: 'light', media: 'screen' },
    { width: 400, colorScheme: 'dark', media: 'screen' },
    { width: 794, colorScheme: 'light', media: 'print' },
  ] as const;

  async function open({ width, ...media }: (typeof LOOKS)[number], path = '/'): Promise<void> {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia(media);
    await page.goto(`${url}${path}`);
  }

  test.each(LOOKS)('is accessible at %o', async (look) => {
    await open(look, '/refreshing');
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate<AxeResults>('axe.run()');
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  });

  test.each(LOOKS)('shows whole numbers and dates at %o, and scrolls visibly where it must', async (look) => {
    await open(look);
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
    if (look.width === 400) expect(bars).not.toEqual([]);
    if (look.media === 'print') expect(bars).toEqual([]);
  });

  test('printed, keeps its columns and colours', async () => {
    await open(LOOKS[4]);
    const [chart, table] = [
      await page.locator('.chart:visible').boundingBox(),
      await page.locator('.coins').boundingBox(),
    ];
    expect(table?.x).toBeGreaterThan((chart?.x ?? 0) + (chart?.width ?? 0));
    expect(await page.evaluate("getComputedStyle(document.querySelector('.day-final')).printColorAdjust")).toBe(
      'exact',
    );
  });

  test('is ruled by the keyboard alone, without a script', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const still = await context.newPage();
    await still.goto(url);
    const chart = still.locator('.chart:visible');
    await still.keyboard.press('Tab');
    expect(await chart.getAttribute('aria-label')).toMatch(/^Bitcoin in USD, 2026-10-25 to 2026-11-24/);
    await still.keyboard.press('ArrowRight');
    await still.keyboard.press('ArrowRight');
    expect(await chart.getAttribute('aria-label')).toMatch(/^Bitcoin in USD, 2026-08-01 to 2026-11-24/);
    await still.keyboard.press('Tab');
    await still.keyboard.press('ArrowRight');
    expect(await chart.getAttribute('aria-label')).toMatch(/^Bitcoin in EUR/);
    await still.locator('[name=coin]:checked').focus();
    await still.keyboard.press('ArrowDown');
    expect(await chart.getAttribute('aria-label')).toMatch(/^Dogecoin in EUR/);
    expect(await chart.count()).toBe(1);
    await context.close();
  });

  test('a click on a run selects its whole id', async () => {
    await open(LOOKS[0]);
    const id = page.locator('.id').first();
    await id.click();
    expect(await page.evaluate('getSelection().toString()')).toBe(await id.textContent());
    expect(await id.textContent()).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
  });

  test('a chart gives its numbers as a file', async () => {
    await open(LOOKS[0]);
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('a[download]:visible').click()]);
    expect(download.suggestedFilename()).toBe('bitcoin-usd-2026-10-25-to-2026-11-24.csv');
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk);
    const lines = Buffer.concat(chunks).toString().trim().split('\n');
    expect(lines[0]).toBe('day,average,low,high,is_final');
    expect(lines[1]).toMatch(/^2026-10-25,[\d.]+,[\d.]+,[\d.]+,true$/);
  });

  test('refreshes itself, keeps what was chosen, and stops when asked to', async () => {
    await page.clock.install();
    await open(LOOKS[0], '/refreshing');
    await page.locator('#currency-1').check({ force: true });
    const before = hits;
    await Promise.all([page.waitForEvent('load'), page.clock.fastForward(REFRESH_SECONDS * 1000)]);
    expect(hits).toBe(before + 1);
    expect(await page.locator('#currency-1').isChecked()).toBe(true);
    await page.locator('#refresh').uncheck();
    await page.clock.fastForward(3 * REFRESH_SECONDS * 1000);
    expect(hits).toBe(before + 1);
  });
});
