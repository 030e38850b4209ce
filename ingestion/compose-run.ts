import { type CoinGeckoClient, createCoinGeckoClient } from './coingecko/client.ts';
import { createRateLimiter } from './coingecko/rate-limiter.ts';
import type { Universe } from './contract/universe-schema.ts';
import type { Database } from './database/connection.ts';
import { createRepositories } from './database/repositories.ts';
import type { Clock, RunDependencies } from './ports.ts';
import type { SourceSettings } from './read-settings.ts';
import { steady } from './system-clock.ts';

/** Slow answers of CoinGecko take some 10 s. */
const ANSWER_TIMEOUT_MS = 30_000;

/** The list of all coins, the largest answer, is 2 MB. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** @returns a client of the plan's host, with the plan's key. */
export const composeClient = ({ baseUrl, keyHeader, apiKey }: SourceSettings, clock: Clock): CoinGeckoClient =>
  createCoinGeckoClient({
    baseUrl,
    keyHeader,
    apiKey,
    clock,
    timeoutMs: ANSWER_TIMEOUT_MS,
    maxBodyBytes: MAX_BODY_BYTES,
  });

/** @returns what a run needs from the world, made of the real things: the one place where it meets its adapters. */
export function composeRun({
  source,
  universe,
  database,
  clock: wallClock,
  ...rest
}: {
  source: SourceSettings;
  universe: Universe;
  database: Database;
  clock: Clock;
} & Pick<RunDependencies, 'log' | 'interrupt' | 'deadline' | 'lockWaitMs' | 'onEvent'>): RunDependencies {
  const { requestsPerMinute, monthlyCredits, historyDays, crossRates, latestPrices } = source;
  const clock = steady(wallClock);
  return {
    universe,
    source: composeClient(source, clock),
    repositories: createRepositories(database, { clock }),
    makeRateLimiter: (recentAgesMs) => createRateLimiter({ requestsPerMinute, clock, recentAgesMs }),
    limits: { monthlyCredits, historyDays },
    crossRates,
    latestPrices,
    clock,
    random: Math.random,
    ...rest,
  };
}
