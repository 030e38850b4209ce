// Schedules as EventBridge writes them, in UTC: `rate(12 hours)`, `cron(0 2 * * ? *)`.
import { Cron } from 'croner';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;
const UNIT_MINUTES = { minute: 1, hour: 60, day: DAY_MINUTES } as const;

/** Two years with a leap day between them hold every distance between days that a schedule can have. */
const OBSERVED = { from: Date.UTC(2027, 0, 1), days: 2 * 366 } as const;

/** A schedule that EventBridge would refuse, or that is never due. */
export class ScheduleError extends Error {
  override readonly name = 'ScheduleError';
}

/**
 * @param after milliseconds since 1970.
 * @returns the next moment at which the schedule is due, in milliseconds since 1970. A rate counts from `after`.
 * @throws ScheduleError
 */
export function nextDueAt(expression: string, after: number): number {
  const schedule = parse(expression);
  if ('rateMinutes' in schedule) return after + schedule.rateMinutes * MINUTE_MS;
  const due = cron(`${schedule.time} ${schedule.day}`).nextRun(new Date(after));
  if (due === null) throw new ScheduleError(`"${expression}" is never due`);
  return due.getTime();
}

/**
 * @param now milliseconds since 1970.
 * @returns the latest moment up to then at which the schedule was due. A rate counts back from `now`.
 * @throws ScheduleError
 */
export function lastDueAt(expression: string, now: number): number {
  const schedule = parse(expression);
  if ('rateMinutes' in schedule) return now - schedule.rateMinutes * MINUTE_MS;
  // Croner returns only what comes before this moment.
  const [due] = cron(`${schedule.time} ${schedule.day}`).previousRuns(1, new Date(now + 1000));
  if (due === undefined) throw new ScheduleError(`"${expression}" was never due`);
  return due.getTime();
}

/**
 * The alarm on silence is set by it.
 * @returns the most minutes that pass between two firings.
 * @throws ScheduleError saying what is wrong and what is taken.
 */
export function longestIntervalMinutes(expression: string): number {
  const schedule = parse(expression);
  if ('rateMinutes' in schedule) return schedule.rateMinutes;
  // A minute's schedule fires a million times in two years. Times and days by themselves are few: those of any day will do.
  const times = minutesFrom(`${schedule.time} * * *`, 1, DAY_MINUTES);
  const days = minutesFrom(`0 0 ${schedule.day}`, OBSERVED.days, OBSERVED.days);
  const [firstTime, lastTime] = [times[0], times.at(-1)];
  if (firstTime === undefined || lastTime === undefined || days.length < 2) {
    throw new ScheduleError(`"${expression}" is never due, or not once a year`);
  }
  return Math.max(...gaps(times), ...gaps(days).map((gap) => gap - lastTime + firstTime));
}

const gaps = (moments: readonly number[]): number[] => moments.slice(1).map((at, index) => at - (moments[index] ?? at));

/** @returns when the pattern is due within so many days, in minutes since the first one began. At most `most` of them. */
function minutesFrom(pattern: string, days: number, most: number): number[] {
  // Croner returns only what comes after this moment.
  const due = cron(pattern).nextRuns(most, new Date(OBSERVED.from - 1));
  return due.map((at) => (at.getTime() - OBSERVED.from) / MINUTE_MS).filter((minute) => minute < days * DAY_MINUTES);
}

/** With AWS's weekdays, of which 1 is Sunday, and its steps from a number on, such as `5/15`. */
const cron = (pattern: string): Cron =>
  new Cron(pattern, { timezone: 'UTC', mode: '5-part', alternativeWeekdays: true, sloppyRanges: true });

const NUMBERS = /^[\d*,/-]+$/;
/** Croner checks the numbers and names. These keep out what it takes and EventBridge refuses, so that no deploy fails by it. */
const FIELDS = [
  { name: 'minute', takes: '0 to 59', form: NUMBERS },
  { name: 'hour', takes: '0 to 23', form: NUMBERS },
  { name: 'day', takes: '1 to 31, ?, L or 15W', form: /^([\d*,/-]+|\?|LW?|\d+W)$/i },
  { name: 'month', takes: '1 to 12 or JAN to DEC', form: /^[\da-z*,/-]+$/i },
  {
    name: 'weekday',
    takes: '1 (Sunday) to 7 or SUN to SAT, ?, 6L or 6#3',
    form: /^(\?|L|[1-7a-km-z*,-]+(\/\d+)?|[1-7a-z]+(L|#[1-5]))$/i,
  },
  { name: 'year', takes: '*', form: /^\*$/ },
] as const;

/** A rate, or two of croner's patterns: minute and hour, and day, month and weekday. */
type Schedule = { readonly rateMinutes: number } | { readonly time: string; readonly day: string };

function parse(expression: string): Schedule {
  const [, count, unit = '', plural] = /^rate\((\d+) (minute|hour|day)(s?)\)$/.exec(expression) ?? [];
  if (count !== undefined) {
    if ((plural === 's') !== Number(count) > 1 || Number(count) === 0)
      throw new ScheduleError(
        `EventBridge refuses "${expression}"; it takes rate(1 hour), rate(12 hours) and the like`,
      );
    return { rateMinutes: Number(count) * UNIT_MINUTES[unit as keyof typeof UNIT_MINUTES] };
  }
  const fields = /^cron\((.+)\)$/.exec(expression)?.[1]?.split(/\s+/) ?? [];
  if (fields.length !== FIELDS.length)
    throw new ScheduleError(
      `"${expression}" is no schedule; write rate(12 hours) or cron(0 2 * * ? *): minute, hour, day, month, weekday, year`,
    );
  return parseCalendar(expression, fields);
}

function parseCalendar(expression: string, fields: readonly string[]): Schedule {
  for (const [index, { name, takes, form }] of FIELDS.entries()) {
    const field = fields[index] ?? '';
    if (!form.test(field)) throw new ScheduleError(`"${field}" is no ${name} for EventBridge; it takes ${takes}`);
  }
  const [minute, hour, day, month, weekday = ''] = fields;
  if ((day === '?') === (weekday === '?'))
    throw new ScheduleError(`"${expression}" needs a ? as its day or as its weekday, and not as both`);
  // `L` by itself is Saturday.
  const schedule = { time: `${minute} ${hour}`, day: `${day} ${month} ${weekday.replace(/^L$/i, '7')}` };
  try {
    cron(`${schedule.time} ${schedule.day}`);
  } catch (error) {
    throw new ScheduleError(`"${expression}" is no schedule: ${(error as Error).message}`);
  }
  return schedule;
}
