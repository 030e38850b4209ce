import { randomUUID } from 'node:crypto';
import { composeRun } from '../ingestion/compose-run.ts';
import type { Universe } from '../ingestion/contract/universe.ts';
import { createDatabase } from '../ingestion/database/connection.ts';
import { migrateToLatest } from '../ingestion/database/migrate.ts';
import type { Verdict } from '../ingestion/domain/verdict.ts';
import { runIdOf } from '../ingestion/message/run-id.ts';
import type { Clock, Log, PriceRepository, PriceSource, RequestLedger } from '../ingestion/ports.ts';
import { runIngestion } from '../ingestion/run-ingestion.ts';
import { systemClock } from '../ingestion/system-clock.ts';
import { DEFAULT_UNIVERSE } from '../test/support/universe.ts';

export const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Milliseconds that the requests of a run spent in each step, added up over requests side by side. */
export type StepTimes = { fetchMs: number; aggregateMs: number; storeMs: number };

/** @returns the default universe, or one of made-up coins with that many series in four currencies. */
export function universeOf(seriesCount: number): Universe {
  const { coins, currencies } = DEFAULT_UNIVERSE;
  if (seriesCount === coins.length * currencies.length) return DEFAULT_UNIVERSE;
  const count = Math.ceil(seriesCount / currencies.length);
  const madeUp = Array.from({ length: count }, (_, index) => ({
    id: `coin-${index}`,
    symbol: `c${index}`,
    name: `Coin ${index}`,
  }));
  return { coins: madeUp, currencies };
}

/** One run of the whole program against a source and an empty database, with the time that each step took. */
export async function runOnce(options: {
  databaseUrl: string;
  sourceUrl: string;
  universe: Universe;
  requestsPerMinute: number;
  crossRates?: boolean;
  clock?: Clock;
}): Promise<{ verdict: Verdict; times: StepTimes }> {
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
        latestPrices: true,
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
    const { verdict } = await runIngestion(
      {
        runId: runIdOf(triggerKey),
        triggerKey,
        trigger: 'schedule',
        dueAt: clock.now(),
        request: {},
        hop: 0,
        isRedelivery: false,
      },
      {
        ...deps,
        source: timedSource(deps.source, times),
        repositories: {
          ...deps.repositories,
          prices: timedPrices(deps.repositories.prices, times),
          requests: timedLedger(deps.repositories.requests, times),
        },
      },
    );
    return { verdict, times };
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
    answeredAt.set(answer, performance.now());
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
    times.aggregateMs += startedAt - (answeredAt.get(answer.answer) ?? startedAt);
    answeredAt.delete(answer.answer);
    const stored = await prices.storeAnswer(answer);
    times.storeMs += performance.now() - startedAt;
    return stored;
  },
});
