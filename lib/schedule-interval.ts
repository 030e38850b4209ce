const MINUTES_OF_UNIT = { minute: 1, hour: 60, day: 24 * 60 } as const;
const MINUTES_OF_DAY = 24 * 60;

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

/** Two years with a leap day between them hold every distance between days that a schedule can have. */
const OBSERVED = { from: Date.UTC(2027, 0, 1), days: 2 * 366 } as const;

/** A schedule that EventBridge would not take, or that is never due. The message completes the sentence "schedule: …". */
export class ScheduleError extends Error {
  override readonly name = 'ScheduleError';
}

/**
 * How long a schedule's silence may last: what "no complete run" is measured by.
 * @param expression `rate(…)` or `cron(…)` as EventBridge rules take them, in UTC.
 * @returns minutes between two firings, where they lie furthest apart.
 * @throws ScheduleError saying what is wrong and what is taken.
 */
export function longestIntervalMinutes(expression: string): number {
  const rate = /^rate\((\d+) (minute|hour|day)(s?)\)$/.exec(expression);
  if (rate) return rateMinutes(expression, Number(rate[1]), rate[2] as keyof typeof MINUTES_OF_UNIT, rate[3] === 's');
  const cron = /^cron\((.+)\)$/.exec(expression)?.[1]?.split(/\s+/);
  if (cron?.length === 6) return cronMinutes(expression, cron);
  throw new ScheduleError(
    `"${expression}" is no schedule; write rate(12 hours) or cron(0 2 * * ? *): minute, hour, day, month, weekday, year`,
  );
}

function rateMinutes(expression: string, count: number, unit: keyof typeof MINUTES_OF_UNIT, isPlural: boolean): number {
  if (count === 0) throw new ScheduleError(`"${expression}" is never due; write rate(12 hours)`);
  if (isPlural !== count > 1) {
    throw new ScheduleError(`EventBridge refuses "${expression}"; write rate(${count} ${unit}${count > 1 ? 's' : ''})`);
  }
  return count * MINUTES_OF_UNIT[unit];
}

function cronMinutes(expression: string, fields: readonly string[]): number {
  const [minute = '', hour = '', day = '', month = '', weekday = '', year = ''] = fields;
  if ((day === '?') === (weekday === '?')) {
    throw new ScheduleError(`"${expression}" needs a ? as its day or as its weekday, and not as both`);
  }
  if (year !== '*') throw new ScheduleError(`"${expression}" ends some day; write * as its year`);

  const minutes = fieldValues(minute, 0, 59);
  const times = fieldValues(hour, 0, 23).flatMap((hourOfDay) => minutes.map((at) => hourOfDay * 60 + at));
  const days = new Set(fieldValues(day, 1, 31));
  const months = new Set(fieldValues(month, 1, 12, MONTHS));
  const weekdays = new Set(fieldValues(weekday, 1, 7, WEEKDAYS));
  const dueDays = Array.from({ length: OBSERVED.days }, (_, index) => index).filter((index) => {
    const date = new Date(OBSERVED.from + index * MINUTES_OF_DAY * 60_000);
    return days.has(date.getUTCDate()) && months.has(date.getUTCMonth() + 1) && weekdays.has(date.getUTCDay() + 1);
  });
  const dueAt = dueDays.flatMap((index) => times.map((time) => index * MINUTES_OF_DAY + time));
  const intervals = dueAt.slice(1).map((at, index) => at - (dueAt[index] ?? at));
  if (intervals.length === 0) throw new ScheduleError(`"${expression}" is never due, or not once a year`);
  return intervals.reduce((longest, interval) => Math.max(longest, interval));
}

/** @returns the values that a cron field names, ascending. */
function fieldValues(field: string, least: number, most: number, names: readonly string[] = []): number[] {
  const values = field.split(',').flatMap((part) => {
    const [, range = '', step = '1'] = /^([^/]+)(?:\/(\d+))?$/.exec(part) ?? [];
    const [first = '', last = part.includes('/') ? String(most) : first] = range.split('-');
    const isAny = range === '*' || range === '?';
    const from = isAny ? least : numberOf(first, names);
    const to = isAny ? most : numberOf(last, names);
    if (!(from >= least && to <= most && from <= to && Number(step) > 0)) {
      throw new ScheduleError(
        `"${part}" is none of ${least} to ${most}, *, a list, a range or a step (L, W and # leave more than a week between runs)`,
      );
    }
    return Array.from(
      { length: Math.floor((to - from) / Number(step)) + 1 },
      (_, index) => from + index * Number(step),
    );
  });
  return [...new Set(values)].sort((one, other) => one - other);
}

/** @returns NaN for what is neither a number nor a name. */
function numberOf(text: string, names: readonly string[]): number {
  const index = names.indexOf(text.toUpperCase());
  return index === -1 ? (/^\d{1,2}$/.test(text) ? Number(text) : Number.NaN) : index + 1;
}
