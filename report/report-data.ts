import type { TriggerKind } from '../ingestion/contract/run-message.ts';
import type { Universe } from '../ingestion/contract/universe.ts';
import type { DailyPrice } from '../ingestion/domain/daily-price.ts';
import type { Day } from '../ingestion/domain/day.ts';
import type { DayStatus } from '../ingestion/domain/day-state.ts';
import type { Finding } from '../ingestion/domain/finding.ts';
import type { Series } from '../ingestion/domain/series.ts';
import type { RunStatus } from '../ingestion/domain/verdict.ts';

/** `none`: nothing is stored and nothing was expected, before tracking began or while the day is not settled. */
export type CoverageState = DayStatus | 'none';

export type ReportPrice = Pick<
  DailyPrice,
  'open' | 'high' | 'low' | 'close' | 'average' | 'volume' | 'marketCap' | 'sampleCount' | 'hoursCovered' | 'isFinal'
>;

/** One series over the report's days: `prices[i]` and `states[i]` belong to `days[i]` of the report. */
export type ReportSeries = Series & {
  readonly prices: readonly (ReportPrice | null)[];
  readonly states: readonly CoverageState[];
};

/** A run as its row tells it; `finishedAt` and the counts of days are null until there is a verdict. */
export type ReportRun = {
  readonly runId: string;
  readonly trigger: TriggerKind;
  readonly status: RunStatus;
  readonly dueAt: string;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly expectedDays: number | null;
  readonly storedDays: number | null;
  readonly missingDays: number | null;
  readonly requests: number;
  readonly credits: number;
  readonly retries: number;
  readonly rateLimited: number;
  readonly error: string | null;
};

/** Everything the status page shows. Plain JSON; moments are ISO 8601 in UTC. */
export type ReportData = {
  readonly generatedAt: string;
  /** A line above everything else, such as a warning that the prices are made up. */
  readonly banner: string | null;
  readonly universe: Universe;
  /** Consecutive, oldest first, up to today. */
  readonly days: readonly Day[];
  readonly series: readonly ReportSeries[];
  /** Newest first. */
  readonly runs: readonly ReportRun[];
  /** Of the runs shown. */
  readonly findings: readonly Finding[];
  /** Of all time, not only of the report's days. */
  readonly unavailableDays: readonly (Series & { readonly day: Day; readonly reason: string })[];
  /** Credits used in this UTC month; `quota` null where the plan has none. */
  readonly credits: { readonly used: number; readonly quota: number | null };
  /** The newest day that is final in every series. */
  readonly newestFinalDay: Day | null;
  readonly lastCompleteRunAt: string | null;
};
