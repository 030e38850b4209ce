// Which days a run expects of a series, before unavailable ones are taken out.
import type { RunRequest } from '../contract/run-request.ts';
import {
  addDays,
  DAY_MS,
  type Day,
  type DaySpan,
  dayOf,
  HOUR_MS,
  type Instant,
  lastSettledDay,
  mergeSpans,
} from './day.ts';
import { SURROUNDINGS_MS } from './outliers.ts';

/** How far back a series is filled when it is first opened. */
const FIRST_FILL_DAYS = 30;

/** CoinGecko has hourly prices from this day on. https://docs.coingecko.com/reference/coins-id-market-chart-range */
export const FIRST_HOURLY_DAY: Day = '2018-01-30';

/** @returns since when a series is tracked whose first answer is stored by a run due at that moment. */
export const trackedSince = (dueAt: Instant): Day => addDays(dayOf(dueAt), -FIRST_FILL_DAYS);

/** How long a request may wait before the plan's history has moved on too far. */
const HISTORY_SLACK_MS = HOUR_MS;

/** @returns the first day that a plan with that much history can still answer with all that the day is judged by. */
export function firstAvailableDay(at: Instant, historyDays: number): Day {
  const from = at - historyDays * DAY_MS + HISTORY_SLACK_MS + SURROUNDINGS_MS;
  const first = addDays(dayOf(from - 1), 1);
  return first > FIRST_HOURLY_DAY ? first : FIRST_HOURLY_DAY;
}

/** @returns whether the request names no days, coins or currencies: only such runs can say that all is well. */
export const isFullRun = ({ from, coins, currencies }: RunRequest): boolean => !from && !coins && !currencies;

/** What a series is expected to have, and what it can't have any more. Both ascending, without overlaps. */
export type ExpectedDays = { readonly expected: readonly DaySpan[]; readonly agedOut: readonly DaySpan[] };

/**
 * Days that the request names are expected, else the horizon and every range that was once asked for by hand, all up to
 * the last settled day. Days before the plan's history can't be had: of a requested range they are `agedOut`.
 * @param series.trackedSince null before its first answer. One that a clock set ahead has written comes down.
 * @param series.requested in any order; may overlap each other and the horizon.
 */
export function expectedDays(
  series: { readonly trackedSince: Day | null; readonly requested: readonly DaySpan[] },
  { dueAt, request, historyDays }: { dueAt: Instant; request: RunRequest; historyDays: number },
): ExpectedDays {
  const { from, to } = request;
  const settled = lastSettledDay(dueAt);
  const available = { first: firstAvailableDay(dueAt, historyDays), last: settled };
  // A request that begins before the plan's history is refused, and never cut.
  if (from && to) return { expected: clip([{ first: from, last: to }], { first: from, last: settled }), agedOut: [] };
  const latest = trackedSince(dueAt);
  const [first = latest] = [series.trackedSince ?? latest, latest].sort();
  const horizon = { first, last: settled };
  return {
    expected: clip(mergeSpans([horizon, ...series.requested]), available),
    agedOut: clip(mergeSpans(series.requested), { first: '0001-01-01', last: addDays(available.first, -1) }),
  };
}

/** @returns the parts of the spans that lie within the bounds. */
export const clip = (spans: readonly DaySpan[], bounds: DaySpan): DaySpan[] =>
  spans
    .map(({ first, last }) => ({
      first: first > bounds.first ? first : bounds.first,
      last: last < bounds.last ? last : bounds.last,
    }))
    .filter(({ first, last }) => first <= last);
