import { randomUUID } from 'node:crypto';
import { composeRun } from '../ingestion/compose-run.ts';
import type { Universe } from '../ingestion/contract/universe-schema.ts';
import { createDatabase } from '../ingestion/database/connection.ts';
import { migrateToLatest } from '../ingestion/database/migrator.ts';
import type { Verdict } from '../ingestion/domain/verdict.ts';
import { runIdOf } from '../ingestion/message/run-message.ts';
import type { Clock, Log, PriceRepository, PriceSource, RequestLedger } from '../ingestion/ports.ts';
import { runIngestion } from '../ingestion/run-ingestion.ts';
import { systemClock } from '../ingestion/system-clock.ts';

export const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Milliseconds that the requests of a run spent in each step, added up over requests side by side. */
export type StepTimes = { fetchMs: number; aggregateMs: number; storeMs: number };

export type RunOptions = {
  readonly databaseUrl: string;
  readonly sourceUrl: string;
  readonly universe: Universe;
  readonly requestsPerMinute: number;
  /** @default false */
  readonly crossRates?: boolean;
  /** @default true */
  readonly latestPrices?: boolean;
  /** How long each hop may take, as a Lambda has its limit. @default null: one hop without a limit */
  readonly hopMs?: number | null;
  /** @default the system's */
  readonly clock?: Clock;
};

/** One run of the whole program, in as many hops as it takes, with the time that each step took. */
export async function runOnce(
  options: RunOptions,
): Promise<{ verdict: Verdict; times: StepTimes; hops: number; durationMs: number }> {
  const { clock = systemClock } = options;
  const database = createDatabase({ url: options.databaseUrl });
  try {
    await migrateToLatest(database, { waitMs: 0, clock, log: silent });
    const times: StepTimes = { fetchMs: 0, aggregateMs: 0, storeMs: 0 };
    const deps = composeRun({
      source: {
        plan: 'public',
        baseUrl: options.sourceUrl,
        keyHeader: null,
        apiKey: null,
        requestsPerMinute: options.requestsPerMinute,
        monthlyCredits: null,
        historyDays: 365,
        crossRates: options.crossRates ?? false,
        latestPrices: options.latestPrices ?? true,
      },
      universe: options.universe,
      database,
      clock,
      log: silent,
      interrupt: new AbortController().signal,
      deadline: null,
      lockWaitMs: 0,
      onEvent: () => {},
    });
    const triggerKey = `bench:${randomUUID()}`;
    const dueAt = clock.now();
    const { hopMs = null } = options;
    const startedMs = clock.monotonicMs();
    for (let hop = 0; ; hop += 1) {
      const { verdict } = await runIngestion(
        {
          runId: runIdOf(triggerKey),
          triggerKey,
          trigger: 'schedule',
          dueAt,
          request: {},
          hop,
          isRedelivery: false,
        },
        {
          ...deps,
          deadline: hopMs === null ? null : clock.monotonicMs() + hopMs,
          source: timedSource(deps.source, times),
          repositories: {
            ...deps.repositories,
            prices: timedPrices(deps.repositories.prices, times),
            requests: timedLedger(deps.repositories.requests, times),
          },
        },
      );
      if (verdict.status !== 'waiting')
        return { verdict, times, hops: hop + 1, durationMs: clock.monotonicMs() - startedMs };
    }
  } finally {
    await database.close();
  }
}

/** What lies between an answer and its storing, less the ledger, is checking and aggregation; both run without a pause. */
const answeredAt = new Map<unknown, number>();

const timedSource = (source: PriceSource, times: StepTimes): PriceSource => ({
  ...source,
  async fetchRange(series, window, signal) {
    const startedAt = performance.now();
    const answer = await source.fetchRange(series, window, signal);
    times.fetchMs += performance.now() - startedAt;
    answeredAt.set(answer.body, performance.now());
    return answer;
  },
});

const timedLedger = (requests: RequestLedger, times: StepTimes): RequestLedger => ({
  ...requests,
  async begin(request) {
    const startedAt = performance.now();
    const id = await requests.begin(request);
    times.storeMs += performance.now() - startedAt;
    return id;
  },
  async end(end) {
    const startedAt = performance.now();
    await requests.end(end);
    times.storeMs += performance.now() - startedAt;
    // Aggregation begins after the ledger's entry.
    times.aggregateMs -= performance.now() - startedAt;
  },
});

const timedPrices = (prices: PriceRepository, times: StepTimes): PriceRepository => ({
  ...prices,
  async storeAnswer(answer) {
    const startedAt = performance.now();
    times.aggregateMs += startedAt - (answeredAt.get(answer.answer.body) ?? startedAt);
    answeredAt.delete(answer.answer.body);
    const stored = await prices.storeAnswer(answer);
    times.storeMs += performance.now() - startedAt;
    return stored;
  },
});
