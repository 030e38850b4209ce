import { countDays, type Day, dayOf, type Instant } from './day.ts';

/** The credits of one UTC month, as a plan by hand is judged. */
export type CreditAccount = {
  readonly quota: number;
  readonly used: number;
  /** What the requests in question will cost. */
  readonly needed: number;
  /** What the scheduled runs of the rest of the month still cost. */
  readonly reserved: number;
};

/** @returns 00:00 UTC of the month's first day: credits are counted by UTC month. */
export const startOfMonth = (at: Instant): Instant => Date.parse(`${dayOf(at).slice(0, 7)}-01T00:00:00.000Z`);

/** @returns what scheduled runs still need this month: one request a series on each day that is left after today. */
export const reservedCredits = (at: Instant, seriesCount: number): number => daysLeftInMonth(dayOf(at)) * seriesCount;

/** @returns a sentence with the numbers when the credits do not suffice; null when they do. */
export function refusalForCredits({ quota, used, needed, reserved }: CreditAccount): string | null {
  const free = quota - used - reserved;
  if (needed <= free) return null;
  return (
    `This request needs ${needed} credits and ${Math.max(0, free)} are free this month: ${used} of ${quota} are used and ` +
    `the scheduled runs still need ${reserved}. Ask for fewer days, coins or currencies, wait for the next UTC month, ` +
    'or set COINGECKO_MONTHLY_CREDITS to what your plan really allows.'
  );
}

function daysLeftInMonth(today: Day): number {
  const [year, month] = today.split('-').map(Number);
  const lastDay = dayOf(Date.UTC(year ?? 0, month ?? 0, 0));
  return countDays(today, lastDay) - 1;
}
