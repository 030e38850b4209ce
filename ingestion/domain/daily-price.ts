import type { Day, Instant } from './day.ts';

/**
 * How rows were computed. Raise it with every change of the aggregation that can change a number.
 * - 1: spikes were judged by the two neighbours of a sample.
 * - 2: outliers are judged by the medians around and on both sides of a run of samples.
 * - 3: each day is judged by the samples from 36 h before it to 36 h after it, and by no others.
 */
export const AGGREGATION_VERSION = 3;

/** Where prices came from: asked for in their currency, or in another one and turned into it by a rate. */
export type PriceOrigin = 'direct' | 'cross_rate';

/** The aggregate of one series and one day, as the table holds it. Prices are in the series' currency. */
export type DailyPrice = {
  readonly day: Day;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  /** The mean of the hours' means, clamped to [low, high]. */
  readonly average: number;
  /** Rolling 24 h figure at the last sample that has one; null where unknown. Never to be summed. */
  readonly volume: number | null;
  readonly marketCap: number | null;
  readonly sampleCount: number;
  /** UTC hours of the day with at least one sample, 1 to 24. */
  readonly hoursCovered: number;
  /** UTC hours of the day with at least one sample, counted or rejected. */
  readonly hoursAnswered: number;
  readonly firstSampleAt: Instant;
  readonly lastSampleAt: Instant;
  /** Whether the day was settled when its answer arrived. */
  readonly isSettled: boolean;
  /** Settled, and what is missing of it may still come. */
  readonly isThin: boolean;
  /** Settled, fetched with 36 h of margin, and either not thin or fetched 72 h or more after the day's end. */
  readonly isFinal: boolean;
};

/** Why a sample was not counted. */
export type RejectionReason = 'not_a_number' | 'not_positive' | 'outlier';

/** @property price as it was sent, shortened to 100 characters; null where none was sent. */
export type RejectedSample = {
  readonly observedAt: Instant;
  readonly price: string | null;
  readonly reason: RejectionReason;
};

/** What the source sent for one series, parsed but not judged. Prices may be anything a JSON number position can hold. */
export type Samples = Readonly<Record<'prices' | 'marketCaps' | 'volumes', readonly (readonly [Instant, unknown])[]>>;
