// What whoever is woken at night asks first. The status command and the status Lambda begin with it.
import type { Universe } from './contract/universe-schema.ts';
import type { Database } from './database/connection.ts';
import { type RunSummary, readLatestFullRun, readStatus, type Status } from './database/read-status.ts';
import { readSeriesOutcomes } from './database/runs.ts';
import { isLockHeld } from './database/sql/lock.ts';
import type { Instant } from './domain/day.ts';
import { type FailureKind, isTransient } from './domain/failure.ts';
import { seriesName } from './domain/series.ts';

export type TriagedStatus = Awaited<ReturnType<typeof readTriagedStatus>>;

/** @param options.runId shows this run only, with its series and findings. */
export async function readTriagedStatus(
  database: Database,
  options: { now: Instant; universe: Universe; scheduledAt: Instant | null; runId?: string },
) {
  const { scheduledAt, ...question } = options;
  const status = await readStatus(database, question);
  const latest = await readLatestFullRun(database);
  const run = latest && { ...latest, state: stateOf(latest, await isLockHeld(database)) };
  const outcomes = run?.state === 'failed' ? await readSeriesOutcomes(database.db, run.runId) : [];
  const causes = [...new Set(outcomes.flatMap(({ errorKind }) => errorKind ?? []))];
  return { triage: triage(status, run, scheduledAt, causes), ...status };
}

/**
 * @param run the full run that began last; undefined before the first.
 * @param causes the kinds of its failures.
 * @returns three questions, each answered in one sentence that names what it is about: is there a complete full run since the
 * schedule's last time (without a schedule, ever), what is missing and why, and what is to be done?
 */
export function triage(status: Status, run: LatestRun, scheduledAt: Instant | null, causes: readonly FailureKind[]) {
  const { lastCompleteRunAt } = status;
  const isComplete = lastCompleteRunAt !== null && Date.parse(lastCompleteRunAt) >= (scheduledAt ?? 0);
  const { days, neverFetched } = countMissing(status);
  const isLacking = days > 0 || neverFetched.length > 0;
  return {
    scheduledAt: scheduledAt === null ? null : new Date(scheduledAt).toISOString(),
    isComplete,
    complete: completeSentence(status, run, scheduledAt, isComplete),
    missing: isLacking
      ? missingSentence(status, why(run, isComplete, causes))
      : `Missing: nothing.${failedAllTheSame(run)}`,
    next: nextSentence(run, { isFine: isComplete && !isLacking && run?.state !== 'failed', causes }),
  };
}

/** The latest full run, if there is one. */
type LatestRun = (RunSummary & { readonly state: RunState }) | undefined;
type RunState = 'complete' | 'at work' | 'failed';

/** A running run whose process has died holds no lock. */
function stateOf({ status }: RunSummary, isLockHeld: boolean): RunState {
  if (status === 'complete') return 'complete';
  return status === 'waiting' || (status === 'running' && isLockHeld) ? 'at work' : 'failed';
}

function completeSentence(
  { lastCompleteRunAt }: Status,
  run: LatestRun,
  scheduledAt: Instant | null,
  isComplete: boolean,
) {
  const last = lastCompleteRunAt === null ? null : minute(lastCompleteRunAt);
  const due = scheduledAt === null ? null : minute(new Date(scheduledAt).toISOString());
  if (isComplete) return `Complete: yes, since ${last} UTC; ${due ? `scheduled for ${due}` : 'there is no schedule'}.`;
  if (run?.state === 'at work')
    return `Complete: not yet; a full run is ${run.status} since ${minute(run.startedAt)} UTC.`;
  if (due === null) return 'Complete: NO full run ever; there is no schedule.';
  return `Complete: NO full run since ${due} UTC; ${last ? `the last one ended ${last}` : 'none ever'}.`;
}

function missingSentence(status: Status, reason: string): string {
  const { days, ofSeries, first, neverFetched } = countMissing(status);
  const [series] = neverFetched;
  const parts = [
    ...(days > 0 ? [`${count(days, 'day')} of ${ofSeries} series since ${first}`] : []),
    ...(series ? [`${neverFetched.length} series never fetched, ${seriesName(series)} first`] : []),
  ];
  return `Missing: ${parts.join(', and ')}. Why: ${reason}`;
}

/** A wrong clock fails a run that nothing is missing of. */
const failedAllTheSame = (run: LatestRun): string =>
  run?.state === 'failed' ? ` But the full run of ${minute(run.startedAt)} UTC failed: ${run.error}` : '';

/** In a few words, which a line of a terminal still shows; what the run says of it comes after them. */
const CAUSES: Readonly<Record<FailureKind, string>> = {
  network: 'CoinGecko was not reached',
  timeout: 'CoinGecko did not answer',
  rate_limited: 'too many requests',
  server_error: 'CoinGecko had an error',
  blocked: 'CoinGecko blocked us',
  malformed: 'answers were unreadable',
  incomplete: 'answers lacked days',
  wrong_granularity: 'answers were not hourly',
  empty: 'answers were empty',
  not_found: 'CoinGecko knows no such coin',
  history: "beyond the plan's history",
  plan: 'the plan does not cover it',
  wrong_key: 'the key is not accepted',
  clock: "this machine's clock is wrong",
  credits: 'no credits are left',
  refused: 'the request was refused',
};

function why(run: LatestRun, isComplete: boolean, causes: readonly FailureKind[]): string {
  if (run?.state === 'at work') return 'the run is fetching them.';
  if (run?.state === 'failed') {
    const told = run.error ?? `the process of the run of ${minute(run.startedAt)} died before it had a verdict.`;
    return [...causes.map((cause) => CAUSES[cause]), told].join('; ');
  }
  return isComplete ? 'settled or tracked since the last run.' : 'no full run began since; did the schedule fire?';
}

function nextSentence(run: LatestRun, { isFine, causes }: { isFine: boolean; causes: readonly FailureKind[] }): string {
  if (isFine) return 'Next: nothing to do.';
  if (run?.state === 'at work') return `Next: wait; npm run status -- --run ${run.runId} shows it.`;
  const again = 'npm run fetch-data (on AWS the output FireRun) asks for it';
  // A cause that stays is the same when the run is repeated.
  return causes.length > 0 && !causes.some(isTransient) ? `Next: fix the cause, then ${again}.` : `Next: ${again}.`;
}

function countMissing({ series }: Status) {
  const lacking = series.filter(({ missingDays }) => missingDays.length > 0);
  const days = lacking.flatMap(({ missingDays }) => missingDays).sort();
  const neverFetched = series.filter((one) => one.trackedSince === null && one.missingDays.length === 0);
  return { days: days.length, ofSeries: lacking.length, first: days[0], neverFetched };
}

/** @returns `2026-01-31 02:00`. */
const minute = (iso: string): string => iso.slice(0, 16).replace('T', ' ');

const count = (items: number, noun: string): string => `${items} ${noun}${items === 1 ? '' : 's'}`;
