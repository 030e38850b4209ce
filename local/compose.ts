import { type CoinGeckoClient, createCoinGeckoClient } from '../ingestion/coingecko/client.ts';
import { createRequestBudget } from '../ingestion/coingecko/request-budget.ts';
import type { Universe } from '../ingestion/contract/universe.ts';
import type { Database } from '../ingestion/database/connection.ts';
import { createRepositories } from '../ingestion/database/repositories.ts';
import type { Instant } from '../ingestion/domain/day.ts';
import type { Clock, Log, RunDependencies } from '../ingestion/ports.ts';
import type { SourceSettings } from '../ingestion/runtime/settings.ts';
import type { Progress } from './progress.ts';

/** Slow answers of CoinGecko take some 10 s. */
const ANSWER_TIMEOUT_MS = 30_000;

/** The list of all coins, the largest answer, is 2 MB. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

export const composeClient = ({ baseUrl, keyHeader, apiKey }: SourceSettings, clock: Clock): CoinGeckoClient =>
  createCoinGeckoClient({
    baseUrl,
    keyHeader,
    apiKey,
    timeoutMs: ANSWER_TIMEOUT_MS,
    maxBodyBytes: MAX_BODY_BYTES,
    clock,
  });

/** Everything that a run on this machine works with: no deadline, and no waiting for another ingestion. */
export function composeRun({
  source,
  universe,
  database,
  clock,
  log,
  interrupt,
  progress,
}: {
  source: SourceSettings;
  universe: Universe;
  database: Database;
  clock: Clock;
  log: Log;
  interrupt: AbortSignal;
  progress: Progress;
}): RunDependencies {
  const { requestsPerMinute, monthlyCredits, historyDays } = source;
  return {
    universe,
    source: composeClient(source, clock),
    repositories: createRepositories(database, { clock }),
    makeBudget(recentEnds) {
      progress.budgetMade(requestsPerMinute, recentEnds);
      return createRequestBudget({ requestsPerMinute, clock, recentEnds });
    },
    limits: { monthlyCredits, historyDays },
    clock,
    random: Math.random,
    log,
    interrupt,
    deadline: null,
    lockWaitMs: 0,
    onEvent: progress.onEvent,
  };
}

/** @returns a clock that begins at that moment and runs as the other one does. */
export function startClockAt(moment: Instant, clock: Clock): Clock {
  const aheadMs = moment - clock.now();
  return { ...clock, now: () => clock.now() + aheadMs };
}
