// Which days a run expects of a series, before unavailable ones are taken out.
import type { RunRequest } from '../contract/run-request.ts';
import { addDays, type Day, type DaySpan, dayOf, type Instant, lastSettledDay, mergeSpans } from './day.ts';

/** How far back a series is filled when it is first opened. */
const FIRST_FILL_DAYS = 30;

/** CoinGecko has hourly prices from this day on. https://docs.coingecko.com/reference/coins-id-market-chart-range */
export const FIRST_HOURLY_DAY: Day = '2018-01-30';

/** @returns since when a series is tracked that a run due at that moment opens. */
export const trackedSince = (dueAt: Instant): Day => addDays(dayOf(dueAt), -FIRST_FILL_DAYS);

/** @returns the first whole day that a plan with that much history can still answer. */
export function firstAvailableDay(at: Instant, historyDays: number): Day {
  const first = addDays(dayOf(at), 1 - historyDays);
  return first > FIRST_HOURLY_DAY ? first : FIRST_HOURLY_DAY;
}

/** @returns whether the request names no days, coins or currencies: only such runs can say that all is well. */
export const isFullRun = ({ from, coins, currencies }: RunRequest): boolean => !from && !coins && !currencies;

/** What a series is expected to have, and what it can't have any more. Both ascending, without overlaps. */
export type ExpectedDays = { readonly expected: readonly DaySpan[]; readonly agedOut: readonly DaySpan[] };

/**
 * Days that the request names are expected, else the horizon and every range that was once asked for by hand, all up to
 * the last settled day. Days before the plan's history can't be had: of a requested range they are `agedOut`.
 * @param series.requested in any order; may overlap each other and the horizon.
 */
export function expectedDays(
  series: { readonly trackedSince: Day; readonly requested: readonly DaySpan[] },
  { dueAt, request, historyDays }: { dueAt: Instant; request: RunRequest; historyDays: number },
): ExpectedDays {
  const { from, to } = request;
  const settled = lastSettledDay(dueAt);
  const available = { first: firstAvailableDay(dueAt, historyDays), last: settled };
  // A request that begins before the plan's history is refused, and never cut.
  if (from && to) return { expected: clip([{ first: from, last: to }], { first: from, last: settled }), agedOut: [] };
  const horizon = { first: series.trackedSince, last: settled };
  return {
    expected: clip(mergeSpans([horizon, ...series.requested]), available),
    agedOut: clip(mergeSpans(series.requested), { first: '0001-01-01', last: addDays(available.first, -1) }),
  };
}

/** @returns the parts of the spans that lie within the bounds. */
const clip = (spans: readonly DaySpan[], bounds: DaySpan): DaySpan[] =>
  spans
    .map(({ first, last }) => ({
      first: first > bounds.first ? first : bounds.first,
      last: last < bounds.last ? last : bounds.last,
    }))
    .filter(({ first, last }) => first <= last);
