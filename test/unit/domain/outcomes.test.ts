import { describe, expect, test } from '@jest/globals';
import { refusalForCredits, reservedCredits, startOfMonth } from '../../../ingestion/domain/credits.ts';
import type { FailureKind } from '../../../ingestion/domain/failure.ts';
import { fateOf, statusAfter } from '../../../ingestion/domain/outcomes.ts';
import type { RunResult, RunStatus, StopCause } from '../../../ingestion/domain/verdict.ts';

const MINUTE_MS = 60_000;

describe('the status after a hop', () => {
  test.each<[number, StopCause | null, boolean, boolean, RunStatus]>([
    [0, null, false, true, 'complete'],
    [0, 'interrupt', false, false, 'complete'],
    [1, 'interrupt', false, true, 'interrupted'],
    [1, 'deadline', true, true, 'waiting'],
    [1, 'deadline', false, true, 'partial'],
    [1, null, false, true, 'partial'],
    [1, 'source', false, true, 'partial'],
    [1, 'source', false, false, 'failed'],
    [1, null, false, false, 'failed'],
  ])(
    '%i missing, stopped by %s, can continue %p, stored answers %p: %s',
    (missingDays, stoppedBy, canContinue, hasStoredAnswers, status) => {
      expect(statusAfter({ missingDays, stoppedBy, canContinue, hasStoredAnswers })).toBe(status);
    },
  );
});

describe('the fate of the message', () => {
  const result = (status: RunStatus, rest: Partial<RunResult> = {}): RunResult => ({
    verdict: {
      runId: '6b1f0a0e-5c1c-5b52-8a8e-0d2f9f6f4f10',
      status,
      expectedDays: 44,
      storedDays: 40,
      missingDays: 4,
      thinDays: 0,
      unavailableDays: 0,
      rowsWritten: 0,
      rowsUnchanged: 0,
      requests: 0,
      credits: 0,
      retries: 0,
      rateLimited: 0,
      durationMs: 1,
      series: [],
      findings: [],
      error: null,
    },
    madeProgress: true,
    stoppedBy: null,
    failures: [],
    retryAfterMs: null,
    ...rest,
  });

  test('complete: deleted', () => {
    expect(fateOf(result('complete'), 1)).toEqual({ kind: 'delete' });
  });

  test('deadline with progress: continued', () => {
    expect(fateOf(result('waiting', { stoppedBy: 'deadline' }), 1)).toEqual({ kind: 'continue' });
  });

  test('deadline without progress, or while the source wants a pause: tried again', () => {
    expect(fateOf(result('partial', { stoppedBy: 'deadline', madeProgress: false }), 1)).toEqual({
      kind: 'retry',
      delayMs: MINUTE_MS,
    });
    expect(fateOf(result('partial', { stoppedBy: 'deadline', retryAfterMs: 7 * MINUTE_MS }), 1)).toEqual({
      kind: 'retry',
      delayMs: 7 * MINUTE_MS,
    });
  });

  test.each([
    [1, null, 1],
    [2, null, 5],
    [3, null, 20],
    [4, null, 60],
    [5, null, 60],
    [2, 30 * MINUTE_MS, 30],
    [1, 24 * 60 * MINUTE_MS, 360],
  ])(
    'a transient cause at receive %i with Retry-After %p: again after %i min',
    (receiveCount, retryAfterMs, minutes) => {
      const failed = result('failed', { failures: ['network'], retryAfterMs });
      expect(fateOf(failed, receiveCount)).toEqual({ kind: 'retry', delayMs: minutes * MINUTE_MS });
    },
  );

  test.each<FailureKind>(['not_found', 'wrong_key', 'plan', 'history'])(
    'only %s remains: to the dead-letter queue',
    (kind) => {
      expect(fateOf(result('partial', { failures: [kind] }), 1)).toEqual({ kind: 'dead-letter', reason: kind });
      expect(fateOf(result('partial', { failures: [kind, 'timeout'] }), 1).kind).toBe('retry');
    },
  );

  test('days that are missing without a failure are asked for again', () => {
    expect(fateOf(result('partial'), 1).kind).toBe('retry');
  });
});

describe('credits', () => {
  test('are counted by UTC month', () => {
    expect(new Date(startOfMonth(Date.parse('2026-03-31T23:30:00-05:00'))).toISOString()).toBe(
      '2026-04-01T00:00:00.000Z',
    );
  });

  test('what scheduled runs still need is one request a series on each day left', () => {
    expect(reservedCredits(Date.parse('2026-11-23T12:00:00Z'), 44)).toBe(7 * 44);
    expect(reservedCredits(Date.parse('2026-12-31T12:00:00Z'), 44)).toBe(0);
    expect(reservedCredits(Date.parse('2024-02-01T00:00:00Z'), 1)).toBe(28);
  });

  test('a request that does not fit is refused with its numbers', () => {
    const account = { quota: 10_000, used: 9_500, needed: 220, reserved: 308 };
    expect(refusalForCredits({ ...account, used: 9_472 })).toBeNull();
    const refusal = refusalForCredits(account);
    for (const figure of ['220', '192', '9500', '10000', '308']) expect(refusal).toContain(figure);
  });
});
