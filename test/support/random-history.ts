// Random histories of a price and random schedules of runs, by a seed: for tests that any order of runs stores the same.
import { DAY_MS, HOUR_MS, type Instant, MINUTE_MS, startOf } from '../../ingestion/domain/day.ts';

const FIRST_DAY = startOf('2026-03-01');
/** The first moment at which a day is settled, after its end. */
const SETTLED_AFTER_MS = 75 * MINUTE_MS;

export type Point = readonly [Instant, number];

/**
 * @property lagMs how far behind the source is. @property request days of a request by hand; null for a scheduled run.
 * @property isRefused the source answers nothing. @property hops more than one: a continuation takes over after each request.
 */
export type ScheduledRun = {
  readonly now: Instant;
  readonly lagMs: number;
  readonly request: { readonly from: Instant; readonly to: Instant; readonly refetch: boolean } | null;
  readonly isRefused: boolean;
};

export type RandomCase = {
  readonly points: readonly Point[];
  readonly runs: readonly ScheduledRun[];
  readonly trackedSince: Instant;
  /** Of the last scheduled run. */
  readonly endsAt: Instant;
  readonly historyDays: number;
};

/** A generator of numbers in [0, 1), the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A case of a price with faults of 1 to 12 hours, moves, holes and odd stamps, and of runs at odd moments. */
export function randomCase(seed: number): RandomCase {
  const random = seededRandom(seed);
  const between = (low: number, high: number) => low + random() * (high - low);
  const whole = (low: number, high: number) => Math.floor(between(low, high + 1));
  const chance = (share: number) => random() < share;
  const oneOf = <T>(...options: readonly T[]): T => options[whole(0, options.length - 1)] as T;
  const days = whole(10, 22);
  const endDay = FIRST_DAY + days * DAY_MS;

  const begins = FIRST_DAY - (chance(0.15) ? 0 : whole(2, 4)) * DAY_MS;
  let points = stamps(begins, endDay + 6 * DAY_MS).map((at): Point => [at, 0]);
  const level = Math.exp(between(-10, 10));
  const swing = oneOf(0, 0.0005, 0.01, 0.05, 0.15);
  let walk = level;
  points = points.map(([at]) => {
    walk *= swing >= 0.01 ? Math.exp(between(-swing, swing)) : 1;
    return [at, swing >= 0.01 ? walk : level * (1 + between(-swing, swing))];
  });

  /** Mostly about the end of a day, where a run may see one part of it only. */
  const moment = () =>
    FIRST_DAY + whole(-1, days - 1) * DAY_MS + (chance(0.7) ? between(15, 30) : between(0, 24)) * HOUR_MS;
  const scale = (from: Instant, to: Instant, by: (position: number) => number) => {
    const touched = points.filter(([at]) => at >= from && at < to).length;
    let position = 0;
    points = points.map(([at, price]) =>
      at >= from && at < to ? [at, price * by(position++ / touched)] : [at, price],
    );
  };
  for (let moves = oneOf(0, 0, 0, 1, 1, 2); moves > 0; moves -= 1) {
    const factor = Math.exp(between(Math.log(3), Math.log(100)));
    scale(moment(), Number.POSITIVE_INFINITY, () => (moves % 2 === 0 ? factor : 1 / factor));
  }
  let faultEndsAt = moment();
  for (let faults = oneOf(0, 1, 1, 2, 2, 3, 4); faults > 0; faults -= 1) {
    const from = moment();
    faultEndsAt = from + whole(1, 12) * HOUR_MS;
    const factor = oneOf(
      between(5, 10),
      between(9.5, 10.5),
      between(10, 20),
      Math.exp(between(Math.log(5), Math.log(500))),
    );
    const other = oneOf(9.9, 9.99, 13, 30, between(5, 10));
    const turn = random();
    const shape = oneOf<(position: number) => number>(
      () => factor,
      (position) => Math.exp(Math.log(factor * 2) * (1 - Math.abs(2 * position - 1))),
      (position) => (position < turn ? factor : other),
      () => factor * Math.exp(between(-0.7, 0.7)),
      () => (chance(0.5) ? factor : 1 / other),
    );
    const isUp = chance(0.5);
    scale(from, faultEndsAt, (position) => (isUp ? shape(position) : 1 / shape(position)));
  }
  for (let holes = oneOf(0, 0, 1, 1, 2); holes > 0; holes -= 1) {
    const from = chance(0.4) ? faultEndsAt : moment();
    const to = from + oneOf(between(0, 6), between(0, 40), between(24, 40)) * HOUR_MS;
    points = points.filter(([at]) => at < from || at >= to);
  }
  if (chance(0.1)) {
    const ends = moment();
    points = points.filter(([at]) => at < ends);
  }
  const { runs, endsAt } = schedule();
  return { points, runs, trackedSince: FIRST_DAY, endsAt, historyDays: chance(0.2) ? whole(7, 14) : 365 };

  function stamps(from: Instant, to: Instant): Instant[] {
    const all = new Set<Instant>();
    const jitter = oneOf(0.02, 0.15, 0.98) * HOUR_MS;
    const perDay = whole(3, 8);
    const isSparse = chance(0.12);
    for (let at = from; at < to; at += isSparse ? DAY_MS / perDay : HOUR_MS) {
      all.add(Math.floor(at + between(0, isSparse ? DAY_MS / perDay : jitter)));
      if (chance(0.02)) all.add(Math.floor(at + between(0, HOUR_MS)));
    }
    return [...all].sort((a, b) => a - b);
  }

  function schedule() {
    const all: ScheduledRun[] = [];
    const lagMs = () => (chance(0.15) ? between(0, 40) * HOUR_MS : between(0, 0.5) * HOUR_MS);
    const laterRun = (now: Instant) =>
      all.push({ now: Math.floor(now), lagMs: lagMs(), request: null, isRefused: chance(0.08) });
    for (let day = whole(1, 8); day < days; day += chance(0.12) ? whole(2, 6) : 1) {
      const now = FIRST_DAY + day * DAY_MS + SETTLED_AFTER_MS + between(0, 24 * HOUR_MS - SETTLED_AFTER_MS);
      laterRun(now);
      if (chance(0.1)) laterRun(now + between(0, 5) * HOUR_MS);
    }
    const endsAt = endDay + Math.floor(between(1.25, 24) * HOUR_MS);
    all.push({ now: endsAt, lagMs: 0, request: null, isRefused: false });
    for (let byHand = oneOf(0, 0, 1, 2); byHand > 0; byHand -= 1) {
      const day = whole(2, days);
      const [first, last] = [whole(-1, day - 1), whole(0, day - 1)].sort((a, b) => a - b) as [number, number];
      const now = FIRST_DAY + day * DAY_MS + Math.floor(between(1.25, 24) * HOUR_MS);
      if (now >= endsAt) continue;
      const request = { from: FIRST_DAY + first * DAY_MS, to: FIRST_DAY + last * DAY_MS, refetch: chance(0.5) };
      all.push({ now, lagMs: lagMs(), request, isRefused: false });
    }
    return { runs: all.sort((a, b) => a.now - b.now), endsAt };
  }
}
