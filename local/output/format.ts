import { type Day, type Instant, startOf } from '../../ingestion/domain/day.ts';

/** Stands where there is no value: missing is not zero. */
export const NO_VALUE = '–';

const LOCALE = 'en-US';

/** Made when first used: to make all of them takes longer than most commands do otherwise. */
function lazily<Made>(make: () => Made): () => Made {
  let made: Made | undefined;
  return () => (made ??= make());
}
const number = (options?: Intl.NumberFormatOptions) => lazily(() => new Intl.NumberFormat(LOCALE, options));
const date = (options: Intl.DateTimeFormatOptions) =>
  lazily(() => new Intl.DateTimeFormat(LOCALE, { ...options, timeZone: 'UTC' }));

const large = number({ minimumFractionDigits: 2, maximumFractionDigits: 2 });
const medium = number({ minimumFractionDigits: 2, maximumFractionDigits: 4 });
const small = number({ maximumSignificantDigits: 4 });
const whole = number();
const month = date({ month: 'short', year: 'numeric' });
const shortDay = date({ day: 'numeric', month: 'short' });

/** @returns the price with the digits that matter at its size: `4,012,345.67`, `0.8312`, `0.00000823`. */
export const formatPrice = (price: number): string =>
  (price >= 100 ? large : price >= 1 ? medium : small)().format(price);

/** @returns `3,916`. */
export const formatCount = (count: number | null): string => (count === null ? NO_VALUE : whole().format(count));

/** @returns `2026-11-22 02:00`, in UTC. */
export const formatInstant = (at: Instant): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ');

/** @returns `Nov 22`. */
export const formatShortDay = (day: Day): string => shortDay().format(startOf(day));

/** @returns `Nov 2026`. */
export const formatMonth = (day: Day): string => month().format(startOf(day));

/** @returns `45 s ago`, `3 h ago`: the largest unit alone. */
export const formatAge = (ageMs: number): string => {
  const duration = formatDuration(Math.max(0, ageMs));
  return `${duration.split(' ').slice(0, 2).join(' ')} ago`;
};

/** @returns `1 error`, `2 errors`. */
export const formatQuantity = (count: number, noun: string): string =>
  `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;

/** @returns the two largest units: `45 s`, `2 min 5 s`, `3 h 20 min`, `2 d 4 h`. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000);
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  if (minutes === 0) return `${seconds} s`;
  if (hours === 0) return `${minutes} min ${seconds % 60} s`;
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** @returns `840 kB`, `12.3 MB`, `1.9 GB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 999_500) return `${Math.round(bytes / 1e3)} kB`;
  return bytes < 999.5e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

const STEERING = /[\p{Cc}\p{Bidi_Control}]/gu;
const COLOUR = /^.\[\d+m/;

/**
 * @returns a text from elsewhere with what would steer a terminal, or turn the text around, as in `\u009b`. Line ends, tabs and
 * colours stay.
 */
export const visible = (text: string): string =>
  text.replace(STEERING, (character, index: number) => {
    if (character === '\n' || character === '\t') return character;
    if (character === '\x1b' && COLOUR.test(text.slice(index, index + 6))) return character;
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
