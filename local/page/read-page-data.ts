import type { Universe } from '../../ingestion/contract/universe-schema.ts';
import type { Database } from '../../ingestion/database/connection.ts';
import {
  type DailyCoverage,
  readCoverage,
  readUnavailableDays,
  type UnavailableDay,
} from '../../ingestion/database/coverage.ts';
import { type FindingsOfAllRuns, readFindingsOfAllRuns } from '../../ingestion/database/findings.ts';
import { readDailyPrices, type StoredDailyPrice } from '../../ingestion/database/prices.ts';
import { readStatus, type Status } from '../../ingestion/database/read-status.ts';
import { addDays, type Day, dayOf, daysFrom, type Instant } from '../../ingestion/domain/day.ts';
import { seriesName } from '../../ingestion/domain/series.ts';

/** One series over the page's days: `prices[i]` and `statuses[i]` belong to `days[i]` of the page. */
export type PageSeries = DailyCoverage & { readonly prices: readonly (StoredDailyPrice | null)[] };

/** Everything the status page shows. Plain JSON. */
export type PageData = {
  /** The prices come from the simulator: the page warns of them, and credits nobody. */
  readonly isMadeUp: boolean;
  readonly universe: Universe;
  /** What `npm run status` prints, at the moment the page was made. */
  readonly status: Status;
  /** The plan's quota; null where it has none. */
  readonly monthlyCredits: number | null;
  /** Consecutive, from the oldest that any series has or waits for up to today. */
  readonly days: readonly Day[];
  readonly series: readonly PageSeries[];
  readonly findings: FindingsOfAllRuns;
  readonly unavailableDays: readonly UnavailableDay[];
};

/** How many days before today an empty database shows: as many as the first run fetches. */
const FIRST_RUN_DAYS = 30;

/** The page lists no more findings than that; it counts all. */
const FINDINGS_LISTED = 100;

/**
 * Reads what the status page shows, up to today.
 * @param options.monthlyCredits the plan's quota; null where it has none.
 * @param options.isMadeUp whether the prices come from the simulator; false unless given.
 * @throws DatabaseUnreachableError
 */
export async function readPageData(
  database: Database,
  options: { now: Instant; universe: Universe; monthlyCredits: number | null; isMadeUp?: boolean },
): Promise<PageData> {
  const { now, universe, monthlyCredits, isMadeUp = false } = options;
  const status = await readStatus(database, { now, universe });
  const to = dayOf(now);
  const from = oldestDay(status) ?? addDays(to, -FIRST_RUN_DAYS);
  const days = daysFrom(from, to);

  const coverage = await readCoverage(database, { now, universe, from, to });
  const prices = new Map(
    (await readDailyPrices(database, { from, to })).map((price) => [`${seriesName(price)} ${price.day}`, price]),
  );
  return {
    isMadeUp,
    universe,
    status,
    monthlyCredits,
    days,
    series: coverage.map((series) => ({
      ...series,
      prices: days.map((day) => prices.get(`${seriesName(series)} ${day}`) ?? null),
    })),
    findings: await readFindingsOfAllRuns(database, FINDINGS_LISTED),
    unavailableDays: await readUnavailableDays(database),
  };
}

/** @returns the oldest day that any series has or waits for; null before the first run. */
function oldestDay({ series }: Status): Day | null {
  const [oldest = null] = series
    .flatMap(({ trackedSince, firstFinalDay }) => [trackedSince ?? [], firstFinalDay ?? []].flat())
    .sort();
  return oldest;
}
