import { describe, expect, test } from '@jest/globals';
import { lastDueAt, longestIntervalMinutes, nextDueAt, ScheduleError } from '../../lib/schedule/schedule-expression.ts';

test.each([
  ['rate(1 minute)', 1],
  ['rate(12 hours)', 12 * 60],
  ['rate(1 day)', 24 * 60],
  ['cron(0 2 * * ? *)', 24 * 60],
  ['cron(0/15 * * * ? *)', 15],
  ['cron(30 2,14 * * ? *)', 12 * 60],
  ['cron(0 2,8 * * ? *)', 18 * 60],
  ['cron(0 8-17 ? * MON-FRI *)', 63 * 60],
  ['cron(0 2 ? * mon,wed,fri *)', 72 * 60],
  ['cron(0 2 ? * 2 *)', 7 * 24 * 60],
  ['cron(0 2 1 * ? *)', 31 * 24 * 60],
  ['cron(0 2 1/2 * ? *)', 48 * 60],
  ['cron(*/20 0 * * ? *)', 23 * 60 + 20],
  ['cron(*/15 * * * ? *)', 15],
  ['cron(* * * * ? *)', 1],
  ['cron(0 2 L * ? *)', 31 * 24 * 60],
  ['cron(0 9 ? * 6#3 *)', 35 * 24 * 60],
])('%s is silent for at most %i minutes', (expression, minutes) => {
  expect(longestIntervalMinutes(expression)).toBe(minutes);
});

test.each([
  ['cron(0 2 * * ? *)', '2026-11-27T02:00:00Z', '2026-11-27T02:00:00.000Z'],
  ['cron(0 2 * * ? *)', '2026-11-27T01:59:59Z', '2026-11-26T02:00:00.000Z'],
  ['cron(0 2 ? * 2 *)', '2026-11-29T23:00:00Z', '2026-11-23T02:00:00.000Z'],
  ['rate(12 hours)', '2026-11-27T02:00:00Z', '2026-11-26T14:00:00.000Z'],
])('%s was due, at %s, at %s', (expression, now, last) => {
  expect(new Date(lastDueAt(expression, Date.parse(now))).toISOString()).toBe(last);
});

test.each([
  ['cron(0 2 * * ? *)', '2026-11-27T02:00:00Z', '2026-11-28T02:00:00.000Z'],
  ['cron(0 2 ? * 2 *)', '2026-11-27T02:00:00Z', '2026-11-30T02:00:00.000Z'],
  ['cron(0 2 ? * 1 *)', '2026-11-27T02:00:00Z', '2026-11-29T02:00:00.000Z'],
  ['cron(0 2 ? * 7 *)', '2026-11-27T02:00:00Z', '2026-11-28T02:00:00.000Z'],
  ['cron(0 2 ? * 2-6 *)', '2026-11-27T02:00:00Z', '2026-11-30T02:00:00.000Z'],
  ['cron(0 2 ? * MON-FRI *)', '2026-11-27T02:00:00Z', '2026-11-30T02:00:00.000Z'],
  ['cron(0 9 ? * 6#3 *)', '2026-11-27T02:00:00Z', '2026-12-18T09:00:00.000Z'],
  ['cron(0 9 ? * 6L *)', '2026-11-27T12:00:00Z', '2026-12-25T09:00:00.000Z'],
  ['cron(0 2 ? * L *)', '2026-11-27T02:00:00Z', '2026-11-28T02:00:00.000Z'],
  ['cron(0 2 ? * MON/2 *)', '2026-11-27T02:00:00Z', '2026-11-30T02:00:00.000Z'],
  ['cron(0 2 1 FEB/3 ? *)', '2026-11-27T02:00:00Z', '2027-02-01T02:00:00.000Z'],
  ['cron(0 2 L * ? *)', '2026-11-27T02:00:00Z', '2026-11-30T02:00:00.000Z'],
  ['cron(0 2 LW * ? *)', '2027-01-15T00:00:00Z', '2027-01-29T02:00:00.000Z'],
  ['cron(0 2 15W * ? *)', '2026-11-27T02:00:00Z', '2026-12-15T02:00:00.000Z'],
  ['cron(0/15 * * * ? *)', '2026-11-27T02:07:00Z', '2026-11-27T02:15:00.000Z'],
  ['cron(5/20 * * * ? *)', '2026-11-27T02:07:00Z', '2026-11-27T02:25:00.000Z'],
  ['rate(12 hours)', '2026-11-27T02:07:00Z', '2026-11-27T14:07:00.000Z'],
])('%s is next due, after %s, at %s', (expression, after, next) => {
  expect(new Date(nextDueAt(expression, Date.parse(after))).toISOString()).toBe(next);
});

describe('what EventBridge would refuse', () => {
  test.each([
    ['cron(60 2 * * ? *)', 'Invalid value for minute: 60'],
    ['cron(? 2 * * ? *)', '"?" is no minute for EventBridge; it takes 0 to 59'],
    ['cron(1, 2 * * ? *)', 'is no schedule'],
    ['cron(0/0 2 * * ? *)', 'is no schedule'],
    ['cron(0 24 * * ? *)', 'Invalid value for hour: 24'],
    ['cron(0 22-2 * * ? *)', 'is no schedule'],
    ['cron(0 2 32 * ? *)', 'is no schedule'],
    ['cron(0 2 45W * ? *)', 'is no schedule'],
    ['cron(0 2 1,L * ? *)', '"1,L" is no day for EventBridge; it takes 1 to 31, ?, L or 15W'],
    ['cron(0 2 ? 13 2 *)', 'is no schedule'],
    ['cron(0 2 ? XYZ 2 *)', 'is no schedule'],
    ['cron(0 2 ? * 0 *)', '"0" is no weekday for EventBridge; it takes 1 (Sunday) to 7'],
    ['cron(0 2 ? * 8 *)', '"8" is no weekday'],
    ['cron(0 2 ? * +MON *)', '"+MON" is no weekday'],
    ['cron(0 2 ? * MON#6 *)', '"MON#6" is no weekday'],
    ['cron(0 2 ? * 3#1,6#3 *)', '"3#1,6#3" is no weekday'],
    ['cron(0 2 ? * MON,6L *)', '"MON,6L" is no weekday'],
    ['cron(0 2 * * * *)', 'needs a ? as its day or as its weekday'],
    ['cron(0 2 ? * ? *)', 'and not as both'],
    ['cron(0 2 * * ? 2027)', '"2027" is no year for EventBridge; it takes *'],
    ['cron(0 2 * * ?)', 'minute, hour, day, month, weekday, year'],
    ['cron(0 2 * * ? *) ', 'is no schedule'],
    ['@daily', 'is no schedule'],
    ['rate(1.5 hours)', 'is no schedule'],
    ['rate(0 hours)', 'it takes rate(1 hour), rate(12 hours)'],
    ['rate(1 hours)', 'it takes rate(1 hour), rate(12 hours)'],
    ['rate(12 hour)', 'it takes rate(1 hour), rate(12 hours)'],
  ])('%s', (expression, reason) => {
    for (const read of [() => nextDueAt(expression, 0), () => longestIntervalMinutes(expression)]) {
      expect(read).toThrow(ScheduleError);
      expect(read).toThrow(reason);
    }
  });

  test('days that never come', () => {
    expect(() => longestIntervalMinutes('cron(0 2 30 2 ? *)')).toThrow('is never due');
    expect(() => nextDueAt('cron(0 2 30 2 ? *)', 0)).toThrow('is never due');
  });
});
