import { expect, test } from '@jest/globals';
import { nextScheduledAt, runSchedule } from '../../local/stack/fire-on-schedule.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

test.each([
  ['2026-03-15T00:00:00.000Z', '2026-03-15T02:00:00.000Z'],
  ['2026-03-15T01:59:59.999Z', '2026-03-15T02:00:00.000Z'],
  ['2026-03-15T02:00:00.000Z', '2026-03-16T02:00:00.000Z'],
  ['2026-12-31T23:30:00.000Z', '2027-01-01T02:00:00.000Z'],
])('after %s it fires at %s', (after, next) => {
  expect(new Date(nextScheduledAt(Date.parse(after))).toISOString()).toBe(next);
});

test('it fires once a day, with the moment that it was due, until it is stopped', async () => {
  const clock = createVirtualClock(Date.parse('2026-03-15T01:00:00Z'));
  const over = new AbortController();
  const fired: string[] = [];
  const schedule = runSchedule(clock, over.signal, async (at) => void fired.push(new Date(at).toISOString()));
  await clock.advance(48 * 3_600_000);
  over.abort(new Error('Stopped.'));
  await expect(schedule).rejects.toThrow('Stopped.');
  expect(fired).toEqual(['2026-03-15T02:00:00.000Z', '2026-03-16T02:00:00.000Z']);
});

test.each([
  ['5 hours', 5, '2026-03-15T02:00:00.000Z'],
  // The endpoint takes a scheduled moment of up to 14 days ago.
  ['20 days', 20 * 24, '2026-04-03T02:00:00.000Z'],
])('a machine that slept for %s fires once when it wakes up, for the last moment', async (_, hours, due) => {
  const clock = createVirtualClock(Date.parse('2026-03-15T01:00:00Z'));
  let sleptMs = 0;
  const asleep = { ...clock, now: () => clock.now() + sleptMs };
  const over = new AbortController();
  const fired: string[] = [];
  const schedule = runSchedule(asleep, over.signal, async (at) => void fired.push(new Date(at).toISOString()));
  sleptMs = hours * 3_600_000;
  await clock.advance(60_000);
  expect(fired).toEqual([due]);
  over.abort(new Error('Stopped.'));
  await expect(schedule).rejects.toThrow('Stopped.');
});
