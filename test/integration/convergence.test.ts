// The promise of test/unit/domain/convergence.test.ts through whole runs and PostgreSQL, with cross rates and a clock that is
// minutes off.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { DAY_MS, type Day, dayOf, endOf, HOUR_MS, type Instant, MINUTE_MS } from '../../ingestion/domain/day.ts';
import { firstAvailableDay } from '../../ingestion/domain/expected-days.ts';
import { RefusedError, SourceError } from '../../ingestion/domain/failure.ts';
import type { PriceSource, RunDependencies } from '../../ingestion/ports.ts';
import { type Point, randomCase, type ScheduledRun, seededRandom } from '../support/random-history.ts';
import { emptyTables, useTestDatabase } from '../support/test-database.ts';
import { startTestIngestion, type TestIngestion } from '../support/test-ingestion.ts';

const CASES = Number(process.env['CONVERGENCE_RUNS'] ?? 4);

const testDatabase = await useTestDatabase();
let ingestion: TestIngestion;
beforeAll(async () => {
  ingestion = await startTestIngestion({ databaseUrl: testDatabase.url, now: '2020-01-01T00:00:00Z' });
});
afterAll(() => ingestion.close());

/** Of every coin at a moment. */
const euros = (at: Instant) => 0.9 + 0.04 * Math.sin(at / DAY_MS);

function sourceOf(
  points: Readonly<Record<string, readonly Point[]>>,
  { lagMs, isRefused }: ScheduledRun,
  aheadMs: number,
) {
  const { clock } = ingestion;
  const fetchRange: PriceSource['fetchRange'] = async ({ coin, currency }, window) => {
    if (isRefused) throw new SourceError('server_error', 'Refused', { status: 503 });
    const until = Math.min(window.to, clock.now() - lagMs);
    const sent = (points[coin] ?? []).filter(([at]) => at >= window.from && at <= until);
    const prices = sent.map(([at, price]): Point => [at, currency === 'eur' ? price * euros(at) : price]);
    return {
      body: Buffer.from(JSON.stringify({ prices })),
      samples: { prices, marketCaps: [], volumes: [] },
      ...{ receivedAt: clock.now(), clockAheadMs: aheadMs, strayPoints: 0 },
    };
  };
  return { fetchRange, fetchLatest: async () => [] };
}

async function carryOut(
  run: ScheduledRun,
  points: Readonly<Record<string, readonly Point[]>>,
  deps: Partial<RunDependencies>,
  aheadMs: number,
) {
  await ingestion.clock.advance(run.now - ingestion.clock.now());
  const clock = { ...ingestion.clock, now: () => ingestion.clock.now() + aheadMs };
  const { parse } = {
    parse: (body: Uint8Array) => ({ ...JSON.parse(Buffer.from(body).toString()), marketCaps: [], volumes: [] }),
  };
  const request = run.request && {
    from: dayOf(run.request.from),
    to: dayOf(run.request.to),
    refetch: run.request.refetch,
  };
  await ingestion
    .run(
      { trigger: request ? 'cli' : 'schedule', request: request ?? {}, dueAt: new Date(clock.now()).toISOString() },
      { ...deps, clock, source: { ...sourceOf(points, run, aheadMs), parse } },
    )
    .catch((error: unknown) => {
      // The request reaches beyond a short history, or none of its days is settled on this clock.
      if (!(error instanceof RefusedError)) throw error;
    });
}

async function finalRows(from: Day, to: Day) {
  const rows = await ingestion.database.db
    .selectFrom('daily_prices')
    .select([
      'coin_id',
      'currency',
      'day',
      'open',
      'high',
      'low',
      'close',
      'average',
      'sample_count',
      'hours_covered',
      'source',
    ])
    .where('is_final', '=', true)
    .where('day', '>=', from)
    .where('day', '<=', to)
    .orderBy('coin_id')
    .orderBy('currency')
    .orderBy('day')
    .execute();
  return rows.map((row) => JSON.stringify(row));
}

test(`the final rows of ${CASES} databases are those of one backfill`, async () => {
  let compared = 0;
  for (let seed = 0; seed < CASES; seed += 1) {
    await emptyTables(testDatabase);
    const { runs, trackedSince, endsAt, historyDays, points: bitcoin } = randomCase(2 * seed);
    const points = { bitcoin, dogecoin: randomCase(2 * seed + 1).points };
    const deps = { crossRates: seed % 2 === 1, limits: { monthlyCredits: null, historyDays } };
    const aheadMs = Math.round((seededRandom(seed)() - 0.5) * 100) * MINUTE_MS;
    // Each case later than the one before it: the clock goes on.
    const laterMs = Math.ceil((ingestion.clock.now() - trackedSince) / DAY_MS) * DAY_MS + DAY_MS;
    const shifted = (moment: Instant) => moment + laterMs;
    const later = {
      bitcoin: points.bitcoin.map(([at, price]): Point => [shifted(at), price]),
      dogecoin: points.dogecoin.map(([at, price]): Point => [shifted(at), price]),
    };
    for (const run of runs) {
      const request = run.request && { ...run.request, from: shifted(run.request.from), to: shifted(run.request.to) };
      await carryOut({ ...run, now: shifted(run.now), request }, later, deps, aheadMs);
    }
    const edge = firstAvailableDay(shifted(endsAt), historyDays);
    const last = dayOf(shifted(endsAt) - 4 * DAY_MS);
    const [first = edge] = [dayOf(shifted(trackedSince)), edge].sort().slice(-1);
    const stored = await finalRows(first, last);
    await emptyTables(testDatabase);
    const backfill = { from: Date.parse(first), to: Date.parse(last), refetch: false };
    const whole = { ...deps, limits: { monthlyCredits: null, historyDays: 365 } };
    await carryOut(
      { now: shifted(endsAt) + 5 * DAY_MS, lagMs: 0, request: backfill, isRefused: false },
      later,
      whole,
      0,
    );
    expect({ seed, rows: stored }).toEqual({ seed, rows: await finalRows(first, last) });
    expect(endOf(last) + 72 * HOUR_MS).toBeLessThanOrEqual(shifted(endsAt));
    compared += stored.length;
  }
  expect(compared).toBeGreaterThan(CASES * 20);
}, 600_000);
