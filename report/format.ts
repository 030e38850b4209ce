import type { Day, Instant } from '../ingestion/domain/day.ts';
import { HOUR_MS, MINUTE_MS, startOf } from '../ingestion/domain/day.ts';

/** What stands where there is no value: missing is not zero. */
export const NO_VALUE = '–';

const LOCALE = 'en-US';
const large = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const medium = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 2, maximumFractionDigits: 4 });
const small = new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 4 });
const axis = new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 6 });
const compact = new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumSignificantDigits: 4 });
const whole = new Intl.NumberFormat(LOCALE);
const percent = new Intl.NumberFormat(LOCALE, {
  style: 'percent',
  signDisplay: 'exceptZero',
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const shortDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });

/** @returns the price with the digits that matter at its size: `4,012,345.67`, `0.8312`, `0.00000823`. */
export const formatPrice = (price: number): string =>
  (price >= 100 ? large : price >= 1 ? medium : small).format(price);

/** @returns the price for an axis, where round numbers stand: `95,000`, `0.000008`. */
export const formatAxisPrice = (price: number): string => axis.format(price);

/** @returns `1.312T`, `812.4M`. */
export const formatCompact = (amount: number | null): string => (amount === null ? NO_VALUE : compact.format(amount));

/** @returns `3,916`. */
export const formatCount = (count: number | null): string => (count === null ? NO_VALUE : whole.format(count));

/** @param change as a share: 0.0123 is `+1.23%`. */
export const formatChange = (change: number | null): string => (change === null ? NO_VALUE : percent.format(change));

/** @returns `2026-11-22 02:00`, in UTC. */
export const formatInstant = (at: Instant): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ');

/** @returns `22 Nov`. */
export const formatShortDay = (day: Day): string => shortDay.format(startOf(day));

/** @returns the two largest units that matter: `45 s`, `2 min 5 s`, `3 h 20 min`, `2 d 4 h`. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.max(0, Math.round(durationMs / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (durationMs < HOUR_MS) return `${Math.floor(durationMs / MINUTE_MS)} min ${seconds % 60} s`;
  const minutes = Math.floor(durationMs / MINUTE_MS);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} d ${Math.floor(minutes / 60) % 24} h`;
}
