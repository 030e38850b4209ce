import { describe, expect, test } from '@jest/globals';
import { endOf, HOUR_MS, settledAt } from '../../../ingestion/domain/day.ts';
import {
  type DayState,
  isGap,
  isMissing,
  judgeRow,
  type RunScope,
  statusOf,
} from '../../../ingestion/domain/day-state.ts';

const DAY = '2026-05-12';
const SETTLED = settledAt(DAY);
const AT_72_H = endOf(DAY) + 72 * HOUR_MS;

describe('a row as its answer arrives', () => {
  test.each([
    ['before the day is settled', SETTLED - 1, 24, false, false],
    ['settled and whole', SETTLED, 24, true, true],
    ['settled with two empty hours', SETTLED, 22, true, true],
    ['settled and thin', SETTLED, 21, true, false],
    ['thin just before 72 h', AT_72_H - 1, 1, true, false],
    ['thin at 72 h', AT_72_H, 1, true, true],
  ])('%s', (_, receivedAt, hours, isSettled, isFinal) => {
    expect(judgeRow(DAY, hours, receivedAt)).toEqual({ isSettled, isFinal });
  });
});

const none = null;
const unsettled = { isFinal: false, isSettled: false, hoursCovered: 20 };
const thin = { isFinal: false, isSettled: true, hoursCovered: 20 };
const final = { isFinal: true, isSettled: true, hoursCovered: 24 };

const YOUNG = AT_72_H - 1;
const OLD = AT_72_H;

describe('a day in a plan: stored before × unavailable × age at the due time', () => {
  // status, missing, gap of a run by hand, gap of a scheduled run, and of one that has asked already
  test.each([
    [none, false, YOUNG, 'missing', true, true, true, true],
    [none, false, OLD, 'missing', true, true, true, true],
    [none, true, OLD, 'unavailable', false, false, false, false],
    [unsettled, false, YOUNG, 'provisional', true, true, true, true],
    [unsettled, false, OLD, 'provisional', true, true, true, true],
    [thin, false, YOUNG, 'thin', false, false, true, false],
    [thin, false, OLD, 'provisional', true, true, true, true],
    [final, false, YOUNG, 'final', false, false, false, false],
    [final, false, OLD, 'final', false, false, false, false],
    [final, true, OLD, 'final', false, false, false, false],
  ])(
    '%j, unavailable %p, due at %i: %s',
    (row, isUnavailable, dueAt, status, missing, byHand, scheduled, askedAgain) => {
      const state: DayState = { day: DAY, row, isUnavailable, wasAsked: false };
      const scope: RunScope = { dueAt, isScheduled: false, refetch: false };
      expect(statusOf(state, dueAt)).toBe(status);
      expect(isMissing(state, scope)).toBe(missing);
      expect(isGap(state, scope)).toBe(byHand);
      expect(isGap(state, { ...scope, isScheduled: true })).toBe(scheduled);
      expect(isGap({ ...state, wasAsked: true }, { ...scope, isScheduled: true })).toBe(askedAgain);
    },
  );

  test.each([none, unsettled, thin, final])('a refetch asks once for %j, and misses it until it has', (row) => {
    const scope: RunScope = { dueAt: YOUNG, isScheduled: false, refetch: true };
    const state: DayState = { day: DAY, row, isUnavailable: row === none, wasAsked: false };
    expect([isGap(state, scope), isMissing(state, scope)]).toEqual([true, true]);
    const asked = { ...state, wasAsked: true };
    const isStillOpen = row === unsettled;
    expect([isGap(asked, scope), isMissing(asked, scope)]).toEqual([isStillOpen, isStillOpen]);
  });
});
