import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readDailyPrices, readLatestPrices } from '../../ingestion/database/prices.ts';
import { createRepositories } from '../../ingestion/database/repositories.ts';
import { daysFrom } from '../../ingestion/domain/day.ts';
import { seriesName } from '../../ingestion/domain/series.ts';
import { explainStored } from '../../ingestion/replay/explain-day.ts';
import { recompute } from '../../ingestion/replay/recompute-days.ts';
import { explanationText } from '../../local/output/replay-text.ts';
import { emptyTables, useTestDatabase } from '../support/test-database.ts';
import { startTestIngestion, type TestIngestion } from '../support/test-ingestion.ts';
import { DEFAULT_UNIVERSE } from '../support/universe.ts';

const NOW = '2026-11-23T02:00:00Z';
const coin = (id: string) => ({ id, symbol: id.slice(0, 3), name: id });
const THREE_BY_THREE = {
  coins: ['bitcoin', 'ethereum', 'dogecoin'].map(coin),
  currencies: ['usd', 'eur', 'try'].map((code) => ({ code, name: code })),
};

const testDatabase = await useTestDatabase();
let ingestion: TestIngestion;
beforeEach(() => emptyTables(testDatabase));
afterEach(() => ingestion.close());

const start = async (options: Partial<Parameters<typeof startTestIngestion>[0]> = {}) => {
  const usual = { databaseUrl: testDatabase.url, now: NOW, universe: THREE_BY_THREE, crossRates: true };
  ingestion = await startTestIngestion({ ...usual, ...options });
};
const restart = async (options: Parameters<typeof start>[0]) => {
  await ingestion.close();
  await start(options);
};
const verdictOf = async (...args: Parameters<TestIngestion['run']>) => (await ingestion.run(...args)).verdict;

/** The series that were asked for, in the order of arrival; requests side by side may arrive in any. */
const charts = () =>
  ingestion.simulator.requests
    .filter(({ path }) => path.includes('market_chart'))
    .map(({ path, query }) => `${path.split('/').at(-3)}/${query['vs_currency']}`);
const sorted = (names: readonly string[]) => [...names].sort();
const rows = () => readDailyPrices(ingestion.database, { from: '2026-01-01', to: '2026-12-31' });
const origins = async () => {
  const stored = await ingestion.database.db
    .selectFrom('daily_prices')
    .select(['coin_id', 'currency', 'source', ({ fn }) => fn.countAll<number>().as('days')])
    .where('is_final', '=', true)
    .groupBy(['coin_id', 'currency', 'source'])
    .execute();
  return Object.fromEntries(stored.map((one) => [`${one.coin_id}/${one.currency} ${one.source}`, one.days]));
};
const fail = (which: (name: string) => boolean, kind: 'server_error' | 'not_found' = 'not_found') =>
  ingestion.simulator.setFaults(({ path, query }) => {
    const name = `${path.split('/').at(-3)}/${query['vs_currency']}`;
    if (!path.includes('market_chart') || !which(name)) return null;
    return kind === 'not_found' ? { kind: 'reply', status: 404, body: { error: 'coin not found' } } : { kind };
  });

test('the default universe takes 15 requests, those of the reference first', async () => {
  await start({ universe: DEFAULT_UNIVERSE, latestPrices: true, simulator: { hasFixedRates: true } });
  const verdict = await verdictOf();
  expect(verdict).toMatchObject({
    ...{ status: 'complete', missingDays: 0, expectedDays: 44 * 30, requests: 15, credits: 15 },
    ...{ crossRateDays: 30 * 31, latestPrices: 44, findings: [] },
  });
  expect(sorted(charts().slice(0, 4))).toEqual(['bitcoin/eur', 'bitcoin/gbp', 'bitcoin/try', 'bitcoin/usd']);
});

test('every row equals the one that is asked for itself', async () => {
  await start({ simulator: { hasFixedRates: true } });
  await ingestion.run();
  const derived = await rows();
  await restart({ crossRates: false, simulator: { hasFixedRates: true } });
  await emptyTables(testDatabase);
  expect(await verdictOf()).toMatchObject({ status: 'complete', requests: 9, crossRateDays: 0 });
  const direct = new Map((await rows()).map((row) => [`${seriesName(row)} ${row.day}`, row]));
  expect(derived.length).toBe(direct.size);
  for (const row of derived) {
    const same = direct.get(`${seriesName(row)} ${row.day}`);
    for (const field of ['open', 'high', 'low', 'close', 'average', 'volume'] as const)
      expect(Math.abs(Number(row[field]) / Number(same?.[field]) - 1)).toBeLessThan(1e-9);
    for (const field of ['sampleCount', 'hoursCovered', 'firstSampleAt', 'lastSampleAt', 'isFinal', 'isThin'] as const)
      expect(row[field]).toEqual(same?.[field]);
    const isDerived = row.coin !== 'bitcoin' && row.currency !== 'usd';
    expect(row.marketCap).toEqual(isDerived ? null : same?.marketCap);
  }
});

describe('a request by hand', () => {
  test('for one derived series asks for the three answers that it is made from, and no more', async () => {
    await start();
    const request = { from: '2026-11-10', to: '2026-11-12', coins: ['dogecoin'], currencies: ['try'] };
    const verdict = await verdictOf({ trigger: 'http', request });
    expect(verdict).toMatchObject({ status: 'complete', expectedDays: 3, missingDays: 0, crossRateDays: 3 });
    expect(sorted(charts())).toEqual(['bitcoin/try', 'bitcoin/usd', 'dogecoin/usd']);
    expect(await origins()).toMatchObject({ 'dogecoin/try cross_rate': 3 });
  });

  test('to fetch again asks for each answer once, and a final direct row stays', async () => {
    await start({ crossRates: false });
    await ingestion.run();
    await restart({ simulator: { history: { revision: { from: '2026-11-01', factor: 1.05 } } } });
    const request = { from: '2026-11-10', to: '2026-11-12', coins: ['dogecoin'], refetch: true };
    const verdict = await verdictOf({ trigger: 'http', request });
    expect(verdict).toMatchObject({ status: 'complete', missingDays: 0, crossRateDays: 0 });
    expect(sorted(charts())).toEqual(['bitcoin/eur', 'bitcoin/try', 'bitcoin/usd', 'dogecoin/usd']);
    expect(await origins()).toMatchObject({ 'dogecoin/try direct': 30, 'dogecoin/eur direct': 30 });
  });
});

test('windows that differ between the coins are served by the reference over all of them', async () => {
  await start();
  await ingestion.run();
  const { db } = ingestion.database;
  await db.deleteFrom('daily_prices').where('coin_id', '=', 'ethereum').where('day', '=', '2026-10-28').execute();
  await db.deleteFrom('daily_prices').where('coin_id', '=', 'dogecoin').where('day', '=', '2026-11-20').execute();
  const before = charts().length;
  const verdict = await verdictOf();
  expect(verdict).toMatchObject({ status: 'complete', missingDays: 0, crossRateDays: 4 });
  expect(sorted(charts().slice(before))).toEqual([
    ...['bitcoin/eur', 'bitcoin/try', 'bitcoin/usd', 'dogecoin/usd', 'ethereum/usd'],
  ]);
});

test('a day is derived only where the reference was answered for it in both currencies', async () => {
  await start();
  await ingestion.run();
  // Of dogecoin the days about the end of the first window, of ethereum all: the reference needs two windows, of which the second fails.
  const request = { from: '2026-05-01', to: '2026-08-08', currencies: ['try'] };
  const atTheEdge = { from: '2026-07-20', to: '2026-07-30' };
  await ingestion.run({ trigger: 'cli', request: { ...request, coins: ['dogecoin'] } });
  const { db } = ingestion.database;
  await db
    .deleteFrom('daily_prices')
    .where('coin_id', '=', 'dogecoin')
    .where('currency', '=', 'try')
    .where('day', '>=', atTheEdge.from)
    .where('day', '<=', atTheEdge.to)
    .execute();
  const secondWindow = String(Date.parse('2026-07-24T12:00:00Z') / 1000);
  ingestion.simulator.setFaults(({ path, query }) =>
    path.includes('bitcoin') && String(query['from']) >= secondWindow
      ? { kind: 'reply', status: 404, body: { error: 'coin not found' } }
      : null,
  );
  const { verdict } = await ingestion.run({ trigger: 'cli', request: { ...request, coins: ['ethereum', 'dogecoin'] } });
  expect(verdict).toMatchObject({
    status: 'partial',
    series: expect.arrayContaining([expect.objectContaining({ status: 'failed' })]),
  });
  const stored = await db
    .selectFrom('daily_prices')
    .select(['day', 'hours_covered', 'is_final'])
    .where('coin_id', '=', 'dogecoin')
    .where('currency', '=', 'try')
    .where('day', '>=', atTheEdge.from)
    .where('day', '<=', atTheEdge.to)
    .orderBy('day')
    .execute();
  expect(stored.map(({ day }) => day)).toEqual(daysFrom('2026-07-20', '2026-07-25'));
  expect(new Set(stored.map(({ hours_covered, is_final }) => `${hours_covered} ${is_final}`))).toEqual(
    new Set(['24 true']),
  );
  ingestion.simulator.setFaults([]);
  await ingestion.clock.advance(61_000);
  const healed = await ingestion.run({ trigger: 'cli', request: { ...request, coins: ['ethereum', 'dogecoin'] } });
  expect(healed.verdict).toMatchObject({ status: 'complete', missingDays: 0 });
});

test('currencies that are no state’s money are fetched for every coin', async () => {
  const currencies = ['usd', 'eur', 'btc', 'xau'].map((code) => ({ code, name: code }));
  await start({ universe: { ...THREE_BY_THREE, currencies } });
  expect((await ingestion.run()).verdict).toMatchObject({ status: 'complete', missingDays: 0 });
  const ofOthers = ['ethereum', 'dogecoin'].flatMap((id) => ['btc', 'usd', 'xau'].map((code) => `${id}/${code}`));
  expect(sorted(charts())).toEqual(sorted([...currencies.map(({ code }) => `bitcoin/${code}`), ...ofOthers]));
  expect(await origins()).toMatchObject({ 'ethereum/xau direct': 30, 'ethereum/eur cross_rate': 30 });
});

test('the first coin that fails in one currency fails what is derived with it, for the same reason, and nothing else', async () => {
  await start();
  fail((name) => name === 'bitcoin/eur');
  const { verdict, failures } = await ingestion.run({ triggerKey: 'one' });
  expect(verdict).toMatchObject({ status: 'partial', missingDays: 90 });
  const failed = verdict.series.filter(({ status }) => status === 'failed');
  expect(failed.map(seriesName)).toEqual(['bitcoin/eur', 'ethereum/eur', 'dogecoin/eur']);
  expect(failed.at(-1)?.error).toMatch(/^There is no rate for it: .*bitcoin\/eur/);
  expect(failures).toEqual(['not_found']);
  // Delivered again, nothing of it is asked for: the source would answer the same way.
  const before = charts().length;
  await ingestion.run({ triggerKey: 'one', isRedelivery: true });
  expect(charts().slice(before)).toEqual([]);
  // The next run finds it healed.
  ingestion.simulator.setFaults([]);
  expect(await verdictOf()).toMatchObject({ status: 'complete', missingDays: 0 });
});

test('a run that is cut in the middle and continued asks for nothing twice', async () => {
  await start();
  fail((name) => name === 'dogecoin/usd', 'server_error');
  expect(await verdictOf({ triggerKey: 'cut' })).toMatchObject({ status: 'partial', missingDays: 90 });
  ingestion.simulator.setFaults([]);
  const before = charts().length;
  const verdict = await verdictOf({ triggerKey: 'cut', isRedelivery: true });
  expect(charts().slice(before)).toEqual(['dogecoin/usd']);
  expect(verdict).toMatchObject({ status: 'complete', missingDays: 0, crossRateDays: 4 * 31 });
  const ofDogecoin = ingestion.database.db.selectFrom('daily_prices').where('coin_id', '=', 'dogecoin');
  const ids = await ofDogecoin.select('answer_ids').where('currency', '=', 'eur').executeTakeFirstOrThrow();
  expect(new Set(ids.answer_ids)).toHaveProperty('size', 3);
});

describe('switching the setting', () => {
  test('on: a day with a provisional direct row becomes final by a cross rate', async () => {
    await start({ crossRates: false, now: '2026-11-23T00:30:00Z' });
    await ingestion.run();
    await restart({ now: '2026-11-24T02:00:00Z' });
    expect(await verdictOf()).toMatchObject({ status: 'complete', missingDays: 0 });
    expect(await origins()).toMatchObject({ 'dogecoin/try direct': 29, 'dogecoin/try cross_rate': 2 });
  });

  test('off: final rows by cross rates stay, and a direct one that is asked for replaces them', async () => {
    await start();
    await ingestion.run();
    await restart({ crossRates: false });
    expect(await verdictOf()).toMatchObject({ status: 'complete', requests: 0 });
    const request = { from: '2026-11-10', to: '2026-11-12', coins: ['dogecoin'], currencies: ['try'], refetch: true };
    expect(await verdictOf({ trigger: 'http', request })).toMatchObject({ status: 'complete' });
    expect(await origins()).toMatchObject({ 'dogecoin/try direct': 3, 'dogecoin/try cross_rate': 27 });
    const revisions = await ingestion.database.db.selectFrom('daily_price_revisions').selectAll().execute();
    expect(revisions.map(({ day, source }) => [day, source])).toEqual(
      ['2026-11-10', '2026-11-11', '2026-11-12'].map((day) => [day, 'cross_rate']),
    );
  });
});

test('days before a coin was listed become unavailable in every currency', async () => {
  const listedSince = { dogecoin: '2026-11-10' };
  await start({ simulator: { history: { listedSince } } });
  const verdict = await verdictOf();
  const before = 17;
  expect(verdict).toMatchObject({ status: 'complete', missingDays: 0, unconfirmedDays: 3 * before });
  await restart({ now: '2026-11-24T02:00:00Z', simulator: { history: { listedSince } } });
  expect(await verdictOf()).toMatchObject({ status: 'complete', unavailableDays: 3 * before });
});

test('a rate that is a fault for a moment is told, and no row is made with it', async () => {
  await start({ simulator: { hasFixedRates: true } });
  ingestion.simulator.setFaults(({ path, query }) =>
    path.includes('bitcoin') && query['vs_currency'] === 'eur' ? { kind: 'spike' } : null,
  );
  const verdict = await verdictOf();
  expect(verdict.findings.filter(({ rule }) => rule === 'cross_rate')).toEqual([
    expect.objectContaining({ rule: 'cross_rate', coin: null, currency: 'eur', severity: 'warning' }),
  ]);
  const spoilt = (await rows()).filter(({ high, low }) => high > 1.9 * low);
  expect(spoilt.map(seriesName)).toEqual([]);
});

describe('explain and recompute', () => {
  const SERIES = { coin: 'dogecoin', currency: 'try' };
  const DAY = '2026-11-20';

  test('read all answers that a row was made from, and come to the same to the last digit', async () => {
    await start();
    await ingestion.run();
    const explained = await explainStored(ingestion.database.db, SERIES, DAY);
    expect(explained).toMatchObject({ agrees: true, differences: [], answer: { coin: 'dogecoin', currency: 'usd' } });
    expect(explained.references.map(seriesName)).toEqual(['bitcoin/usd', 'bitcoin/try']);
    expect(explanationText(explained)).toMatch(/Answer \d+ for bitcoin\/try of run .*\n.*intact\.\nEach sample in usd/);

    const { db } = ingestion.database;
    const change = db.updateTable('daily_prices').where('coin_id', '=', 'dogecoin').where('currency', '=', 'try');
    await change.set({ aggregation_version: 1, close: '0.00001', low: '0.00001' }).where('day', '=', DAY).execute();
    const repositories = createRepositories(ingestion.database, { clock: ingestion.clock });
    const recomputed = await recompute(ingestion.database, repositories, new AbortController().signal);
    expect(recomputed).toMatchObject({ outdated: 1, renewed: 1, kept: [], withoutAnswer: [] });
    expect(await explainStored(db, SERIES, DAY)).toMatchObject({ agrees: true, stored: { revision: 1 } });
    expect(await origins()).toMatchObject({ 'dogecoin/try cross_rate': 30 });

    await db.deleteFrom('answers').where('coin_id', '=', 'bitcoin').where('currency', '=', 'try').execute();
    expect(await explainStored(db, SERIES, DAY)).toMatchObject({ agrees: false, answer: null, explanation: null });
  });
});

describe('latest prices', () => {
  test('end a full run, by one request; those that the source leaves out are told', async () => {
    const simulated = { ...THREE_BY_THREE, coins: THREE_BY_THREE.coins.slice(0, 2) };
    await start({ crossRates: false, latestPrices: true, simulator: { universe: simulated } });
    const verdict = await verdictOf();
    expect(verdict).toMatchObject({ status: 'partial', latestPrices: 6, requests: 9 + 1 });
    expect(ingestion.events).toContainEqual({
      kind: 'latest_left_out',
      series: ['usd', 'eur', 'try'].map((currency) => ({ coin: 'dogecoin', currency })),
    });
    const latest = await readLatestPrices(ingestion.database);
    expect(latest).toHaveLength(6);
    expect(latest[0]).toMatchObject({ coin: 'bitcoin', currency: 'eur', observedAt: Date.parse(NOW) });
  });

  test('only newer ones replace what is known; their failure changes no verdict', async () => {
    await start({ crossRates: false, latestPrices: true });
    await ingestion.run();
    const { db } = ingestion.database;
    await db.updateTable('latest_prices').set({ price: '1', observed_at: '2027-01-01T00:00:00Z' }).execute();
    expect(await verdictOf()).toMatchObject({ status: 'complete', latestPrices: 9, requests: 1 });
    expect((await readLatestPrices(ingestion.database)).every(({ price }) => price === 1)).toBe(true);
    ingestion.simulator.setFaults([{ kind: 'server_error' }]);
    expect(await verdictOf()).toMatchObject({ status: 'complete', latestPrices: null, requests: 1 });
    expect(ingestion.events.at(-1)).toMatchObject({ kind: 'latest_failed' });
  });

  test('prove the rates where prices are derived: a coin of another rate is told', async () => {
    await start({ simulator: { hasFixedRates: true } });
    const revision = { from: '2026-11-22', factor: 1.02, coin: 'ethereum', currency: 'eur' };
    ingestion.simulator.setHistory({ revision });
    const verdict = await verdictOf();
    expect(verdict.findings).toEqual([
      expect.objectContaining({ rule: 'cross_rate', coin: 'ethereum', currency: 'eur', severity: 'warning' }),
    ]);
  });
});
