import type { FailureKind } from './failure.ts';
import type { Finding } from './quality.ts';
import type { Series } from './series.ts';

export type RunStatus = 'running' | 'waiting' | 'complete' | 'partial' | 'failed' | 'interrupted';

/** A series within a run. `current` needed no request; `pending` was planned and not reached. */
export type SeriesStatus = 'current' | 'pending' | 'stored' | 'failed';

export type SeriesOutcome = Series & Readonly<{ status: SeriesStatus; daysWritten: number; error: string | null }>;

/** The days of a run's series, after unavailable ones are taken out of the expected. */
export type DayCounts = {
  readonly expectedDays: number;
  /** With a final row, or a thin one younger than 72 h. */
  readonly storedDays: number;
  readonly missingDays: number;
  readonly thinDays: number;
  /** Asked for again by every run; counted as missing once they have been so for 48 h. */
  readonly unconfirmedDays: number;
  readonly unavailableDays: number;
};

/** The result of a run, as `--json` prints it. */
export type Verdict = DayCounts & {
  readonly runId: string;
  readonly status: RunStatus;
  /** Only a full run says something about every series. */
  readonly isFullRun: boolean;
  /** Rows that the last hop wrote, and found as they were; the other totals are those of the whole run. */
  readonly rowsWritten: number;
  readonly rowsUnchanged: number;
  readonly requests: number;
  readonly credits: number;
  readonly retries: number;
  readonly rateLimited: number;
  /** Rows by cross rates that the run wrote. */
  readonly crossRateDays: number;
  /** How many series have a latest price from this run; null where it asked for none, or could have none. */
  readonly latestPrices: number | null;
  readonly durationMs: number;
  readonly series: readonly SeriesOutcome[];
  readonly findings: readonly Finding[];
  /** Why the run is not complete, for people; null when it is. */
  readonly error: string | null;
};

/** Why a hop stopped before its plan was worked off. */
export type StopCause = 'deadline' | 'interrupt' | 'source' | 'lock';

/**
 * A verdict with what the queue's handling needs to know beyond it.
 * @property hop of this hop alone; the verdict counts over all hops.
 * @property madeProgress fewer days are missing than when the hop began.
 * @property failures the kinds that remain at the end.
 * @property retryAfterMs the longest wait that the source asked for and the hop did not wait out.
 */
export type RunResult = {
  readonly verdict: Verdict;
  readonly hop: Pick<Verdict, 'requests' | 'retries' | 'rateLimited'>;
  readonly madeProgress: boolean;
  readonly stoppedBy: StopCause | null;
  readonly failures: readonly FailureKind[];
  readonly retryAfterMs: number | null;
};

/** @returns the status that a hop leaves its run in. `waiting` means that a continuation takes over. */
export function statusAfter(hop: {
  missingDays: number;
  stoppedBy: StopCause | null;
  canContinue: boolean;
  hasStoredAnswers: boolean;
}): RunStatus {
  if (hop.missingDays === 0) return 'complete';
  if (hop.stoppedBy === 'interrupt') return 'interrupted';
  if (hop.canContinue) return 'waiting';
  return hop.hasStoredAnswers ? 'partial' : 'failed';
}

/** @returns whether the hop ran out of time with progress, and nothing but time is in the way of the next one. */
export const onlyLacksTime = (hop: Pick<RunResult, 'madeProgress' | 'stoppedBy' | 'retryAfterMs'>): boolean =>
  hop.stoppedBy === 'deadline' && hop.madeProgress && hop.retryAfterMs === null;
