import type { RunResult, RunStatus, StopCause } from './verdict.ts';

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
