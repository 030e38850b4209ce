import { randomUUID } from 'node:crypto';
import { composeRun } from '../ingestion/compose-run.ts';
import { PLANS } from '../ingestion/contract/settings.ts';
import type { Universe } from '../ingestion/contract/universe-schema.ts';
import { createDatabase } from '../ingestion/database/connection.ts';
import { migrateToLatest } from '../ingestion/database/migrator.ts';
import { runIdOf } from '../ingestion/message/run-message.ts';
import type { Clock, PriceRepository, PriceSource, RequestLedger } from '../ingestion/ports.ts';
import { runIngestion } from '../ingestion/run-ingestion.ts';
import { systemClock } from '../ingestion/system-clock.ts';
import { silentLog } from '../test/support/silent-log.ts';

/** Milliseconds that the requests of a run spent in each step, added up over requests side by side. */
type StepTimes = { fetchMs: number; aggregateMs: number; storeMs: number };

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
export async function runOnce(options: RunOptions) {
  const { clock = systemClock } = options;
  const database = createDatabase({ url: options.databaseUrl });
  try {
    await migrateToLatest(database, { waitMs: 0, clock, log: silentLog });
    const times: StepTimes = { fetchMs: 0, aggregateMs: 0, storeMs: 0 };
    const { requestsPerMinute, crossRates = false, latestPrices = true, hopMs = null } = options;
    const deps = composeRun({
      source: {
        ...{ plan: 'public', ...PLANS.public, baseUrl: options.sourceUrl, apiKey: null },
        ...{ requestsPerMinute, crossRates, latestPrices },
      },
      ...{ universe: options.universe, database, clock, log: silentLog, interrupt: new AbortController().signal },
      ...{ deadline: null, lockWaitMs: 0, onEvent: () => {} },
    });
    const { prices, requests } = deps.repositories;
    const timed = {
      source: timedSource(deps.source, times),
      repositories: {
        ...deps.repositories,
        prices: timedPrices(prices, times),
        requests: timedLedger(requests, times),
      },
    };
    const triggerKey = `bench:${randomUUID()}`;
    const order = { runId: runIdOf(triggerKey), triggerKey, trigger: 'schedule', dueAt: clock.now() } as const;
    const startedMs = clock.monotonicMs();
    for (let hop = 0; ; hop += 1) {
      const deadline = hopMs === null ? null : clock.monotonicMs() + hopMs;
      const { verdict } = await runIngestion(
        { ...order, request: {}, hop, isRedelivery: false },
        { ...deps, ...timed, deadline },
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
