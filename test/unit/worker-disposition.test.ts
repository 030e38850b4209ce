import { describe, expect, test } from '@jest/globals';
import { dispositionAfter } from '../../functions/worker/disposition.ts';
import { MAX_HOPS } from '../../ingestion/contract/limits.ts';
import type { RunMessage } from '../../ingestion/contract/run-request.ts';
import type { FailureKind } from '../../ingestion/domain/failure.ts';
import type { RunResult, RunStatus } from '../../ingestion/domain/verdict.ts';

const MINUTE_MS = 60_000;

const message: RunMessage = {
  version: 1,
  runId: '6b1f0a0e-5c1c-5b52-8a8e-0d2f9f6f4f10',
  triggerKey: 'test',
  trigger: 'schedule',
  dueAt: '2026-11-23T02:00:00Z',
  request: {},
  hop: 0,
};
const disposition = (result: RunResult, receiveCount: number) => dispositionAfter(result, message, receiveCount);

describe('the disposition of a message', () => {
  const result = (status: RunStatus, rest: Partial<RunResult> = {}): RunResult => ({
    verdict: {
      runId: '6b1f0a0e-5c1c-5b52-8a8e-0d2f9f6f4f10',
      status,
      isFullRun: true,
      expectedDays: 44,
      storedDays: 40,
      missingDays: 4,
      thinDays: 0,
      unconfirmedDays: 0,
      unavailableDays: 0,
      rowsWritten: 0,
      rowsUnchanged: 0,
      requests: 0,
      credits: 0,
      retries: 0,
      rateLimited: 0,
      crossRateDays: 0,
      latestPrices: null,
      durationMs: 1,
      series: [],
      findings: [],
      error: null,
    },
    hop: { requests: 1, retries: 0, rateLimited: 0 },
    madeProgress: true,
    stoppedBy: null,
    failures: [],
    retryAfterMs: null,
    ...rest,
  });

  test('complete: deleted', () => {
    expect(disposition(result('complete'), 1)).toEqual({ kind: 'delete' });
  });

  test('deadline with progress: continued', () => {
    expect(disposition(result('waiting', { stoppedBy: 'deadline' }), 1)).toEqual({
      kind: 'continue',
      next: { ...message, hop: 1 },
    });
  });

  test('deadline without progress, or while the source wants a pause: tried again', () => {
    expect(disposition(result('partial', { stoppedBy: 'deadline', madeProgress: false }), 1)).toEqual({
      kind: 'retry',
      delayMs: MINUTE_MS,
    });
    expect(disposition(result('partial', { stoppedBy: 'deadline', retryAfterMs: 7 * MINUTE_MS }), 1)).toEqual({
      kind: 'retry',
      delayMs: 7 * MINUTE_MS,
    });
  });

  test.each([
    [1, null, 1],
    [2, null, 5],
    [3, null, 20],
    [4, null, 60],
    [2, 30 * MINUTE_MS, 30],
    [1, 24 * 60 * MINUTE_MS, 360],
  ])(
    'a transient cause at receive %i with Retry-After %p: again after %i min',
    (receiveCount, retryAfterMs, minutes) => {
      const failed = result('failed', { failures: ['network'], retryAfterMs });
      expect(disposition(failed, receiveCount)).toEqual({ kind: 'retry', delayMs: minutes * MINUTE_MS });
    },
  );

  test.each<FailureKind>(['not_found', 'wrong_key', 'plan', 'history'])(
    'only %s remains: to the dead-letter queue',
    (kind) => {
      expect(disposition(result('partial', { failures: [kind] }), 1)).toEqual({ kind: 'dead-letter', reason: kind });
      expect(disposition(result('partial', { failures: [kind, 'timeout'] }), 1).kind).toBe('retry');
    },
  );

  test('days that are missing without a failure are asked for again', () => {
    expect(disposition(result('partial'), 1).kind).toBe('retry');
  });

  test('the fifth receive is the last one', () => {
    expect(disposition(result('failed', { failures: ['network'] }), 5)).toEqual({ kind: 'give-up' });
  });

  test('a run of too many hops is not continued', () => {
    const after = dispositionAfter(result('waiting', { stoppedBy: 'deadline' }), { ...message, hop: MAX_HOPS }, 1);
    expect(after).toEqual({ kind: 'dead-letter', reason: 'too_many_hops' });
  });
});
