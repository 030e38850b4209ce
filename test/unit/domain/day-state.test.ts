import { describe, expect, test } from '@jest/globals';
import { endOf, HOUR_MS, settledAt } from '../../../ingestion/domain/day.ts';
import {
  type DayState,
  isGap,
  isMissing,
  judgeRow,
  type RowEvidence,
  type RunScope,
  statusOf,
} from '../../../ingestion/domain/day-state.ts';

const DAY = '2026-05-12';
const SETTLED = settledAt(DAY);
const AT_72_H = endOf(DAY) + 72 * HOUR_MS;

describe('a row as its answer arrives', () => {
  const whole: RowEvidence = {
    ...{ day: DAY, hoursCovered: 24, lastSampleAt: endOf(DAY) - 1 },
    ...{ answerEndsAt: endOf(DAY), isCertain: true, hasMargin: true },
  };
  const endsEarly = { hoursCovered: 23, lastSampleAt: endOf(DAY) - HOUR_MS - 1 };
  test.each<[string, Partial<RowEvidence>, number, boolean, boolean, boolean]>([
    ['before the day is settled', {}, SETTLED - 1, false, false, false],
    ['short of hours before the day is settled', { hoursCovered: 3 }, SETTLED - 1, false, false, false],
    ['settled and whole', {}, SETTLED, true, false, true],
    ['settled with two empty hours', { hoursCovered: 22 }, SETTLED, true, false, true],
    ['settled with three', { hoursCovered: 21 }, SETTLED, true, true, false],
    ['without a sample in its last hour', endsEarly, SETTLED, true, true, false],
    ['without a sample after its end', { answerEndsAt: endOf(DAY) - 1 }, SETTLED, true, true, false],
    ['with what may be a fault', { isCertain: false }, AT_72_H - 1, true, true, false],
    ['with what may be a fault, at 72 h', { isCertain: false }, AT_72_H, true, false, true],
    ['without a margin', { hasMargin: false }, AT_72_H, true, false, false],
    ['thin just before 72 h', { hoursCovered: 1 }, AT_72_H - 1, true, true, false],
    ['thin at 72 h', { hoursCovered: 1 }, AT_72_H, true, true, true],
  ])('%s', (_, changes, receivedAt, isSettled, isThin, isFinal) => {
    expect(judgeRow({ ...whole, ...changes }, receivedAt)).toEqual({ isSettled, isThin, isFinal });
  });
});

const none = null;
const provisional = { isFinal: false, isThin: false };
const thin = { isFinal: false, isThin: true };
const final = { isFinal: true, isThin: false };

const YOUNG = AT_72_H - 1;
const OLD = AT_72_H;
const unconfirmed = { recordedAt: AT_72_H, isConfirmed: false };
const unavailable = { recordedAt: AT_72_H, isConfirmed: true };
const AT_48_H = unconfirmed.recordedAt + 48 * HOUR_MS;

describe('a day in a plan: stored before × absent × age at the due time', () => {
  // status, missing, gap, and gap of a run that has asked already
  test.each<[DayState['row'], DayState['absence'], number, string, boolean, boolean, boolean]>([
    [none, null, YOUNG, 'missing', true, true, true],
    [none, null, OLD, 'missing', true, true, true],
    [none, unconfirmed, OLD, 'unconfirmed', false, true, false],
    [none, unconfirmed, AT_48_H - 1, 'unconfirmed', false, true, false],
    [none, unconfirmed, AT_48_H, 'unconfirmed', true, true, false],
    [none, unavailable, AT_48_H, 'unavailable', false, false, false],
    [provisional, null, YOUNG, 'provisional', true, true, true],
    [provisional, null, OLD, 'provisional', true, true, true],
    [thin, null, YOUNG, 'thin', false, true, false],
    [thin, null, OLD, 'provisional', true, true, true],
    [final, null, YOUNG, 'final', false, false, false],
    [final, unavailable, OLD, 'final', false, false, false],
  ])('%j, absent %j, due at %i: %s', (row, absence, dueAt, status, missing, gap, askedAgain) => {
    const state: DayState = { day: DAY, row, absence, wasAsked: false };
    const scope: RunScope = { dueAt, refetch: false, namesDays: false };
    expect(statusOf(state, dueAt)).toBe(status);
    expect(isMissing(state, scope)).toBe(missing);
    expect(isGap(state, scope)).toBe(gap);
    expect(isGap({ ...state, wasAsked: true }, scope)).toBe(askedAgain);
  });

  test.each([none, provisional, thin, final])('a refetch asks once for %j, and misses it until it has', (row) => {
    const scope: RunScope = { dueAt: YOUNG, refetch: true, namesDays: false };
    const state: DayState = { day: DAY, row, absence: row === none ? unavailable : null, wasAsked: false };
    expect([isGap(state, scope), isMissing(state, scope)]).toEqual([true, true]);
    const asked = { ...state, wasAsked: true };
    const isStillOpen = row === provisional;
    expect([isGap(asked, scope), isMissing(asked, scope)]).toEqual([isStillOpen, isStillOpen]);
  });

  test('a request that names an unavailable day asks for it once more', () => {
    const scope: RunScope = { dueAt: AT_48_H, refetch: false, namesDays: true };
    const state: DayState = { day: DAY, row: none, absence: unavailable, wasAsked: false };
    expect([isGap(state, scope), isMissing(state, scope)]).toEqual([true, true]);
    const asked = { ...state, wasAsked: true };
    expect([isGap(asked, scope), isMissing(asked, scope)]).toEqual([false, false]);
    expect(isGap({ ...state, row: final, absence: null }, scope)).toBe(false);
  });
});
