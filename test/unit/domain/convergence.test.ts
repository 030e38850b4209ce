// Whatever the runs, their moments and their order: once 72 h have passed, the final rows are those of one backfill.
import { describe, expect, test } from '@jest/globals';
import { aggregate } from '../../../ingestion/domain/aggregation.ts';
import type { DailyPrice } from '../../../ingestion/domain/daily-price.ts';
import {
  DAY_MS,
  type Day,
  type DaySpan,
  dayOf,
  daysFrom,
  endOf,
  HOUR_MS,
  type Instant,
  MINUTE_MS,
  startOf,
} from '../../../ingestion/domain/day.ts';
import { isGap } from '../../../ingestion/domain/day-state.ts';
import { expectedDays, firstAvailableDay } from '../../../ingestion/domain/expected-days.ts';
import { planWindows } from '../../../ingestion/domain/planning.ts';
import { findWrongGranularity } from '../../../ingestion/domain/quality.ts';
import { type Point, type RandomCase, randomCase, type ScheduledRun } from '../../support/random-history.ts';

const CASES = Number(process.env['CONVERGENCE_CASES'] ?? 300);

/** What a database holds of one series. Rows move forward as `upsertDailyPrices` lets them. */
class Stored {
  readonly rows = new Map<Day, DailyPrice>();
  readonly absences = new Map<Day, { recordedAt: Instant; isConfirmed: boolean }>();
  readonly requested: DaySpan[] = [];
  rejectedCount = 0;

  take(asked: ReadonlySet<Day>, { prices, absentDays, rejected }: ReturnType<typeof aggregate>, now: Instant): void {
    this.rejectedCount += rejected.length;
    for (const price of prices) {
      const before = this.rows.get(price.day);
      this.absences.delete(price.day);
      const moves = before?.isFinal
        ? asked.has(price.day) && price.isFinal && price.hoursCovered >= before.hoursCovered
        : !before || price.isFinal || price.hoursCovered >= before.hoursCovered;
      if (moves) this.rows.set(price.day, price);
    }
    for (const day of absentDays) {
      if (this.rows.get(day)?.isFinal === false) this.rows.delete(day);
      const known = this.absences.get(day);
      if (!known) this.absences.set(day, { recordedAt: now, isConfirmed: false });
      else if (now >= known.recordedAt + 20 * HOUR_MS) known.isConfirmed = true;
    }
  }
}

function carryOut(run: ScheduledRun, { points, trackedSince, historyDays }: RandomCase, stored: Stored): void {
  const { now, lagMs } = run;
  const request = run.request && {
    from: dayOf(run.request.from),
    to: dayOf(run.request.to),
    refetch: run.request.refetch,
  };
  const series = { trackedSince: dayOf(trackedSince), requested: stored.requested };
  if (request && request.from < firstAvailableDay(now, historyDays)) return;
  const { expected } = expectedDays(series, { dueAt: now, request: request ?? {}, historyDays });
  if (request) stored.requested.push({ first: request.from, last: request.to });
  if (run.isRefused) return;
  const scope = { dueAt: now, refetch: request?.refetch ?? false, namesDays: request !== null };
  const gaps = expected
    .flatMap(({ first, last }) => daysFrom(first, last))
    .filter((day) => {
      const [row, absence] = [stored.rows.get(day) ?? null, stored.absences.get(day) ?? null];
      return isGap({ day, row, absence, wasAsked: false }, scope);
    });
  for (const { window, gapDays } of planWindows(gaps, now, historyDays)) {
    const prices = points.filter(([at]) => at >= window.from && at <= Math.min(window.to, now - lagMs));
    const samples = { prices, marketCaps: [], volumes: [] };
    if (findWrongGranularity(samples) === null)
      stored.take(new Set(gapDays), aggregate(samples, { window, gapDays }, now), now);
  }
}

/** @returns what one request for everything stores, long after. */
function backfilled({ points, endsAt }: Pick<RandomCase, 'points' | 'endsAt'>, first: Day, last: Day): Stored {
  const now = endsAt + 5 * DAY_MS;
  const stored = new Stored();
  const request = { from: startOf(first), to: startOf(last), refetch: true };
  const history = { points, trackedSince: now, historyDays: 365, runs: [], endsAt };
  carryOut({ now, lagMs: 0, request, isRefused: false }, history, stored);
  return stored;
}

/** Without `isThin`, which says when a row was fetched. */
const values = (row: DailyPrice | undefined) => row && { ...row, isThin: null };

test(`the final rows of ${CASES} random histories and schedules are those of one backfill`, () => {
  const differing: string[] = [];
  let [finalRows, rejected] = [0, 0];
  for (let seed = 0; seed < CASES; seed += 1) {
    const one = randomCase(seed);
    const stored = new Stored();
    for (const run of one.runs) carryOut(run, one, stored);
    rejected += stored.rejectedCount;
    const edge = firstAvailableDay(one.endsAt, one.historyDays);
    const days = daysFrom(dayOf(one.trackedSince), dayOf(one.endsAt - 4 * DAY_MS));
    const { rows } = backfilled(one, days[0] ?? '', days.at(-1) ?? '');
    for (const day of days.filter((one72hOld) => endOf(one72hOld) + 72 * HOUR_MS <= one.endsAt)) {
      const row = stored.rows.get(day);
      // What has left a short history unfinished can't be finished.
      if (!row?.isFinal && day < edge) continue;
      finalRows += 1;
      const [own, theirs] = [row, rows.get(day)].map((one) => JSON.stringify(values(one)));
      if (own !== theirs || row?.isFinal === false) differing.push(`seed ${seed}, ${day}: ${own} is not ${theirs}`);
    }
  }
  expect(differing.slice(0, 5)).toEqual([]);
  expect(finalRows).toBeGreaterThan(CASES * 5);
  expect(rejected).toBeGreaterThan(CASES);
});

describe('a day D whose fault is seen in part at first', () => {
  const D = startOf('2026-03-10');
  const at = (day: number, hour: number) => D + day * DAY_MS + hour * HOUR_MS;
  /** A sample at :05 of each hour, for ten days; none where the price is null. */
  const hourly = (priceAt: (hour: number) => number | null): Point[] =>
    Array.from({ length: 240 }, (_, index) => index - 120).flatMap((hour): Point[] => {
      const price = priceAt(hour);
      return price === null ? [] : [[at(0, hour) + 5 * MINUTE_MS, price]];
    });
  const within = (hour: number, from: number, to: number) => hour >= from && hour < to;
  /** Twice as many samples in the ten hours from that hour on. */
  const doubled = (points: Point[], from: number) =>
    points.flatMap(([moment, price]): Point[] => {
      const further: Point = [moment + 25 * MINUTE_MS, price];
      return [[moment, price], ...(moment >= at(0, from) && moment < at(0, from + 10) ? [further] : [])];
    });
  const historyOf = (points: Point[]) => ({
    ...{ points, trackedSince: at(0, 0), historyDays: 365, runs: [], endsAt: at(5, 0) },
  });
  const sinking = hourly((hour) => (within(hour, 16, 23) ? 13 : within(hour, 23, 28) ? 9.9 : 1));

  test.each<[string, Point[], number, number, { average: number; rejectedCount: number } | null]>([
    ['a fault of 13 that sinks to 9.9', sinking, at(1, 2), 0, { average: 25.9 / 17, rejectedCount: 7 }],
    [
      'one sample of 233 after 24 h of nothing',
      hourly((hour) => (within(hour, -12, 12) ? null : hour === 12 ? 233 : 1)),
      at(1, 2),
      0,
      { average: 1, rejectedCount: 1 },
    ],
    [
      'one sample of 20 in the last hour, and nothing for the 37 h that would tell',
      hourly((hour) => (hour === 23 ? 20 : within(hour, 24, 61) ? null : 1)),
      at(2, 12.5),
      0,
      { average: 43 / 24, rejectedCount: 0 },
    ],
    [
      'the last hour at 9.75, then 13, then half of it all',
      doubled(
        hourly((hour) =>
          within(hour, 3, 5) ? null : hour === 23 ? 9.75 : within(hour, 24, 27) ? 13 : hour < 24 ? 1 : 0.53,
        ),
        27,
      ),
      at(1, 3),
      0,
      null,
    ],
    ['a window 36 h beyond, of a source that lags', sinking, at(2, 13), 35, { average: 25.9 / 17, rejectedCount: 7 }],
  ])('%s', (_, points, firstRunAt, lagHours, known) => {
    const stored = new Stored();
    const history = historyOf(points);
    const run = (now: Instant, lagMs = 0) => carryOut({ now, lagMs, request: null, isRefused: false }, history, stored);
    run(firstRunAt, lagHours * HOUR_MS);
    const first = stored.rows.get('2026-03-10');
    run(at(2, 14));
    run(at(4, 2));
    const row = stored.rows.get('2026-03-10');
    const { rows, rejectedCount } = backfilled(history, '2026-03-10', '2026-03-10');
    expect(row).toMatchObject({ isFinal: true });
    expect(values(row)).toEqual(values(rows.get('2026-03-10')));
    if (known) {
      expect(first?.isFinal).toBe(false);
      expect(row?.average).toBeCloseTo(known.average, 12);
      expect(rejectedCount).toBe(known.rejectedCount);
    }
  });

  test('nothing but faults leaves no row, though some of them were counted at first', () => {
    const points = hourly((hour) => (within(hour, 0, 9) ? 20 : within(hour, 9, 24) ? null : 1));
    const stored = new Stored();
    for (const now of [at(0, 10), at(1, 2), at(4, 2)])
      carryOut({ now, lagMs: 0, request: null, isRefused: false }, historyOf(points), stored);
    expect(stored.rows.get('2026-03-10')).toBeUndefined();
    expect(stored.absences.get('2026-03-10')).toEqual({ recordedAt: at(4, 2), isConfirmed: false });
  });

  test('at the edge of the history is kept as it is: what has no margin left replaces nothing', () => {
    // Without the 36 h before it the fault would be taken for the level, and the day would cover more hours.
    const points = hourly((hour) => (within(hour, 0, 12) ? 20 : within(hour, 12, 14) ? null : 1));
    const window = { from: at(0, 0), to: at(2, 12) };
    const samples = { prices: points.filter(([moment]) => moment >= window.from), marketCaps: [], volumes: [] };
    const { prices } = aggregate(samples, { window, gapDays: ['2026-03-10'] }, at(5, 0));
    expect(prices.map(({ isFinal }) => isFinal)).toEqual([false]);
  });
});
