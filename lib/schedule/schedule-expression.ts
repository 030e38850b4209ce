// Schedules as EventBridge writes them, in UTC: `rate(12 hours)`, `cron(0 2 * * ? *)`.
import { Cron } from 'croner';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;
const UNIT_MINUTES = { minute: 1, hour: 60, day: DAY_MINUTES } as const;

/** Two years with a leap day between them hold every distance between days that a schedule can have. */
const OBSERVED = { from: new Date(Date.UTC(2027, 0, 1)), days: 2 * 366 } as const;
/** Any day will do: the times of a schedule are the same on each of its days. */
const ANY_DAY = new Date(Date.UTC(2027, 0, 1));

/** A schedule that EventBridge would refuse, or that is never due. */
export class ScheduleError extends Error {
  override readonly name = 'ScheduleError';
}

type Rate = { readonly kind: 'rate'; readonly minutes: number };
/** Two of croner's patterns: minute and hour, and day, month and weekday. */
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
 * @param now milliseconds since 1970.
 * @returns the latest moment up to then at which the schedule was due. A rate counts back from `now`.
 * @throws ScheduleError
 */
export function lastDueAt(expression: string, now: number): number {
  const schedule = parse(expression);
  if (schedule.kind === 'rate') return now - schedule.minutes * MINUTE_MS;
  // Croner returns only what comes before this moment.
  const [due] = new Cron(`${schedule.time} ${schedule.day}`, { timezone: 'UTC' }).previousRuns(1, new Date(now + 1000));
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
  if (schedule.kind === 'rate') return schedule.minutes;
  // A minute's schedule fires a million times in two years. Times and days by themselves are few.
  const times = minutesFrom(`${schedule.time} * * *`, ANY_DAY, 1, DAY_MINUTES);
  const days = minutesFrom(`0 0 ${schedule.day}`, OBSERVED.from, OBSERVED.days, OBSERVED.days);
  const [firstTime, lastTime] = [times[0], times.at(-1)];
  if (firstTime === undefined || lastTime === undefined || days.length < 2) {
    throw new ScheduleError(`"${expression}" is never due, or not once a year`);
  }
  return Math.max(...gaps(times), ...gaps(days).map((gap) => gap - lastTime + firstTime));
}

const gaps = (moments: readonly number[]): number[] => moments.slice(1).map((at, index) => at - (moments[index] ?? at));

/** @returns when the pattern is due within so many days, in minutes since the first one began. At most `most` of them. */
function minutesFrom(pattern: string, from: Date, days: number, most: number): number[] {
  // Croner returns only what comes after this moment.
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

const MONTH_NAME = 'JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC';
const WEEKDAY_NAME = 'SUN|MON|TUE|WED|THU|FRI|SAT';

/**
 * What EventBridge takes in a field. Croner takes more (`+MON`, the weekday 0), which would pass here and fail the deploy.
 */
type Field = {
  readonly name: string;
  readonly takes: string;
  readonly most: number;
  /** One value, as a regular expression. */
  readonly value: string;
  /** What may stand only by itself, outside lists, ranges and steps. */
  readonly alone?: string;
};

const MINUTE: Field = { name: 'minute', takes: '0 to 59', most: 59, value: '[0-5]?\\d' };
const HOUR: Field = { name: 'hour', takes: '0 to 23', most: 23, value: '[01]?\\d|2[0-3]' };
const DAY_VALUE = '0?[1-9]|[12]\\d|3[01]';
const DAY: Field = {
  name: 'day',
  takes: '1 to 31, ?, L or 15W',
  most: 31,
  value: DAY_VALUE,
  alone: `\\?|LW?|(?:${DAY_VALUE})W`,
};
const MONTH: Field = {
  name: 'month',
  takes: '1 to 12 or JAN to DEC',
  most: 12,
  value: `0?[1-9]|1[0-2]|${MONTH_NAME}`,
};
const WEEKDAY_VALUE = `[1-7]|${WEEKDAY_NAME}`;
const WEEKDAY: Field = {
  name: 'weekday',
  takes: '1 (Sunday) to 7 or SUN to SAT, ?, 6L or 6#3',
  most: 7,
  value: WEEKDAY_VALUE,
  alone: `\\?|L|(?:${WEEKDAY_VALUE})(?:L|#[1-5])`,
};

function parseCalendar(expression: string, fields: readonly string[]): Calendar {
  const [minute = '', hour = '', day = '', month = '', weekday = '', year = ''] = fields;
  if ((day === '?') === (weekday === '?')) {
    throw new ScheduleError(`"${expression}" needs a ? as its day or as its weekday, and not as both`);
  }
  if (year !== '*') throw new ScheduleError(`"${expression}" ends some day; write * as its year`);
  const schedule: Calendar = {
    kind: 'calendar',
    time: `${asCroner(minute, MINUTE)} ${asCroner(hour, HOUR)}`,
    day: `${asCroner(day, DAY)} ${asCroner(month, MONTH)} ${asCronersWeekday(asCroner(weekday, WEEKDAY))}`,
  };
  try {
    new Cron(`${schedule.time} ${schedule.day}`);
  } catch (error) {
    throw new ScheduleError(`"${expression}" is no schedule: ${(error as Error).message}`);
  }
  return schedule;
}

/** @throws ScheduleError for a field that EventBridge would refuse. */
function asCroner(field: string, { name, takes, most, value, alone }: Field): string {
  const part = `(?:\\*|(?:${value})(?:-(?:${value}))?)(?:/[1-9]\\d*)?`;
  const isTaken = new RegExp(`^(?:${part}(?:,${part})*${alone ? `|${alone}` : ''})$`, 'i').test(field);
  if (!isTaken) {
    throw new ScheduleError(`"${field}" is no ${name}; it takes ${takes}, *, a list, a range or a step`);
  }
  // `5/15` means every 15 from 5 on. Croner wants the end of the range, too.
  return field === '?' ? '*' : field.replace(/(^|,)(\w+)\//g, `$1$2-${most}/`);
}

/**
 * For AWS Sunday is 1, for croner 0. The week's number after `#`, and a step, stay as they are. `L` by itself is Saturday.
 */
const asCronersWeekday = (field: string): string =>
  field.replace(/^L$/i, '7').replace(/(?<![#/\d])([1-7])(?!\d)/g, (day) => String(Number(day) - 1));
