import { describe, expect, test } from '@jest/globals';
import type { SeriesCoverage } from '../../ingestion/database/coverage.ts';
import type { RunSummary, Status } from '../../ingestion/database/read-status.ts';
import { triage } from '../../ingestion/triage.ts';
import { EMPTY, RUN as PAGE_RUN } from '../support/page-data.ts';

const RUN_ID = '0b9c1f4e-5a3d-5c7e-8f10-2a4b6c8d0e1f';
const SCHEDULED_AT = Date.parse('2026-01-31T02:00Z');

const SERIES: SeriesCoverage = {
  ...{ coin: 'bitcoin', currency: 'usd', trackedSince: '2026-01-01', firstFinalDay: '2026-01-01' },
  ...{ lastFinalDay: '2026-01-30', newestDay: '2026-01-31', finalDays: 30, thinDays: 0, provisionalDays: 1 },
  ...{ missingDays: [], unconfirmedDays: [], unavailableDays: [] },
};

const RUN: RunSummary = {
  ...{ ...PAGE_RUN, runId: RUN_ID, dueAt: '2026-01-31T02:00:00.000Z', startedAt: '2026-01-31T02:00:05.000Z' },
  ...{ lastWriteAt: '2026-01-31T02:03:00.000Z', finishedAt: '2026-01-31T02:04:00.000Z' },
};

const FINE: Status = {
  ...{ ...EMPTY.status, now: '2026-01-31T02:10:00.000Z', lastCompleteRunAt: RUN.finishedAt, hoursSinceComplete: 0.1 },
  ...{ newestFinalDay: '2026-01-30', priceAgeHours: 2, creditsThisMonth: 1, series: [SERIES] },
};

const BEHIND: Status = {
  ...FINE,
  lastCompleteRunAt: '2026-01-30T02:04:00.000Z',
  series: [SERIES, { ...SERIES, currency: 'eur', missingDays: ['2026-01-29', '2026-01-30'] }],
};
const DONE = { ...RUN, state: 'complete' } as const;
type Run = NonNullable<Parameters<typeof triage>[1]>;
const unfinished = (run: Pick<Run, 'state'> & Partial<Run>): Run => ({ ...RUN, finishedAt: null, ...run });

const answersOf = (...args: Parameters<typeof triage>) => {
  const { complete, missing, next } = triage(...args);
  return [complete, missing, next];
};

test('after the scheduled run all is well', () => {
  expect(triage(FINE, DONE, SCHEDULED_AT, [])).toEqual({
    scheduledAt: '2026-01-31T02:00:00.000Z',
    isComplete: true,
    complete: 'Complete: yes, since 2026-01-31 02:04 UTC; scheduled for 2026-01-31 02:00.',
    missing: 'Missing: nothing.',
    next: 'Next: nothing to do.',
  });
});

test('a schedule that did not fire is asked about', () => {
  expect(answersOf(BEHIND, undefined, SCHEDULED_AT, [])).toEqual([
    'Complete: NO full run since 2026-01-31 02:00 UTC; the last one ended 2026-01-30 02:04.',
    'Missing: 2 days of 1 series since 2026-01-29. Why: no full run began since; did the schedule fire?',
    'Next: npm run fetch-data (on AWS the output FireRun) asks for it.',
  ]);
});

test('a run that failed says why; it is repeated, unless the cause stays', () => {
  const failed = unfinished({ status: 'failed', state: 'failed', error: 'No answer of api.coingecko.com.' });
  expect(answersOf(BEHIND, failed, SCHEDULED_AT, ['network', 'not_found'])).toEqual([
    expect.stringMatching(/^Complete: NO/),
    'Missing: 2 days of 1 series since 2026-01-29. Why: CoinGecko was not reached; CoinGecko knows no such coin; No answer of api.coingecko.com.',
    'Next: npm run fetch-data (on AWS the output FireRun) asks for it.',
  ]);
  expect(triage(BEHIND, failed, SCHEDULED_AT, ['wrong_key']).next).toMatch(
    /^Next: fix the cause, then npm run fetch-data/,
  );
});

test('a run that is at work is waited for', () => {
  expect(answersOf(BEHIND, unfinished({ status: 'running', state: 'at work' }), SCHEDULED_AT, [])).toEqual([
    'Complete: not yet; a full run is running since 2026-01-31 02:00 UTC.',
    expect.stringMatching(/Why: the run is fetching them\.$/),
    `Next: wait; npm run status -- --run ${RUN_ID} shows it.`,
  ]);
});

test('a run whose process was killed is not waited for', () => {
  expect(answersOf(BEHIND, unfinished({ status: 'running', state: 'failed' }), SCHEDULED_AT, [])).toEqual([
    expect.stringMatching(/^Complete: NO/),
    expect.stringMatching(/Why: the process of the run of 2026-01-31 02:00 died before it had a verdict\.$/),
    expect.stringMatching(/^Next: npm run fetch-data/),
  ]);
});

describe('a complete run', () => {
  test('does not hide days that were settled, or series that were added, after it', () => {
    const series = [
      { ...SERIES, missingDays: ['2026-01-31'] },
      { ...SERIES, coin: 'pepe', trackedSince: null },
    ];
    expect(answersOf({ ...FINE, series }, DONE, SCHEDULED_AT, [])).toEqual([
      expect.stringMatching(/^Complete: yes/),
      'Missing: 1 day of 1 series since 2026-01-31, and 1 series never fetched, pepe/usd first. Why: settled or tracked since the last run.',
      expect.stringMatching(/^Next: npm run fetch-data/),
    ]);
  });

  test('counts whenever it ended, where there is no schedule', () => {
    expect(triage(BEHIND, undefined, null, [])).toMatchObject({ scheduledAt: null, isComplete: true });
    expect(triage({ ...BEHIND, lastCompleteRunAt: null }, undefined, null, []).complete).toBe(
      'Complete: NO full run ever; there is no schedule.',
    );
  });
});
