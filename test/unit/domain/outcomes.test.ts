import { describe, expect, test } from '@jest/globals';
import { refusalForCredits, reservedCredits, startOfMonth } from '../../../ingestion/domain/credits.ts';
import { type RunStatus, type StopCause, statusAfter } from '../../../ingestion/domain/verdict.ts';

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
