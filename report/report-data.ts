import type { Universe } from '../ingestion/contract/universe.ts';
import type { DailyCoverage, UnavailableDay } from '../ingestion/database/coverage.ts';
import type { Status } from '../ingestion/database/status.ts';
import type { DailyPrice } from '../ingestion/domain/daily-price.ts';
import type { Day } from '../ingestion/domain/day.ts';
import type { Finding } from '../ingestion/domain/finding.ts';

/** One series over the report's days: `prices[i]` and `statuses[i]` belong to `days[i]` of the report. */
export type ReportSeries = DailyCoverage & { readonly prices: readonly (DailyPrice | null)[] };

/** Everything the status page shows. Plain JSON. */
export type ReportData = {
  /** A line above everything else, such as a warning that the prices are made up. */
  readonly banner: string | null;
  readonly universe: Universe;
  /** What `npm run status` prints, at the moment the page was made. */
  readonly status: Status;
  /** The plan's quota; null where it has none. */
  readonly monthlyCredits: number | null;
  /** Consecutive, oldest first, up to today. */
  readonly days: readonly Day[];
  readonly series: readonly ReportSeries[];
  /** Of the runs shown. */
  readonly findings: readonly Finding[];
  /** Of all time, not only of the report's days. */
  readonly unavailableDays: readonly UnavailableDay[];
};
