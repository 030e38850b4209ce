import { randomUUID } from 'node:crypto';
import type { DailyPrice } from '../../ingestion/domain/daily-price.ts';
import { DAY_MS, type Day, HOUR_MS, type Instant, startOf } from '../../ingestion/domain/day.ts';
import { type Series, selectSeries } from '../../ingestion/domain/series.ts';
import type { AnswerToStore, RunOrder, RunRepository } from '../../ingestion/ports.ts';
import { TWO_COINS } from './two-coins.ts';

export const BITCOIN: Series = { coin: 'bitcoin', currency: 'usd' };

export function runOrder(order: Partial<RunOrder> = {}): RunOrder {
  const runId = order.runId ?? randomUUID();
  return {
    runId,
    triggerKey: `cli:${runId}`,
    trigger: 'cli',
    dueAt: Date.parse('2026-03-10T02:00Z'),
    request: {},
    hop: 0,
    ...order,
  };
}

/** Opens a run of all series, tracked since 2026-02-08. @returns its id. */
export async function openRun(runs: RunRepository, order: RunOrder = runOrder()): Promise<string> {
  const series = selectSeries(TWO_COINS, {});
  await runs.open(order, { universe: TWO_COINS, series, trackedSince: '2026-02-08', startedAt: order.dueAt + 1_000 });
  return order.runId;
}

/** A final row of a full day. */
export function dailyPrice(day: Day, values: Partial<DailyPrice> = {}): DailyPrice {
  return {
    day,
    open: 100,
    high: 110,
    low: 90,
    close: 105,
    average: 101,
    volume: 5_000,
    marketCap: 9_000,
    sampleCount: 24,
    hoursCovered: 24,
    firstSampleAt: startOf(day) + 60_000,
    lastSampleAt: startOf(day) + 23 * HOUR_MS + 120_000,
    isSettled: true,
    isFinal: true,
    ...values,
  };
}

/** An answer with these rows, received on 2026-03-10 unless said otherwise. */
export function answerWith(
  runId: string,
  prices: readonly DailyPrice[],
  more: Partial<AnswerToStore> & { receivedAt?: Instant } = {},
): AnswerToStore {
  const { receivedAt = Date.parse('2026-03-10T02:00:05Z'), ...rest } = more;
  const [first = '2026-03-01', ...others] = prices.map(({ day }) => day);
  return {
    runId,
    series: BITCOIN,
    gapDays: [first, ...others],
    attempts: 1,
    window: { from: startOf(first) - DAY_MS, to: startOf(first) + 2 * DAY_MS },
    answer: { body: new TextEncoder().encode('{"prices":[]}'), receivedAt },
    prices,
    rejected: [],
    absentDays: [],
    findings: [],
    ...rest,
  };
}
