import type { RunMessage } from '../../ingestion/contract/run-request.ts';
import type { RunResult, RunStatus } from '../../ingestion/domain/verdict.ts';
import { runIdOf } from '../../ingestion/message/run-message.ts';

/** The message of a run's first hop. */
export const runMessage = (changes: object = {}): RunMessage => ({
  ...{ version: 1, runId: runIdOf('key:test'), triggerKey: 'key:test', trigger: 'http' },
  ...{ dueAt: '2026-11-23T02:00:00.000Z', request: {}, hop: 0 },
  ...changes,
});

const VERDICT = {
  ...{ runId: runIdOf('key:test'), isFullRun: true, durationMs: 1, series: [], findings: [], error: null },
  ...{ expectedDays: 3, storedDays: 1, missingDays: 2, thinDays: 0, unconfirmedDays: 0, unavailableDays: 0 },
  ...{ rowsWritten: 1, rowsUnchanged: 0, crossRateDays: 0, latestPrices: null },
  ...{ requests: 1, credits: 1, retries: 0, rateLimited: 0 },
};

/** What a hop came to. */
export const runResult = (status: RunStatus, changes: Partial<Omit<RunResult, 'verdict'>> = {}): RunResult => ({
  verdict: { ...VERDICT, status },
  hop: { requests: 1, retries: 0, rateLimited: 0 },
  ...{ madeProgress: true, stoppedBy: null, retryAfterMs: null, failures: [] },
  ...changes,
});
