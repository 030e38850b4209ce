import type { Universe } from '../../ingestion/contract/universe-schema.ts';
import type { DailyCoverage, UnavailableDay } from '../../ingestion/database/coverage.ts';
import type { FindingsOfAllRuns } from '../../ingestion/database/findings.ts';
import type { StoredDailyPrice } from '../../ingestion/database/prices.ts';
import type { Status } from '../../ingestion/database/read-status.ts';
import type { Day } from '../../ingestion/domain/day.ts';

/** One series over the report's days: `prices[i]` and `statuses[i]` belong to `days[i]` of the report. */
export type ReportSeries = DailyCoverage & { readonly prices: readonly (StoredDailyPrice | null)[] };

/** Everything the status page shows. Plain JSON. */
export type ReportData = {
  /** The prices come from the simulator: the page warns of them, and credits nobody. */
  readonly isMadeUp: boolean;
  readonly universe: Universe;
  /** What `npm run status` prints, at the moment the page was made. */
  readonly status: Status;
  /** The plan's quota; null where it has none. */
  readonly monthlyCredits: number | null;
  /** Consecutive, from the oldest that any series has or waits for up to today. */
  readonly days: readonly Day[];
  readonly series: readonly ReportSeries[];
  readonly findings: FindingsOfAllRuns;
  readonly unavailableDays: readonly UnavailableDay[];
};
