import type { Universe } from '../contract/universe-schema.ts';
import { countDays, dayOf, type Instant } from './day.ts';
import { planLatestRequests } from './latest-price.ts';
import { crossRateBase, selectSeries, seriesName, sourcesOf } from './series.ts';

/** Credits of one UTC month: `needed` by the requests in question, `reserved` for the scheduled runs to come. */
type CreditAccount = Readonly<Record<'quota' | 'used' | 'needed' | 'reserved', number>>;

/** @returns 00:00 UTC of the month's first day: credits are counted by UTC month. */
export const startOfMonth = (at: Instant): Instant => Date.parse(`${dayOf(at).slice(0, 7)}-01T00:00:00.000Z`);

/** Whether other currencies are derived from the first one, and whether a full run ends with the latest prices. */
export type WaysToAsk = Readonly<Record<'crossRates' | 'latestPrices', boolean>>;

/** @returns how many requests a full run takes that fetches one day of every series, and the latest prices where wanted. */
export function requestsOfFullRun(universe: Universe, ways: WaysToAsk): number {
  const base = crossRateBase(universe, ways);
  const asked = selectSeries(universe, {}).flatMap((series) => sourcesOf(series, base));
  const ofSeries = new Set(asked.map(seriesName)).size;
  const ids = universe.coins.map(({ id }) => id);
  return ofSeries + (ways.latestPrices || base ? planLatestRequests(ids, base).length : 0);
}

/** @returns what scheduled runs still need this month: so many requests on each day that is left after today. */
export function reservedCredits(at: Instant, requestsADay: number): number {
  const [year, month] = dayOf(at).split('-').map(Number);
  const lastDay = dayOf(Date.UTC(year ?? 0, month ?? 0, 0));
  return (countDays(dayOf(at), lastDay) - 1) * requestsADay;
}

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
