// Prints what the pure core comes to in each of some time zones. A program of its own: jest's environment is a copy, which no
// time zone is read from.
import { aggregate } from '../../ingestion/domain/aggregation.ts';
import {
  addDays,
  dayOf,
  endOf,
  HOUR_MS,
  lastSettledDay,
  settledAt,
  spansOf,
  startOf,
} from '../../ingestion/domain/day.ts';
import { planWindows } from '../../ingestion/domain/planning.ts';

/** Around the moments at which the zones' clocks change, and the ends of months and years. */
const days = ['2023-12-31', '2024-02-28', '2026-03-07', '2026-03-28', '2026-09-26', '2026-10-31'];
function all() {
  return days.flatMap((day) => {
    const start = Date.parse(`${day}T00:00:00Z`);
    const hours = Array.from({ length: 120 }, (_, hour) => start + (hour - 36) * HOUR_MS);
    const next = addDays(day, 1);
    const [planned] = planWindows([day, next], start + 10 * 24 * HOUR_MS, 365);
    if (planned === undefined) throw new Error('Two days need a window');
    const prices = hours.map((at): [number, number] => [at + 60_000, 100 + (at % 7)]);
    const aggregated = aggregate({ prices, marketCaps: [], volumes: [] }, planned, start + 10 * 24 * HOUR_MS);
    const moments = hours.map((at) => [dayOf(at), lastSettledDay(at)]);
    return [next, startOf(day), endOf(day), settledAt(day), spansOf([day, next]), moments, planned, aggregated.prices];
  });
}
console.log(
  JSON.stringify(
    ['UTC', 'America/New_York', 'Asia/Tokyo', 'Pacific/Apia'].map((zone) => {
      process.env['TZ'] = zone;
      return { offset: new Date(0).getTimezoneOffset(), all: JSON.stringify(all()) };
    }),
  ),
);
