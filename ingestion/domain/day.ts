/** A UTC day, half-open `[00:00, 24:00)`, written `YYYY-MM-DD`. Days compare as strings. */
export type Day = string;

/** Milliseconds since 1970-01-01T00:00Z. */
export type Instant = number;

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** CoinGecko's pages name 00:10 to 00:40 UTC as the moment a day is whole; ranges may then be cached for 30 minutes. */
const SETTLED_AFTER_END_MS = 45 * MINUTE_MS + 30 * MINUTE_MS;

/** Days in a row, both ends inclusive. */
export type DaySpan = { readonly first: Day; readonly last: Day };

/** @returns the UTC day that holds the moment. */
export const dayOf = (at: Instant): Day => new Date(at).toISOString().slice(0, 10);

/** @returns 00:00 UTC of the day. */
export const startOf = (day: Day): Instant => Date.parse(`${day}T00:00:00.000Z`);

/** @returns 24:00 UTC of the day, which no longer belongs to it. */
export const endOf = (day: Day): Instant => startOf(day) + DAY_MS;

/** @returns the day `count` days later, or earlier where count is negative. */
export const addDays = (day: Day, count: number): Day => dayOf(startOf(day) + count * DAY_MS);

/** @returns the days from first to last, both inclusive; none when last lies before first. */
export const daysFrom = (first: Day, last: Day): Day[] =>
  Array.from({ length: Math.max(0, countDays(first, last)) }, (_, index) => addDays(first, index));

/** @returns how many days first to last are, both inclusive. */
export const countDays = (first: Day, last: Day): number => (startOf(last) - startOf(first)) / DAY_MS + 1;

/** @returns the same days in the fewest spans, ascending: what overlaps or touches becomes one. */
export function mergeSpans(spans: readonly DaySpan[]): DaySpan[] {
  const merged: DaySpan[] = [];
  for (const span of spans.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))) {
    const before = merged.at(-1);
    if (!before || span.first > addDays(before.last, 1)) merged.push(span);
    else if (span.last > before.last) merged[merged.length - 1] = { first: before.first, last: span.last };
  }
  return merged;
}

/** @returns the days in the fewest spans. @param days ascending. */
export const spansOf = (days: readonly Day[]): DaySpan[] => mergeSpans(days.map((day) => ({ first: day, last: day })));

/** @returns the moment from which the day's answers no longer change: 01:15 UTC of the next day. */
export const settledAt = (day: Day): Instant => endOf(day) + SETTLED_AFTER_END_MS;

/** @returns the newest day that is settled at that moment. */
export const lastSettledDay = (at: Instant): Day => addDays(dayOf(at - SETTLED_AFTER_END_MS), -1);

/** @returns whether the text is a day that exists in the calendar. */
export const isDay = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(startOf(text)) && dayOf(startOf(text)) === text;
