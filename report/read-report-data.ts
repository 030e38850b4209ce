import type { Universe } from '../ingestion/contract/universe.ts';
import type { Database } from '../ingestion/database/connection.ts';
import { readCoverage, readUnavailableDays } from '../ingestion/database/coverage.ts';
import { createFindingRepository } from '../ingestion/database/findings.ts';
import { readDailyPrices } from '../ingestion/database/prices.ts';
import { readStatus, type Status } from '../ingestion/database/status.ts';
import { addDays, type Day, dayOf, daysFrom, type Instant } from '../ingestion/domain/day.ts';
import { seriesName } from '../ingestion/domain/series.ts';
import type { ReportData } from './report-data.ts';

/** A quarter where there is one; at the start a month, as much as the first run fetches. */
const DAYS_SHOWN = { min: 30, max: 90 };

/**
 * Reads what the status page shows, up to today.
 * @param options.monthlyCredits the plan's quota; null where it has none.
 * @throws DatabaseUnreachableError
 */
export async function readReportData(
  database: Database,
  options: { now: Instant; universe: Universe; monthlyCredits: number | null; banner?: string },
): Promise<ReportData> {
  const { now, universe, monthlyCredits, banner = null } = options;
  const status = await readStatus(database, { now, universe });
  const to = dayOf(now);
  const from = firstDayShown(status, to);
  const days = daysFrom(from, to);

  const coverage = await readCoverage(database, { now, universe, from, to });
  const prices = new Map(
    (await readDailyPrices(database, { from, to })).map((price) => [`${seriesName(price)} ${price.day}`, price]),
  );
  const findings = createFindingRepository(database.db);
  return {
    banner,
    universe,
    status,
    monthlyCredits,
    days,
    series: coverage.map((series) => ({
      ...series,
      prices: days.map((day) => prices.get(`${seriesName(series)} ${day}`) ?? null),
    })),
    findings: (await Promise.all(status.runs.map(({ runId }) => findings.ofRun(runId)))).flat(),
    unavailableDays: await readUnavailableDays(database),
  };
}

/** The oldest day that any series has or waits for, within what is shown at least and at most. */
function firstDayShown({ series }: Status, today: Day): Day {
  const earliest = addDays(today, 1 - DAYS_SHOWN.max);
  const latest = addDays(today, 1 - DAYS_SHOWN.min);
  const [oldest = latest] = series
    .flatMap(({ trackedSince, firstFinalDay }) => [trackedSince ?? [], firstFinalDay ?? []].flat())
    .sort();
  if (oldest < earliest) return earliest;
  return oldest > latest ? latest : oldest;
}
