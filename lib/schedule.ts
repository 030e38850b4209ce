// Schedules as EventBridge writes them, in UTC: `rate(12 hours)`, `cron(0 2 * * ? *)`.
import { Cron } from 'croner';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;
const UNIT_MINUTES = { minute: 1, hour: 60, day: DAY_MINUTES } as const;

/** Two years with a leap day between them hold every distance between days that a schedule can have. */
const OBSERVED = { from: new Date(Date.UTC(2027, 0, 1)), days: 2 * 366 } as const;
/** A schedule by weekday can't tell that day from any other. */
const ANY_DAY = new Date(Date.UTC(2027, 0, 1));

/** A schedule that EventBridge would not take, or that is never due. The message completes the sentence "schedule: …". */
export class ScheduleError extends Error {
  override readonly name = 'ScheduleError';
}

type Rate = { readonly kind: 'rate'; readonly minutes: number };
/** Croner's patterns of the times within a day and of the days. */
type Calendar = { readonly kind: 'calendar'; readonly time: string; readonly day: string };

/**
 * @param after milliseconds since 1970.
 * @returns the next moment at which the schedule is due, in milliseconds since 1970. A rate counts from `after`.
 * @throws ScheduleError
 */
export function nextDueAt(expression: string, after: number): number {
  const schedule = parse(expression);
  if (schedule.kind === 'rate') return after + schedule.minutes * MINUTE_MS;
  const due = new Cron(`${schedule.time} ${schedule.day}`, { timezone: 'UTC' }).nextRun(new Date(after));
  if (due === null) throw new ScheduleError(`"${expression}" is never due`);
  return due.getTime();
}

/**
 * How long a schedule's silence may last: what "no complete run" is measured by.
 * @returns minutes between two firings, where they lie furthest apart.
 * @throws ScheduleError saying what is wrong and what is taken.
 */
export function longestIntervalMinutes(expression: string): number {
  const schedule = parse(expression);
  if (schedule.kind === 'rate') return schedule.minutes;
  // The times of one day and the days of two years apart: together they may be a million.
  const times = minutesFrom(`${schedule.time} * * *`, ANY_DAY, 1, DAY_MINUTES);
  const days = minutesFrom(`0 0 ${schedule.day}`, OBSERVED.from, OBSERVED.days, OBSERVED.days);
  const [firstTime, lastTime] = [times[0], times.at(-1)];
  if (firstTime === undefined || lastTime === undefined || days.length < 2) {
    throw new ScheduleError(`"${expression}" is never due, or not once a year`);
  }
  return Math.max(...gaps(times), ...gaps(days).map((gap) => gap - lastTime + firstTime));
}

const gaps = (moments: readonly number[]): number[] => moments.slice(1).map((at, index) => at - (moments[index] ?? at));

/** @returns the minutes, from that day's beginning, at which the pattern is due within so many days. */
function minutesFrom(pattern: string, from: Date, days: number, most: number): number[] {
  // Croner looks for what comes after a moment.
  const due = new Cron(pattern, { timezone: 'UTC' }).nextRuns(most, new Date(from.getTime() - 1));
  const minutes = due.map((at) => (at.getTime() - from.getTime()) / MINUTE_MS);
  return minutes.filter((minute) => minute < days * DAY_MINUTES);
}

function parse(expression: string): Rate | Calendar {
  const [, count = '', unit = '', plural] = /^rate\((\d+) (minute|hour|day)(s?)\)$/.exec(expression) ?? [];
  if (plural !== undefined) return parseRate(expression, Number(count), unit as keyof typeof UNIT_MINUTES, plural);
  const fields = /^cron\((.+)\)$/.exec(expression)?.[1]?.split(/\s+/);
  if (fields?.length === 6) return parseCalendar(expression, fields);
  throw new ScheduleError(
    `"${expression}" is no schedule; write rate(12 hours) or cron(0 2 * * ? *): minute, hour, day, month, weekday, year`,
  );
}

function parseRate(expression: string, count: number, unit: keyof typeof UNIT_MINUTES, plural: string): Rate {
  if (count === 0) throw new ScheduleError(`"${expression}" is never due; write rate(12 hours)`);
  if ((plural === 's') !== count > 1) {
    throw new ScheduleError(`EventBridge refuses "${expression}"; write rate(${count} ${unit}${count > 1 ? 's' : ''})`);
  }
  return { kind: 'rate', minutes: count * UNIT_MINUTES[unit] };
}

function parseCalendar(expression: string, fields: readonly string[]): Calendar {
  const [minute = '', hour = '', day = '', month = '', weekday = '', year = ''] = fields;
  if ((day === '?') === (weekday === '?')) {
    throw new ScheduleError(`"${expression}" needs a ? as its day or as its weekday, and not as both`);
  }
  if (year !== '*') throw new ScheduleError(`"${expression}" ends some day; write * as its year`);
  const schedule: Calendar = {
    kind: 'calendar',
    time: `${withSteps(minute, 59)} ${withSteps(hour, 23)}`,
    day: `${withSteps(day, 31)} ${withSteps(month, 12)} ${asCronersWeekday(withSteps(weekday, 7))}`.replaceAll(
      '?',
      '*',
    ),
  };
  try {
    new Cron(`${schedule.time} ${schedule.day}`);
  } catch (error) {
    throw new ScheduleError(`"${expression}" is no schedule: ${(error as Error).message}`);
  }
  return schedule;
}

/** `5/15` is from 5 on every 15, which croner wants written out. */
const withSteps = (field: string, most: number): string => field.replace(/(^|,)(\d+)\//g, `$1$2-${most}/`);

/** AWS counts weekdays from 1 = SUN, croner from 0 = SUN. The number of the week after `#`, and a step, stay. */
const asCronersWeekday = (field: string): string =>
  field.replace(/(?<![#/\d])([1-7])(?!\d)/g, (day) => String(Number(day) - 1));
