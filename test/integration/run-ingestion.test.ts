import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { createCoinGeckoClient } from '../../ingestion/coingecko/client.ts';
import { createRateLimiter } from '../../ingestion/coingecko/rate-limiter.ts';
import { addDays, DAY_MS, dayOf, daysFrom, HOUR_MS, MINUTE_MS } from '../../ingestion/domain/day.ts';
import { RefusedError, SourceError } from '../../ingestion/domain/failure.ts';
import { seriesName } from '../../ingestion/domain/series.ts';
import type { RunDependencies } from '../../ingestion/ports.ts';
import { readTriagedStatus } from '../../ingestion/triage.ts';
import { emptyTables, useTestDatabase } from '../support/test-database.ts';
import { startTestIngestion, type TestIngestion } from '../support/test-ingestion.ts';
import { TWO_COINS } from '../support/two-coins.ts';

const NOW = '2026-11-23T02:00:00Z';
const YESTERDAY = '2026-11-22';
const HOURS_20_MS = 20 * HOUR_MS;

const testDatabase = await useTestDatabase();
let ingestion: TestIngestion;
beforeEach(async () => {
  await emptyTables(testDatabase);
  ingestion = await startTestIngestion({ databaseUrl: testDatabase.url, now: NOW });
});
afterEach(async () => {
  await ingestion.close();
});

const restart = async (options: Partial<Parameters<typeof startTestIngestion>[0]>) => {
  await ingestion.close();
  ingestion = await startTestIngestion({ databaseUrl: testDatabase.url, now: NOW, ...options });
};

const verdictOf = async (...args: Parameters<TestIngestion['run']>) => (await ingestion.run(...args)).verdict;

const allRows = () =>
  ingestion.database.db
    .selectFrom('daily_prices')
    .selectAll()
    .orderBy('coin_id')
    .orderBy('currency')
    .orderBy('day')
    .execute();

const clientOf = (clock: TestIngestion['clock'] = ingestion.clock) =>
  createCoinGeckoClient({ baseUrl: ingestion.simulator.baseUrl, keyHeader: null, apiKey: null, clock });

/** Its days are settled by the clock that is that far ahead, as far back as hourly prices go. */
const requestAt = (aheadMs: number) =>
  aheadMs < 0
    ? {}
    : { from: dayOf(Date.parse(NOW) + aheadMs - 3 * DAY_MS), to: dayOf(Date.parse(NOW) + aheadMs - 2 * DAY_MS) };

/** PostgreSQL's own word for when a row was last written. */
const writtenBy = async () => {
  const written = sql`select coin_id, currency, day, xmin::text from daily_prices order by 1, 2, 3`;
  return (await written.execute(ingestion.database.db)).rows;
};
const runRow = (runId: string) =>
  ingestion.database.db.selectFrom('ingestion_runs').selectAll().where('id', '=', runId).executeTakeFirstOrThrow();

describe('a run', () => {
  test('fills 30 days of every series, and says complete', async () => {
    const verdict = await verdictOf();
    expect(verdict).toMatchObject({
      ...{ status: 'complete', expectedDays: 120, storedDays: 120, missingDays: 0, error: null },
      ...{ requests: 4, credits: 4, retries: 0 },
    });
    expect(verdict.series).toHaveLength(4);
    const rows = await allRows();
    expect(new Set(rows.filter(({ is_final }) => is_final).map(({ day }) => day))).toEqual(
      new Set(daysFrom('2026-10-24', YESTERDAY)),
    );
    // It lies in the window that was fetched anyway. Of the days of its margin there are no rows.
    expect(rows.filter(({ is_final }) => !is_final).map(({ day }) => day)).toEqual(Array(4).fill('2026-11-23'));
    expect(verdict.rowsWritten).toBe(rows.length);
  });

  test('after a complete run there is nothing to ask for or to write, until the next day costs one request a series', async () => {
    await ingestion.run();
    const written = await writtenBy();
    for (const hours of [4, 17]) {
      await ingestion.clock.advance(hours * HOUR_MS);
      const verdict = await verdictOf();
      expect(verdict).toMatchObject({ status: 'complete', requests: 0, rowsWritten: 0, expectedDays: 120 });
    }
    expect(await writtenBy()).toEqual(written);
    await ingestion.clock.advance(3 * HOUR_MS);
    const verdict = await verdictOf();
    expect(verdict).toMatchObject({ status: 'complete', requests: 4, expectedDays: 124, missingDays: 0 });
  });
});

describe('a run that cannot have everything', () => {
  test('what may pass is asked again, and nothing of it is stored', async () => {
    ingestion.simulator.setFaults((['server_error', 'reset', 'html', 'truncated'] as const).map((kind) => ({ kind })));
    const verdict = await verdictOf();
    expect(verdict).toMatchObject({ status: 'complete', retries: 4, requests: 8 });
    expect(await ingestion.database.db.selectFrom('answers').selectAll().execute()).toHaveLength(4);
  });

  test('429s slow the rest of the run down, are counted, and end in a complete run', async () => {
    const further = Array.from({ length: 7 }, () => ({ kind: 'rate_limited', retryAfterSeconds: 0 }) as const);
    ingestion.simulator.setFaults([{ kind: 'rate_limited', retryAfterSeconds: 7 }, ...further]);
    const verdict = await verdictOf();
    expect(verdict).toMatchObject({ status: 'complete', rateLimited: 8, retries: 8, credits: 4 });
    expect(ingestion.events).toContainEqual({ kind: 'slowed', limit: 7_500, pauseMs: 7_000 });
  });

  test('a wrong key stops the run at once', async () => {
    await restart({ simulator: { universe: TWO_COINS, plan: 'paid', now: () => Date.parse(NOW) } });
    const result = await ingestion.run();
    expect(result.verdict.status).toBe('failed');
    expect(result.failures).toEqual(['wrong_key']);
    expect(ingestion.simulator.requests).toHaveLength(1);
    // A later hop of the same run has nothing to learn from more than one either.
    await ingestion.run({ triggerKey: 'http:again' });
    expect(ingestion.simulator.requests).toHaveLength(2);
  });

  test('without a network the run is recorded as failed, with a sentence', async () => {
    await ingestion.simulator.close();
    const { verdict, failures } = await ingestion.run();
    expect(verdict).toMatchObject({ status: 'failed', storedDays: 0, missingDays: 120 });
    expect(failures).toEqual(expect.arrayContaining(['network']));
    expect((await runRow(verdict.runId)).error).toMatch(/could not be reached|refused/i);
    await restart({});
    expect((await verdictOf()).status).toBe('complete');
  });

  test('a day that the source does not have is unconfirmed, and unavailable after a second answer 20 h later', async () => {
    const hole = { coin: 'dogecoin', day: '2026-11-10' };
    ingestion.simulator.setHistory({ daysWithoutData: [hole] });
    const unconfirmed = { status: 'complete', expectedDays: 120, storedDays: 118, missingDays: 0, unconfirmedDays: 2 };
    expect(await verdictOf()).toMatchObject({ ...unconfirmed, unavailableDays: 0 });
    await ingestion.clock.advance(HOURS_20_MS - HOUR_MS);
    // Asked for again by every run.
    expect(await verdictOf()).toMatchObject({ ...unconfirmed, requests: 2, unavailableDays: 0 });
    await ingestion.clock.advance(2 * HOUR_MS);
    const confirmed = { status: 'complete', unconfirmedDays: 0, unavailableDays: 2, expectedDays: 118 };
    expect(await verdictOf()).toMatchObject(confirmed);
    // Looked for again by request: expected until it was asked for, whatever becomes of that.
    const request = { from: hole.day, to: hole.day, refetch: true };
    ingestion.simulator.setFaults(() => ({ kind: 'reply', status: 404, body: { error: 'coin not found' } }));
    const notHad = { status: 'failed', expectedDays: 2, storedDays: 0, missingDays: 2, unavailableDays: 0 };
    expect(await verdictOf({ trigger: 'cli', request: { ...request, coins: ['dogecoin'] } })).toMatchObject(notHad);
    // Found: the row is there and nothing is unavailable any more.
    ingestion.simulator.setFaults([]);
    ingestion.simulator.setHistory({});
    const found = { status: 'complete', expectedDays: 4, unavailableDays: 0 };
    expect(await verdictOf({ trigger: 'cli', request })).toMatchObject(found);
    expect(await verdictOf()).toMatchObject({ status: 'complete', expectedDays: 120 });
  });

  test('a thin day counts as stored, is asked for once by every run, and is taken as it is after 72 h', async () => {
    const hours = daysFrom('2026-01-01', '2026-01-10').map((_, hour) => hour);
    ingestion.simulator.setHistory({ daysWithoutData: [{ coin: 'bitcoin', currency: 'usd', day: YESTERDAY, hours }] });
    const thin = { status: 'complete', thinDays: 1 };
    expect(await verdictOf()).toMatchObject({ ...thin, storedDays: 120 });
    for (const trigger of ['schedule', 'cli'] as const)
      expect(await verdictOf({ trigger })).toMatchObject({ ...thin, requests: 1, rowsWritten: 0 });
    await ingestion.clock.advance(72 * HOUR_MS);
    expect(await verdictOf()).toMatchObject({ status: 'complete', thinDays: 0, missingDays: 0 });
    const [row] = (await allRows()).filter(
      (one) => one.day === YESTERDAY && one.coin_id === 'bitcoin' && one.currency === 'usd',
    );
    expect(row).toMatchObject({ is_final: true, is_thin: true, hours_covered: 14 });
  });

  test('what is answered for good fails alone, by name, and costs one request a run, also when it is delivered again', async () => {
    const faults = {
      daily: { kind: 'daily' },
      empty: { kind: 'empty' },
      renamed: { kind: 'reply', status: 404, body: { error: 'coin not found' } },
    } as const;
    const others = Object.keys(faults).map((id) => ({ id, symbol: id, name: id }));
    await restart({ universe: { ...TWO_COINS, coins: [...TWO_COINS.coins, ...others] } });
    ingestion.simulator.setFaults(({ path }) => faults[path.split('/').at(-3) as keyof typeof faults] ?? null);
    const first = await ingestion.run({ triggerKey: 'once' });
    const counted = { requests: 10, retries: 0, storedDays: 120, missingDays: 180 };
    expect(first.verdict).toMatchObject({ status: 'partial', ...counted });
    expect(first.failures.toSorted()).toEqual(['empty', 'not_found', 'wrong_granularity']);
    const failed = first.verdict.series.filter(({ status }) => status === 'failed');
    expect(failed.map(({ coin }) => coin)).toEqual(Object.keys(faults).flatMap((id) => [id, id]));
    expect(failed.at(-1)?.error).toContain('renamed/eur');
    const again = await ingestion.run({ triggerKey: 'once', isRedelivery: true });
    expect(again.verdict).toMatchObject({ status: 'partial', requests: 10 });
    expect(again.failures).toEqual(first.failures);
    // A person who moves the message back has mended something: it is asked again.
    ingestion.simulator.setFaults([]);
    const redriven = await ingestion.run({ triggerKey: 'once' });
    expect(redriven.verdict).toMatchObject({ status: 'complete', requests: 16 });
  });
});

describe('the first request of a run', () => {
  /** A source that the test answers for, and how many requests were under way when each was sent. */
  const sourceThat = (answers: (name: string, nth: number) => 'answers' | 'is silent') => {
    const real = clientOf();
    const sent: string[] = [];
    const sideBySide: number[] = [];
    let open = 0;
    const fetchRange: typeof real.fetchRange = async (series, ...rest) => {
      sent.push(seriesName(series));
      open += 1;
      sideBySide.push(open);
      try {
        if (answers(seriesName(series), sent.length) === 'answers') return await real.fetchRange(series, ...rest);
        throw new SourceError('timeout', 'no answer');
      } finally {
        open -= 1;
      }
    };
    return { source: { ...real, fetchRange }, sent, sideBySide };
  };

  test('goes alone until one is answered', async () => {
    const { source, sideBySide } = sourceThat((_, nth) => (nth < 4 ? 'is silent' : 'answers'));
    expect((await ingestion.run({}, { source })).verdict).toMatchObject({ status: 'complete', retries: 3 });
    expect(sideBySide.slice(0, 4)).toEqual([1, 1, 1, 1]);
    expect(Math.max(...sideBySide)).toBeGreaterThan(1);
  });

  test('is another series’ after one without an answer: one that always times out blocks none', async () => {
    const { source, sent } = sourceThat((name) => (name === 'bitcoin/usd' ? 'is silent' : 'answers'));
    expect((await ingestion.run({}, { source })).verdict).toMatchObject({ status: 'partial', missingDays: 30 });
    expect(sent.slice(0, 2)).toEqual(['bitcoin/usd', 'bitcoin/eur']);
  });
});

describe('days that were asked for', () => {
  const request = { from: '2025-06-01', to: '2025-06-02', coins: ['bitcoin'], currencies: ['usd'] };
  const years = (count: number) => ({ limits: { monthlyCredits: null, historyDays: 365 * count } });

  test('survive a smaller plan, and are expected again with a larger one', async () => {
    ingestion.simulator.setFaults(({ query }) =>
      Number(query['from']) < Date.parse('2025-06-10') / 1000 ? { kind: 'server_error' } : null,
    );
    await ingestion.run({ trigger: 'cli', request }, years(2));
    ingestion.simulator.setFaults([]);
    const smaller = await ingestion.run({}, years(1));
    expect(smaller.verdict).toMatchObject({ status: 'complete', expectedDays: 120, findings: [{ rule: 'lost' }] });
    expect((await ingestion.run({}, years(1))).verdict.findings).toEqual([]);
    expect((await ingestion.run({}, years(2))).verdict).toMatchObject({ status: 'complete', expectedDays: 122 });
    expect((await allRows()).filter(({ day }) => day < '2026-01-01').map(({ day }) => day)).toEqual([
      '2025-06-01',
      '2025-06-02',
    ]);
  });

  test('are asked for again where they were called unavailable, and no longer so once a sample of them comes', async () => {
    const days = { ...request, from: '2026-10-01', to: '2026-10-02' };
    ingestion.simulator.setHistory({ daysWithoutData: [{ coin: 'bitcoin', day: days.from }] });
    for (const hours of [0, 21]) {
      await ingestion.clock.advance(hours * HOUR_MS);
      await ingestion.run({ trigger: 'cli', request: days });
    }
    expect((await ingestion.run()).verdict).toMatchObject({ unavailableDays: 1, missingDays: 0 });
    const asked = ingestion.simulator.requests.length;
    const still = await ingestion.run({ trigger: 'cli', request: days });
    expect([still.verdict.status, still.verdict.unavailableDays]).toEqual(['complete', 1]);
    expect(ingestion.simulator.requests).toHaveLength(asked + 1);
    ingestion.simulator.setHistory({});
    expect((await ingestion.run({ trigger: 'cli', request: days })).verdict).toMatchObject({
      status: 'complete',
      unavailableDays: 0,
    });
  });

  test('keep the rejected samples of the answer that their row was made from, and no others', async () => {
    const at = (hour: number) => Date.parse('2026-10-01') + hour * HOUR_MS + MINUTE_MS;
    const hours = Array.from({ length: 96 }, (_, index) => index - 36);
    const bodyWith = (odd: Record<number, number>) => ({ prices: hours.map((hour) => [at(hour), odd[hour] ?? 100]) });
    const rejected = () =>
      ingestion.database.db
        .selectFrom('rejected_samples')
        .select(['observed_at', 'reason'])
        .orderBy('observed_at')
        .execute();
    const fetch = async (odd: Record<number, number>) => {
      ingestion.simulator.setFaults(() => ({ kind: 'reply', status: 200, body: bodyWith(odd) }));
      const one = { from: '2026-10-01', to: '2026-10-01', coins: ['bitcoin'], currencies: ['usd'], refetch: true };
      await ingestion.run({ trigger: 'cli', request: one });
      return (await rejected()).map(({ observed_at, reason }) => [(observed_at.getTime() - at(0)) / HOUR_MS, reason]);
    };
    expect(await fetch({ 3: -1, 5: 9_000, 30: -1 })).toEqual([
      [3, 'not_positive'],
      [5, 'outlier'],
    ]);
    expect(await fetch({ 5: 9_000 })).toEqual([[5, 'outlier']]);
    // A worse answer changes neither the row nor what was rejected for it.
    expect(await fetch({ 1: -1, 2: -1, 3: -1, 5: 9_000 })).toEqual([[5, 'outlier']]);
    expect(await fetch({})).toEqual([]);
    const findings = await ingestion.database.db
      .selectFrom('quality_findings')
      .select('detail')
      .where('rule', '=', 'outliers')
      .execute();
    expect(findings).toHaveLength(1);
  });
});

describe("this machine's clock", () => {
  /** A run whose clock is that far ahead of the source's. */
  const runWith = async (aheadMs: number, order = {}) => {
    const clock = { ...ingestion.clock, now: () => ingestion.clock.now() + aheadMs };
    const dueAt = new Date(clock.now()).toISOString();
    return await verdictOf({ dueAt, ...order }, { clock, source: clientOf(clock), latestPrices: true });
  };
  const lasting = async () => {
    const { db } = ingestion.database;
    const counts = ['daily_prices', 'answers', 'unavailable_days', 'requested_ranges', 'latest_prices'] as const;
    const tracked = await db.selectFrom('series').select('tracked_since').execute();
    const rows = await Promise.all(counts.map((table) => db.selectFrom(table).selectAll().execute()));
    return { rows: rows.flat(), tracked: tracked.filter(({ tracked_since }) => tracked_since !== null) };
  };

  test('that is minutes off is reported, and changes nothing', async () => {
    const { status, findings } = await runWith(-6 * 60_000);
    expect([status, findings.map(({ rule }) => rule)]).toEqual(['complete', ['clock']]);
    expect(findings[0]?.detail).toBe("This machine's clock was 6 minutes behind CoinGecko's");
    expect((await runWith(4 * 60_000)).findings).toEqual([]);
  });

  test.each([
    ['456 days ahead', 456 * DAY_MS],
    ['in 1970', DAY_MS - Date.parse(NOW)],
  ])('%s ends the run at its first answer, and nothing of it lasts', async (_, aheadMs) => {
    const wrong = await runWith(aheadMs, { trigger: 'cli', request: requestAt(aheadMs) });
    const again = await runWith(aheadMs);
    for (const { status, error, requests } of [wrong, again]) {
      expect([status, requests]).toEqual(['failed', 1]);
      expect(error).toMatch(/this machine's clock says .* and the answer of .* timedatectl/);
    }
    expect(await lasting()).toEqual({ rows: [], tracked: [] });
    const verdict = await verdictOf({}, { latestPrices: true });
    expect(verdict).toMatchObject({ status: 'complete', expectedDays: 120, missingDays: 0 });
    const runs = await ingestion.database.db.selectFrom('ingestion_runs').select('started_at').execute();
    expect(Math.max(...runs.map((run) => run.started_at.getTime()))).toBeLessThanOrEqual(ingestion.clock.now());
  });

  test('is checked by the latest prices where nothing is missing', async () => {
    await ingestion.run({}, { latestPrices: true });
    await ingestion.clock.advance(61_000);
    const { status, error } = await runWith(2 * HOUR_MS);
    expect(status).toBe('failed');
    expect(error).toContain("this machine's clock");
    const now = ingestion.clock.now();
    const { triage } = await readTriagedStatus(ingestion.database, { now, universe: TWO_COINS, scheduledAt: null });
    expect(triage.missing).toMatch(
      /^Missing: nothing\. But the full run of 2026-11-23 02:01 UTC failed: .*this machine's clock/,
    );
    expect(triage.next).not.toContain('nothing to do');
  });

  test('that marked days before they had ended, or in a time to come, leaves no marks', async () => {
    const ids = [(await verdictOf()).runId, (await verdictOf()).runId];
    const marked = sql`insert into unavailable_days (coin_id, currency, day, reason, first_run_id, confirmed_run_id, recorded_at)
      select 'bitcoin', 'usd', day, 'nothing', ${ids[0]}::uuid, ${ids[1]}::uuid, recorded_at from
        (values (date '2026-11-23', timestamptz '2026-11-23 12:00Z'), (date '2026-11-24', timestamptz '2026-12-20 12:00Z'))
          as mark(day, recorded_at)`;
    await marked.execute(ingestion.database.db);
    await ingestion.clock.advance(2 * DAY_MS);
    const verdict = await verdictOf();
    expect(verdict).toMatchObject({ status: 'complete', expectedDays: 4 * 32, unavailableDays: 0, missingDays: 0 });
  });

  test('or anything else that leaves a full run without a day to expect fails it, with the reason', async () => {
    const universe = { ...TWO_COINS, coins: [] };
    const { status, error } = await verdictOf({}, { universe });
    expect(status).toBe('failed');
    expect(error).toMatch(/^No day is expected of any series/);
  });
});

describe('before a coin existed', () => {
  const LISTED = '2026-06-10';
  const request = { from: '2026-01-01', to: '2026-07-01', coins: ['dogecoin'], currencies: ['usd'] };
  const beforeListing = daysFrom(request.from, addDays(LISTED, -1));
  const notListedYet = { daysWithoutData: beforeListing.map((day) => ({ coin: 'dogecoin', day })) };

  test('a backfill from long before is complete, and its early days are unavailable on the second day', async () => {
    ingestion.simulator.setHistory(notListedYet);
    const first = await ingestion.run({ trigger: 'cli', request });
    expect(first.verdict).toMatchObject({ status: 'complete', missingDays: 0, unconfirmedDays: beforeListing.length });
    expect(first.verdict.series).toMatchObject([{ status: 'stored', error: null }]);
    await ingestion.clock.advance(24 * HOUR_MS);
    const verdict = await verdictOf();
    expect(verdict).toMatchObject({ status: 'complete', unconfirmedDays: 0, unavailableDays: beforeListing.length });
    await ingestion.clock.advance(24 * HOUR_MS);
    // Nothing of it is asked for any more.
    expect(await verdictOf()).toMatchObject({ status: 'complete', requests: 4 });
  });

  test('two empty answers about a coin that did exist erase nothing', async () => {
    const old = { ...request, from: '2026-03-01', to: '2026-03-10' };
    ingestion.simulator.setFaults(() => ({ kind: 'empty' }));
    const failed = { status: 'failed', missingDays: 10, unconfirmedDays: 0 };
    expect(await verdictOf({ trigger: 'cli', request: old })).toMatchObject(failed);
    await ingestion.clock.advance(24 * HOUR_MS);
    await ingestion.run({ trigger: 'cli', request: old });
    expect(await ingestion.database.db.selectFrom('unavailable_days').selectAll().execute()).toEqual([]);
    ingestion.simulator.setFaults([]);
    expect(await verdictOf({ trigger: 'cli', request: old })).toMatchObject({ status: 'complete' });
  });
});

describe('requests by hand', () => {
  test('what failed of them stays expected, and heals with the next full run', async () => {
    const request = { from: '2026-03-01', to: '2026-03-10', coins: ['bitcoin'], currencies: ['usd'] };
    ingestion.simulator.setFaults(() => ({ kind: 'server_error' }));
    const failed = { status: 'failed', isFullRun: false, missingDays: 10 };
    expect(await verdictOf({ trigger: 'cli', request })).toMatchObject(failed);
    ingestion.simulator.setFaults([]);
    const verdict = await verdictOf();
    expect(verdict).toMatchObject({ status: 'complete', isFullRun: true, expectedDays: 130, missingDays: 0 });
    expect((await allRows()).filter(({ day, is_final }) => is_final && day < '2026-04-01')).toHaveLength(10);
  });

  test('days that age out before they were had are told once, as lost', async () => {
    const request = { from: '2025-11-25', to: '2025-11-27', coins: ['bitcoin'], currencies: ['usd'] };
    ingestion.simulator.setFaults(() => ({ kind: 'server_error' }));
    await ingestion.run({ trigger: 'cli', request });
    ingestion.simulator.setFaults([]);
    await ingestion.clock.advance(48 * HOUR_MS);
    const verdict = await verdictOf();
    expect(verdict.findings).toMatchObject([{ rule: 'lost', day: '2025-11-25' }]);
    expect(verdict.findings[0]?.detail).toContain('2025-11-25 to 2025-11-26');
    expect(verdict).toMatchObject({ status: 'complete', expectedDays: 1 + 4 * 30 });
    expect((await verdictOf()).findings).toEqual([]);
  });

  test('a day before hourly prices began is refused with the reason', async () => {
    const order = { trigger: 'cli', request: { from: '2017-12-01', to: '2018-02-01' } } as const;
    const run = ingestion.run(order, { limits: { monthlyCredits: null, historyDays: 36_500 } });
    await expect(run).rejects.toThrow(/hourly prices from 2018-01-30 on/);
  });

  test('a request beyond the plan’s history is refused before its first request, and recorded', async () => {
    const run = ingestion.run({ trigger: 'cli', request: { from: '2025-11-24', to: '2025-11-30' } });
    await expect(run).rejects.toThrow(RefusedError);
    await expect(run).rejects.toThrow('2025-11-25');
    expect(ingestion.simulator.requests).toEqual([]);
    const recorded = await ingestion.database.db
      .selectFrom('ingestion_runs')
      .select(['status', 'error', 'missing_days'])
      .execute();
    expect(recorded).toEqual([{ status: 'failed', error: expect.stringContaining('2025-11-24'), missing_days: null }]);
  });

  test('credits hold back a request by hand, never a scheduled run', async () => {
    const limits = { monthlyCredits: 31, historyDays: 365 };
    const run = ingestion.run({ trigger: 'http' }, { limits });
    await expect(run).rejects.toMatchObject({ kind: 'credits', message: expect.stringMatching(/needs 4 .* 28/s) });
    expect(ingestion.simulator.requests).toEqual([]);
    expect((await verdictOf({}, { limits })).status).toBe('complete');
  });
});

describe('runs that are cut short', () => {
  test('Ctrl-C finishes what is in hand, and the next run asks only for the rest', async () => {
    await restart({ simulator: { latencyMs: 20 }, requestsPerMinute: 2 });
    const interrupt = new AbortController();
    const onEvent: RunDependencies['onEvent'] = ({ kind }) => kind === 'answered' && interrupt.abort();
    const first = await verdictOf({}, { interrupt: interrupt.signal, onEvent });
    expect(first).toMatchObject({ status: 'interrupted', requests: 1, missingDays: 90 });
    await ingestion.clock.advance(61_000);
    await restart({ now: new Date(ingestion.clock.now()).toISOString() });
    expect(await verdictOf()).toMatchObject({ status: 'complete', requests: 3 });
  });

  test('a process begins with the requests of the last minute in its budget', async () => {
    await ingestion.run();
    const ages: (readonly number[])[] = [];
    const makeRateLimiter = (recentAgesMs: readonly number[]) => {
      ages.push(recentAgesMs);
      return createRateLimiter({ requestsPerMinute: 30, clock: ingestion.clock, recentAgesMs });
    };
    await ingestion.clock.advance(30_000);
    await ingestion.run({}, { makeRateLimiter });
    await ingestion.clock.advance(120_000);
    await ingestion.run({}, { makeRateLimiter });
    expect(ages).toEqual([Array(4).fill(30_000), []]);
  });

  test('a trigger that comes again later keeps the due time of its run', async () => {
    const first = await verdictOf({ triggerKey: 'key:mine' });
    await ingestion.clock.advance(24 * HOUR_MS);
    const again = await verdictOf({ triggerKey: 'key:mine' });
    expect(again).toMatchObject({ runId: first.runId, status: 'complete', expectedDays: 120 });
    expect((await runRow(first.runId)).due_at).toEqual(new Date(NOW));
  });
});

/**
 * A run of four requests at two a minute. After the second answer the machine's wall clock is set; the source's is not.
 * @returns all that should not depend on it.
 */
async function runWhileSet(byMs: number) {
  await emptyTables(testDatabase);
  const sourceClock = () => ingestion.clock.monotonicMs();
  await restart({ requestsPerMinute: 2, simulator: { now: sourceClock, clock: sourceClock } });
  const { clock, simulator, events } = ingestion;
  const startedMs = clock.monotonicMs();
  const setAfterSecond = () => {
    if (events.filter(({ kind }) => kind === 'answered').length !== 2 || events.at(-1)?.kind !== 'answered') return;
    clock.setWall(byMs);
    // Nobody sleeps less than this: the third request waits for the permit of the first.
    void clock.advance(MINUTE_MS + 500);
  };
  const { verdict, ...result } = await ingestion.run({}, { onEvent: setAfterSecond });
  const { runId: _, ...counts } = verdict;
  const rows = (await allRows()).map(({ run_id, answer_ids, first_sample_at, last_sample_at, ...row }) => row);
  return {
    ...{ counts, result, rows, kinds: events.map(({ kind }) => kind), tookMs: clock.monotonicMs() - startedMs },
    paths: simulator.requests.map(({ path }) => path).sort(),
  };
}

test('a wall clock that is set back or ahead in the middle of a run changes nothing but stamps', async () => {
  const untouched = await runWhileSet(0);
  expect(untouched.counts).toMatchObject({ status: 'complete', requests: 4, storedDays: 120 });
  for (const byMs of [-HOUR_MS, 24 * HOUR_MS]) expect(await runWhileSet(byMs)).toEqual(untouched);
});

describe('quality', () => {
  test('a currency that the source ignored is an error, and the run is complete all the same', async () => {
    const coins = [...TWO_COINS.coins, { id: 'litecoin', symbol: 'ltc', name: 'Litecoin' }];
    await restart({ universe: { ...TWO_COINS, coins } });
    ingestion.simulator.setFaults(({ path, query }) =>
      path.includes('dogecoin') && query['vs_currency'] === 'eur' ? { kind: 'currency_ignored' } : null,
    );
    const verdict = await verdictOf();
    expect(verdict.status).toBe('complete');
    expect(verdict.findings).toEqual([
      expect.objectContaining({ rule: 'currency', severity: 'error', coin: 'dogecoin', currency: 'eur' }),
    ]);
  });

  test('spikes are kept aside and frozen prices found', async () => {
    ingestion.simulator.setFaults([{ kind: 'spike' }, { kind: 'frozen' }]);
    const verdict = await verdictOf();
    const rejected = await ingestion.database.db.selectFrom('rejected_samples').selectAll().execute();
    expect(rejected.map(({ reason }) => reason)).toEqual(['outlier']);
    expect(verdict.findings.map(({ rule }) => rule)).toEqual(expect.arrayContaining(['frozen', 'outliers']));
  });
});
