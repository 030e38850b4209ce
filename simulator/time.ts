export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** A half-open span of time `[from, to)`, in milliseconds since 1970. */
export type Span = { readonly from: number; readonly to: number };

export const isWithin = (at: number, { from, to }: Span): boolean => at >= from && at < to;

/** @returns 00:00 UTC of a day written `YYYY-MM-DD`. */
export const startOfDay = (day: string): number => Date.parse(`${day}T00:00:00Z`);
