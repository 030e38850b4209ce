import { randomUUID } from 'node:crypto';
import type { DailyPrice } from '../../ingestion/domain/daily-price.ts';
import { DAY_MS, type Day, HOUR_MS, type Instant, startOf } from '../../ingestion/domain/day.ts';
import { type Series, selectSeries } from '../../ingestion/domain/series.ts';
import type { AnsweredDays, AnswerToStore, HopTotals, RunOrder, RunRepository } from '../../ingestion/ports.ts';
import { TWO_COINS } from './two-coins.ts';

export const BITCOIN: Series = { coin: 'bitcoin', currency: 'usd' };

export function runOrder(order: Partial<RunOrder> = {}): RunOrder {
  const runId = order.runId ?? randomUUID();
  return {
    ...{ runId, triggerKey: `cli:${runId}`, trigger: 'cli', dueAt: Date.parse('2026-03-10T02:00Z'), request: {} },
    ...{ hop: 0, isRedelivery: false, ...order },
  };
}

/** Opens a run of all series, tracked since 2026-02-08. @returns its id. */
export async function openRun(runs: RunRepository, order: RunOrder = runOrder()): Promise<string> {
  const series = selectSeries(TWO_COINS, {});
  await runs.open(order, { universe: TWO_COINS, series, historyDays: 365, startedAt: order.dueAt + 1_000 });
  return order.runId;
}

/** What a hop counted that repeated so many attempts. */
export const counted = (retries: number): HopTotals => ({ retries, crossRateDays: 0, latestPrices: null });

/** A final row of a full day. */
export function dailyPrice(day: Day, values: Partial<DailyPrice> = {}): DailyPrice {
  return {
    ...{ day, open: 100, high: 110, low: 90, close: 105, average: 101, volume: 5_000, marketCap: 9_000 },
    ...{ sampleCount: 24, hoursCovered: 24, hoursAnswered: 24 },
    ...{ firstSampleAt: startOf(day) + 60_000, lastSampleAt: startOf(day) + 23 * HOUR_MS + 120_000 },
    ...{ isSettled: true, isThin: false, isFinal: true, ...values },
  };
}

/** An answer with these rows, received on 2026-03-10 unless said otherwise. */
export function answerWith(
  runId: string,
  prices: readonly DailyPrice[],
  more: Partial<AnsweredDays> & { attempts?: number; answer?: AnswerToStore['answer']; receivedAt?: Instant } = {},
): AnswerToStore {
  const body = new TextEncoder().encode('{"prices":[]}');
  const {
    receivedAt = Date.parse('2026-03-10T02:00:05Z'),
    attempts = 1,
    answer = { body, receivedAt },
    ...days
  } = more;
  const [first = '2026-03-01', ...others] = days.gapDays ?? prices.map(({ day }) => day);
  const { series = BITCOIN } = days;
  return {
    ...{ runId, series, gapDays: [first, ...others], attempts, answer },
    window: { from: startOf(first) - DAY_MS, to: startOf(first) + 2 * DAY_MS },
    sampleCount: prices.reduce((sum, { sampleCount }) => sum + sampleCount, 0),
    firstSampleAt: prices[0]?.firstSampleAt ?? null,
    trackedSince: '2026-02-08',
    answered: [
      {
        ...{ series, source: 'direct', gapDays: [first, ...others], otherAnswerIds: () => [], prices: [...prices] },
        judgedDays: [first, ...others, ...(days.absentDays ?? [])],
        ...{ rejected: [], absentDays: [], pricedDays: [], findings: [], ...days },
      },
    ],
  };
}
