import { type Day, endOf, HOUR_MS, type Instant, settledAt } from './day.ts';

/** A settled day with at most this many hours covered is thin; 22 are normal where the source skips or joins hours. */
const THIN_MAX_HOURS = 21;

/** How long after its end a thin day may still fill up at the source. Later it is taken as it is. */
const THIN_WAIT_MS = 72 * HOUR_MS;

/** What is stored of one expected day. */
export type DayState = {
  readonly day: Day;
  readonly row: { readonly isFinal: boolean; readonly isSettled: boolean; readonly hoursCovered: number } | null;
  /** Confirmed as a day that the source never had. */
  readonly isUnavailable: boolean;
  /** An answer of the run in question was asked for it. */
  readonly wasAsked: boolean;
};

/** `provisional` and `missing` days count as missing; the two are told apart for people. */
export type DayStatus = 'final' | 'thin' | 'provisional' | 'unavailable' | 'missing';

/** @returns whether the day's end lies 72 h or more before the moment. */
export const isPastThinWait = (day: Day, at: Instant): boolean => at >= endOf(day) + THIN_WAIT_MS;

/** @returns whether a row computed from an answer received at that moment is settled, and whether it is final. */
export function judgeRow(
  day: Day,
  hoursCovered: number,
  receivedAt: Instant,
): { isSettled: boolean; isFinal: boolean } {
  const isSettled = receivedAt >= settledAt(day);
  const isThin = hoursCovered <= THIN_MAX_HOURS;
  return { isSettled, isFinal: isSettled && (!isThin || isPastThinWait(day, receivedAt)) };
}

/** @returns what an expected day is, for a run due at that moment. */
export function statusOf({ day, row, isUnavailable }: DayState, dueAt: Instant): DayStatus {
  if (row?.isFinal) return 'final';
  if (isUnavailable) return 'unavailable';
  if (!row) return 'missing';
  const isThin = row.isSettled && row.hoursCovered <= THIN_MAX_HOURS;
  return isThin && !isPastThinWait(day, dueAt) ? 'thin' : 'provisional';
}

/** What a run is, as far as it decides which days it asks for. */
export type RunScope = {
  readonly dueAt: Instant;
  /** Scheduled runs ask once for thin days. */
  readonly isScheduled: boolean;
  /** Final and unavailable days are asked for too, each once. */
  readonly refetch: boolean;
};

/** @returns whether the run cannot be complete without this day. */
export function isMissing(state: DayState, { dueAt, refetch }: RunScope): boolean {
  const status = statusOf(state, dueAt);
  if (status === 'provisional' || status === 'missing') return true;
  return refetch && !state.wasAsked;
}

/** @returns whether the run's plan asks for this day. */
export function isGap(state: DayState, scope: RunScope): boolean {
  if (isMissing(state, scope)) return true;
  return scope.isScheduled && !state.wasAsked && statusOf(state, scope.dueAt) === 'thin';
}
