import type { RunRequest } from '../contract/run-message.ts';
import {
  addDays,
  countDays,
  DAY_MS,
  type Day,
  type DaySpan,
  dayOf,
  endOf,
  HOUR_MS,
  type Instant,
  lastSettledDay,
  startOf,
} from './day.ts';

/** How far back a series is filled when it is first opened. */
const FIRST_FILL_DAYS = 30;

/** Margin on both sides of the gap days, so that their neighbours are there to tell a spike from a move. */
const MARGIN_MS = DAY_MS;

/**
 * CoinGecko picks the granularity by the span: hourly from over 1 day to 90 days, one point a day beyond. 72 h and an
 * hour less than 90 days keep clear of both edges.
 */
const MIN_WINDOW_MS = 72 * HOUR_MS;
const MAX_WINDOW_MS = 90 * DAY_MS - HOUR_MS;
const MAX_GAP_DAYS = Math.floor((MAX_WINDOW_MS - 2 * MARGIN_MS) / DAY_MS);

/** The half-open span of time `[from, to)` that one request asks for. */
export type Window = { readonly from: Instant; readonly to: Instant };

/** One request to come: the window, and the gap days that it is made for, ascending. */
export type PlannedWindow = { readonly window: Window; readonly gapDays: readonly [Day, ...Day[]] };

/** @returns since when a series is tracked that a run due at that moment opens. */
export const trackedSince = (dueAt: Instant): Day => addDays(dayOf(dueAt), -FIRST_FILL_DAYS);

/** @returns the first whole day that a plan with that much history can still answer. */
export const firstAvailableDay = (at: Instant, historyDays: number): Day => addDays(dayOf(at), 1 - historyDays);

/** @returns the days that a run expects of a series, before unavailable ones are taken out; null when there are none. */
export function expectedSpan(
  seriesTrackedSince: Day,
  { dueAt, request, historyDays }: { dueAt: Instant; request: RunRequest; historyDays: number },
): DaySpan | null {
  const settled = lastSettledDay(dueAt);
  const horizonStart = firstAvailableDay(dueAt, historyDays);
  const first = request.from ?? (seriesTrackedSince > horizonStart ? seriesTrackedSince : horizonStart);
  const last = request.to !== undefined && request.to < settled ? request.to : settled;
  return first <= last ? { first, last } : null;
}

/**
 * The fewest requests that cover the gap days: each window takes in all gaps of the 87 days from the first one that is
 * not covered yet.
 * @param gapDays ascending, without repeats; all over at `now`.
 * @param now where windows end at the latest.
 */
export function planWindows(gapDays: readonly Day[], now: Instant, historyDays: number): PlannedWindow[] {
  const windows: PlannedWindow[] = [];
  let covered: [Day, ...Day[]] | null = null;
  for (const day of gapDays) {
    if (covered && countDays(covered[0], day) <= MAX_GAP_DAYS) {
      covered.push(day);
      continue;
    }
    if (covered) windows.push({ window: windowAround(covered, now, historyDays), gapDays: covered });
    covered = [day];
  }
  if (covered) windows.push({ window: windowAround(covered, now, historyDays), gapDays: covered });
  return windows;
}

function windowAround(gapDays: readonly [Day, ...Day[]], now: Instant, historyDays: number): Window {
  const start = startOf(gapDays[0]);
  const end = endOf(gapDays[gapDays.length - 1] ?? gapDays[0]);
  // An hour of slack: the window moves out of the plan's history while the request waits for its turn.
  const earliest = Math.min(start, now - historyDays * DAY_MS + HOUR_MS);
  const latest = Math.max(end, Math.floor(now / 1000) * 1000);
  let from = Math.max(start - MARGIN_MS, earliest);
  let to = Math.min(end + MARGIN_MS, latest);
  from = Math.max(Math.min(from, to - MIN_WINDOW_MS), earliest);
  to = Math.min(Math.max(to, from + MIN_WINDOW_MS), latest);
  return { from, to };
}
