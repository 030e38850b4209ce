// What a run needs from the world. `run-ingestion.ts` knows these interfaces and no adapter; time, randomness and
// network come in through them.
import type { RunRequest, TriggerKind } from './contract/run-request.ts';
import type { Universe } from './contract/universe-schema.ts';
import type { Aggregation } from './domain/aggregation.ts';
import type { PriceOrigin, Samples } from './domain/daily-price.ts';
import type { Day, DaySpan, Instant } from './domain/day.ts';
import type { DayState } from './domain/day-state.ts';
import type { FailureKind, SourceError } from './domain/failure.ts';
import type { AskedPrices, LatestPrice } from './domain/latest-price.ts';
import type { PlannedRequest, SeriesGaps, Window } from './domain/planning.ts';
import type { Finding, PriceChange } from './domain/quality.ts';
import type { CrossRateBase, Series } from './domain/series.ts';
import type { DayCounts, SeriesOutcome, Verdict } from './domain/verdict.ts';

export interface Clock {
  /** The wall clock, for stamps. It may be set, back or ahead, at any moment. */
  now(): Instant;
  /** Whether it takes the place of the source's clock too (`--now`): no answer's Date counts then. @default false */
  readonly standsIn?: boolean;
  /** Milliseconds on a clock that nobody sets: for everything that waits or measures. */
  monotonicMs(): number;
  /** Waits; rejects with the signal's reason as soon as it aborts. */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>;
}

/** Structured logging; `fields` become properties of the line. */
export type Log = Readonly<
  Record<'debug' | 'info' | 'warn' | 'error', (message: string, fields?: Record<string, unknown>) => void>
>;

/** A run as it was ordered. `dueAt` is fixed for all hops. */
export type RunOrder = {
  readonly runId: string;
  readonly triggerKey: string;
  readonly trigger: TriggerKind;
  readonly dueAt: Instant;
  readonly request: RunRequest;
  readonly hop: number;
  /** The queue delivers the same message again: the run goes on where it failed. */
  readonly isRedelivery: boolean;
};

/**
 * A run as the database knows it once it is open.
 * @property dueAt of a continued run the one that it began with.
 * @property isContinued an earlier hop or delivery has worked on it.
 * @property wasCut the process that worked on it before ended without a verdict.
 * @property series in the order that they were given in.
 */
export type OpenedRun = {
  readonly dueAt: Instant;
  readonly isContinued: boolean;
  readonly wasCut: boolean;
  readonly series: readonly { readonly trackedSince: Day | null; readonly requested: readonly DaySpan[] }[];
};

/**
 * One proper answer of the source.
 * @property body as it came, so that any row can be recomputed.
 * @property receivedAt on the source's clock: by the answer's Date, where it has one.
 * @property clockAheadMs how far this machine's clock is ahead of that; null where the answer can't tell.
 * @property strayPoints how many points among the prices had no moment: they are no samples, and were left out.
 */
export type SourceResponse = {
  readonly body: Uint8Array;
  readonly samples: Samples;
  readonly receivedAt: Instant;
  readonly clockAheadMs: number | null;
  readonly strayPoints: number;
};

/** Each fetch is one request, without retries. It rejects with a SourceError, or with the signal's reason when aborted. */
export interface PriceSource {
  /** Hourly samples of the series from `window.from` to `window.to`. */
  fetchRange(series: Series, window: Window, signal: AbortSignal): Promise<SourceResponse>;
  /** What the coins cost now in each of the currencies; those that the source leaves out are not in it. */
  fetchLatest(asked: AskedPrices, signal: AbortSignal): Promise<LatestPrice[]>;
  /** @returns the samples of a body that `fetchRange` gave. @throws SourceError (`malformed`). */
  parse(body: Uint8Array): Samples;
}

/**
 * A permit for one request. It becomes free 60.5 s after `release`, which marks the answer or the abort; at once after
 * `giveBack`, which says that the request never left this machine.
 */
export type Permit = Readonly<Record<'release' | 'giveBack', () => void>>;

export interface RateLimiter {
  /** Requests in any 60 s, as it stands now: it falls after a 429. */
  readonly limit: number;
  /** Requests that have a permit and no answer yet. */
  readonly inFlight: number;
  /** Waits for a permit; rejects with the signal's reason. */
  acquire(signal: AbortSignal): Promise<Permit>;
  /** Pauses every request for that long and lowers the limit for the rest of the run. */
  slowDown(pauseMs: number): void;
  /** @returns in how long that many further requests can have been sent at the earliest, in milliseconds. */
  waitMs(count: number): number;
}

/** The advisory lock that lets one ingestion work at a time, held on a connection of its own. */
export interface IngestionLock {
  /** @throws LockTakenError when it is still taken after `waitMs`. */
  acquire(waitMs: number): Promise<HeldLock>;
}
/** @property lost aborts, with a LockLostError as its reason, when the connection that holds the lock breaks. */
export type HeldLock = { readonly lost: AbortSignal; release(): Promise<void> };

/** What a hop adds to its run, save the requests, which the ledger knows. `latestPrices` null leaves what is known. */
export type HopTotals = Pick<Verdict, 'retries' | 'crossRateDays' | 'latestPrices'>;
export type RunTotals = HopTotals & Pick<Verdict, 'requests' | 'credits' | 'rateLimited'>;
export type FinishedRun = Partial<DayCounts> & Pick<Verdict, 'status' | 'error'>;

export interface RunRepository {
  /**
   * Creates the run or continues it (same trigger key, same request; `hops` becomes hop + 1), with status `running`;
   * marks every other row still `running` as `interrupted`; fills `coins` and `currencies` from the universe and opens
   * series that are new with `trackedSince`. All in one transaction.
   * @throws RefusedError (`refused`) when the trigger key was used with another request.
   */
  open(
    order: RunOrder,
    opening: { universe: Universe; series: readonly Series[]; historyDays: number; startedAt: Instant },
  ): Promise<OpenedRun>;
  /** @returns the series' part of what `open` does, with nothing written. */
  seriesDays(series: readonly Series[]): Promise<OpenedRun['series']>;
  /** Writes the verdict; adds to the run's counters what the hop counted. `finishedAt` null for `waiting`. */
  finish(runId: string, finished: FinishedRun, hop: HopTotals, finishedAt: Instant | null): Promise<void>;
  /** Dates a run by the source's clock, where this machine's was wrong: it must not be the latest one for longer than it was. */
  redate(runId: string, at: Instant): Promise<void>;
  /** The run's counters over all hops, from the ledger and the run row. */
  totals(runId: string): Promise<RunTotals>;
  /** Outcomes of the run's series, in no order; series never touched by the run are left out. */
  seriesOutcomes(runId: string): Promise<RecordedOutcome[]>;
  /** Marks the planned series as `pending`, those without gaps as `current`. Leaves `stored` ones of earlier hops alone. */
  plan(runId: string, planned: readonly (Series & Window)[], current: readonly Series[]): Promise<void>;
  failSeries(runId: string, failures: readonly SeriesFailure[]): Promise<void>;
  /** Marks series that failed and lack nothing as `stored`. */
  clearFailures(runId: string, series: readonly Series[]): Promise<void>;
  /** Keeps the days of a request by hand expected from now on. */
  keepRequested(runId: string, ranges: readonly DayRange[], requestedAt: Instant): Promise<void>;
  /** Takes back what the run has kept so. */
  forgetRequested(runId: string): Promise<void>;
  /** Of all series of the universe. */
  requestedRanges(): Promise<DayRange[]>;
  /** @returns what the last full run before this one, complete or partial, reached back to; null where there was none. */
  lastReach(runId: string): Promise<{ readonly dueAt: Instant; readonly historyDays: number } | null>;
}

/** @property attempts how often it was asked, the last time included. */
export type SeriesFailure = Series & Pick<SourceError, 'kind' | 'message'> & { readonly attempts: number };

/** @property errorKind null where the series did not fail. */
export type RecordedOutcome = SeriesOutcome & { readonly errorKind: FailureKind | null };

export type DayRange = Series & DaySpan;

/** @property sources the series whose answers its prices are made from; itself unless they are derived. */
export type DerivableRange = DayRange & { readonly sources?: readonly [Series, ...Series[]] };

/** An answer that a run has stored. @property firstDay and `lastDay` of the days that it was asked for. */
export type RunAnswer = Pick<SourceResponse, 'body' | 'receivedAt'> &
  Readonly<{ id: number; currency: string; firstDay: Day; lastDay: Day; window: Window }>;

/**
 * What an answer comes to in one series: its own, or one whose prices were derived from it and from others.
 * @property gapDays of other days no final row is replaced.
 * @property otherAnswerIds the stored answers that a day's row was made from besides this one.
 */
export type AnsweredDays = SeriesGaps &
  Pick<Aggregation, 'prices' | 'rejected' | 'absentDays' | 'judgedDays' | 'pricedDays'> & {
    readonly source: PriceOrigin;
    readonly otherAnswerIds: (day: Day) => readonly number[];
    readonly findings: readonly Finding[];
  };

/**
 * What an answer brings into the database, in one transaction.
 * @property series the one that was asked for, with the `window` and the days that it was for.
 * @property sampleCount of all prices that were sent.
 * @property trackedSince since when the series is tracked, where this is its first answer.
 * @property answered its own series and those that are derived from it.
 */
export type AnswerToStore = Pick<PlannedRequest, 'series' | 'window' | 'gapDays'> & {
  readonly runId: string;
  readonly answer: Pick<SourceResponse, 'body' | 'receivedAt'>;
  readonly sampleCount: number;
  readonly firstSampleAt: Instant | null;
  readonly trackedSince: Day;
  readonly attempts: number;
  readonly answered: readonly AnsweredDays[];
};

/** Days of one stored answer to be made again. @property answerIds of all that they are made from. */
export type DaysToRenew = Pick<AnsweredDays, 'series' | 'source' | 'prices' | 'rejected'> & {
  readonly runId: string;
  readonly answerIds: readonly number[];
};

/** @property rowsDerived how many of the rows written are by cross rates. */
export type StoredAnswer = Readonly<Record<'id' | 'rowsWritten' | 'rowsUnchanged' | 'rowsDerived', number>>;

export interface PriceRepository {
  /**
   * The states of the days in each range that have no final row; with `includeFinal` of all days.
   * @returns one list per range, in the order given, each in day order.
   */
  dayStates(runId: string, ranges: readonly DerivableRange[], includeFinal: boolean): Promise<DayState[][]>;
  /**
   * Judges the empty answers of a run: a day before the series' known beginning that has no row is unconfirmed, and
   * unavailable after a second such answer from another run at least 20 h later. So it is in the series that are derived
   * from it.
   */
  judgeEmptyAnswers(runId: string, base: CrossRateBase | null): Promise<void>;
  /**
   * Stores everything of one answer: rows (which only move forward), revisions, rejected samples, findings (those given,
   * and `revision` and `worse_answer` found while storing), unavailable days, the answer, the outcomes of its series. Answers
   * that come while others are being stored share the next transaction.
   * @throws SourceError (`malformed`) where the database refuses what this answer comes to; the others are stored.
   */
  storeAnswer(answer: AnswerToStore): Promise<StoredAnswer>;
  /** Stores what a stored answer comes to today. Rows only move forward, and keep their run. @returns what became of each. */
  renewPrices(days: DaysToRenew): Promise<PriceChange[]>;
  /** Bodies of the run's answers for one coin, in all currencies. */
  answersOfCoin(runId: string, coin: string): Promise<RunAnswer[]>;
  /** The median over the coins of final average in `currency` ÷ that in `base`, of the newest day before `day` that has one. */
  lastFinalRate(currency: string, base: string, day: Day): Promise<{ day: Day; rate: number } | null>;
}

/** Only newer observations replace older ones. */
export type LatestPriceRepository = { store(runId: string, latest: readonly LatestPrice[]): Promise<void> };

export type FindingRepository = {
  add(runId: string, findings: readonly Finding[]): Promise<void>;
  ofRun(runId: string): Promise<Finding[]>;
};

/** Every request ever sent (kept 90 days): what a restarted limiter begins with, and what the month's credits are counted by. */
export interface RequestLedger {
  /** Called before a request is sent. @param request.series null where it is of no series. @returns an id for `end`. */
  begin(request: { runId: string; series: Series | null; sentAt: Instant }): Promise<string>;
  /** @param end.isCredited whether CoinGecko counts it for the month. `status` null where no answer came. */
  end(end: { id: string; endedAt: Instant; status: number | null; isCredited: boolean }): Promise<void>;
  /** Takes back a request that never left this machine. */
  withdraw(id: string): Promise<void>;
  creditsSince(since: Instant): Promise<number>;
  /** Of the requests that still count in the limiter's window. @returns null for one that never ended: its process was killed. */
  endedSince(since: Instant): Promise<(Instant | null)[]>;
}

/** Deletes answers and ledger entries older than the moment. */
export type Housekeeping = { prune(olderThan: Instant): Promise<void> };

export type Repositories = {
  readonly lock: IngestionLock;
  readonly runs: RunRepository;
  readonly prices: PriceRepository;
  readonly latestPrices: LatestPriceRepository;
  readonly findings: FindingRepository;
  readonly requests: RequestLedger;
  readonly housekeeping: Housekeeping;
};

/** What a run tells while it works, for progress bars and logs. */
export type RunEvent =
  | { readonly kind: 'planned'; readonly requests: number; readonly gapDays: number; readonly seriesCount: number }
  | { readonly kind: 'fetching'; readonly limiter: Omit<RateLimiter, 'acquire' | 'slowDown'> }
  | { readonly kind: 'answered'; readonly series: Series; readonly rowsWritten: number }
  | {
      readonly kind: 'failed';
      readonly series: Series;
      readonly error: string;
      readonly cause: FailureKind;
      readonly attempts: number;
    }
  | { readonly kind: 'retrying'; readonly series: Series; readonly error: string; readonly delayMs: number }
  /** The last day of the request is not settled yet; what there is of it is stored, and not expected. */
  | { readonly kind: 'unsettled'; readonly day: Day; readonly settledAt: Instant }
  /** The source's answer with the latest prices lacks these. */
  | { readonly kind: 'latest_left_out'; readonly series: readonly Series[] }
  | { readonly kind: 'latest_failed'; readonly error: string }
  /** The machine's clock is more than 5 min off the source's; negative where it is behind. */
  | { readonly kind: 'clock_off'; readonly aheadMs: number }
  | { readonly kind: 'slowed'; readonly limit: number; readonly pauseMs: number };

export type RunDependencies = {
  readonly universe: Universe;
  readonly source: PriceSource;
  readonly repositories: Repositories;
  /** Makes the rate limiter of this run. @param recentAgesMs how long ago the requests that still count ended. */
  readonly makeRateLimiter: (recentAgesMs: readonly number[]) => RateLimiter;
  readonly limits: { readonly monthlyCredits: number | null; readonly historyDays: number };
  /** Prices in other currencies than the first are derived, save those of the first coin. */
  readonly crossRates: boolean;
  /** A full run ends with the latest prices. */
  readonly latestPrices: boolean;
  readonly clock: Clock;
  /** In [0, 1). Used for the jitter of retries only. */
  readonly random: () => number;
  readonly log: Log;
  /** Aborts when no new work may be begun (Ctrl-C); what is in hand is finished. */
  readonly interrupt: AbortSignal;
  /** When the process will be stopped, on the monotonic clock; null where nothing stops it. */
  readonly deadline: number | null;
  /** How long to wait for the lock. */
  readonly lockWaitMs: number;
  readonly onEvent: (event: RunEvent) => void;
};
