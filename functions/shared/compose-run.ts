import { createCoinGeckoClient } from '../../ingestion/coingecko/client.ts';
import { createRequestBudget } from '../../ingestion/coingecko/request-budget.ts';
import type { Universe } from '../../ingestion/contract/universe.ts';
import type { Database } from '../../ingestion/database/connection.ts';
import { createRepositories } from '../../ingestion/database/repositories.ts';
import type { Clock, RunDependencies } from '../../ingestion/ports.ts';
import type { SourceSettings } from '../../ingestion/runtime/settings.ts';

/** Slow answers of CoinGecko take some 10 s. */
const ANSWER_TIMEOUT_MS = 30_000;

/** 90 days of hourly samples are 300 kB. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** @returns what a run needs from the world, made of the real things. */
export function composeRun({
  source: { baseUrl, keyHeader, apiKey, requestsPerMinute, monthlyCredits, historyDays },
  universe,
  database,
  clock,
  ...rest
}: {
  source: SourceSettings;
  universe: Universe;
  database: Database;
  clock: Clock;
} & Pick<RunDependencies, 'log' | 'interrupt' | 'deadline' | 'lockWaitMs' | 'onEvent'>): RunDependencies {
  return {
    universe,
    source: createCoinGeckoClient({
      ...{ baseUrl, keyHeader, apiKey, clock },
      timeoutMs: ANSWER_TIMEOUT_MS,
      maxBodyBytes: MAX_BODY_BYTES,
    }),
    repositories: createRepositories(database, { clock }),
    makeBudget: (recentEnds) => createRequestBudget({ requestsPerMinute, clock, recentEnds }),
    limits: { monthlyCredits, historyDays },
    clock,
    random: Math.random,
    ...rest,
  };
}
