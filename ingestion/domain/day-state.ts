import type { DailyPrice } from './daily-price.ts';
import { type Day, endOf, HOUR_MS, type Instant, settledAt } from './day.ts';

/** With at most this many hours covered a settled day is thin; 22 are normal where the source skips or joins hours. */
const THIN_MAX_HOURS = 21;

/** How long an unconfirmed day may stay so before it counts as missing. A second answer is due within a day. */
const UNCONFIRMED_WAIT_MS = 48 * HOUR_MS;

/** How long after its end a thin day may still fill up at the source. Later it is taken as it is. */
const THIN_WAIT_MS = 72 * HOUR_MS;

/** What is stored of one expected day. */
export type DayState = {
  readonly day: Day;
  readonly row: { readonly isFinal: boolean; readonly isThin: boolean } | null;
  /** A proper answer held nothing of it; confirmed by a second one, it is a day that the source never had. */
  readonly absence: { readonly recordedAt: Instant; readonly isConfirmed: boolean } | null;
  /** An answer of the run in question was asked for it. */
  readonly wasAsked: boolean;
};

/** `provisional` and `missing` days count as missing; the two are told apart for people. */
export type DayStatus = 'final' | 'thin' | 'provisional' | 'unconfirmed' | 'unavailable' | 'missing';

/** @returns whether the day's end lies 72 h or more before the moment. */
export const isPastThinWait = (day: Day, at: Instant): boolean => at >= endOf(day) + THIN_WAIT_MS;

/**
 * What decides about a row as its answer arrives. @property answerEndsAt the newest sample of the answer.
 * @property isCertain no later answer can change which of its samples are outliers.
 * @property hasMargin the window reaches 36 h further on both sides, as far as now allowed.
 */
export type RowEvidence = Pick<DailyPrice, 'day' | 'hoursCovered' | 'lastSampleAt'> &
  Readonly<{ answerEndsAt: Instant; isCertain: boolean; hasMargin: boolean }>;

/** @returns whether a row computed from an answer received at that moment is settled, thin, and final. */
export function judgeRow(row: RowEvidence, receivedAt: Instant) {
  const { day, hoursCovered, lastSampleAt, answerEndsAt, isCertain, hasMargin } = row;
  const isSettled = receivedAt >= settledAt(day);
  const isOld = isPastThinWait(day, receivedAt);
  const endsEarly = lastSampleAt < endOf(day) - HOUR_MS || answerEndsAt < endOf(day);
  const isThin = isSettled && (hoursCovered <= THIN_MAX_HOURS || endsEarly || !(isCertain || isOld));
  return { isSettled, isThin, isFinal: isSettled && hasMargin && (!isThin || isOld) };
}

/** @returns what an expected day is, for a run due at that moment. */
export function statusOf({ day, row, absence }: DayState, dueAt: Instant): DayStatus {
  if (row?.isFinal) return 'final';
  if (absence) return absence.isConfirmed ? 'unavailable' : 'unconfirmed';
  if (!row) return 'missing';
  return row.isThin && !isPastThinWait(day, dueAt) ? 'thin' : 'provisional';
}

/**
 * What a run is, as far as it decides which days it asks for. @property refetch final ones too, each once.
 * @property namesDays the request names its days: those that are unavailable are asked for too, each once.
 */
export type RunScope = { readonly dueAt: Instant; readonly refetch: boolean; readonly namesDays: boolean };

/** @returns the scope of a run that asks for nothing in particular. */
export const fullScope = (dueAt: Instant): RunScope => ({ dueAt, refetch: false, namesDays: false });

/** @returns whether the run cannot be complete without this day. */
export function isMissing(state: DayState, { dueAt, refetch, namesDays }: RunScope): boolean {
  const status = statusOf(state, dueAt);
  if (!state.wasAsked && (refetch || (namesDays && status === 'unavailable'))) return true;
  if (status !== 'unconfirmed') return status === 'provisional' || status === 'missing';
  return state.absence !== null && dueAt >= state.absence.recordedAt + UNCONFIRMED_WAIT_MS;
}

/** @returns whether the run's plan asks for this day: once where it may be had later, and as often as it takes otherwise. */
export function isGap(state: DayState, scope: RunScope): boolean {
  const status = statusOf(state, scope.dueAt);
  if (status === 'thin' || status === 'unconfirmed') return !state.wasAsked;
  return isMissing(state, scope);
}
