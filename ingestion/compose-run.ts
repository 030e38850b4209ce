import { createCoinGeckoClient } from './coingecko/client.ts';
import { createRateLimiter } from './coingecko/rate-limiter.ts';
import type { Universe } from './contract/universe-schema.ts';
import type { Database } from './database/connection.ts';
import { createRepositories } from './database/repositories.ts';
import type { Clock, RunDependencies } from './ports.ts';
import type { SourceSettings } from './read-settings.ts';
import { steady } from './system-clock.ts';

type Parts = { source: SourceSettings; universe: Universe; database: Database; clock: Clock };
type Surroundings = Pick<RunDependencies, 'log' | 'interrupt' | 'deadline' | 'lockWaitMs' | 'onEvent'>;

/** @returns what a run needs from the world, made of the real things: the one place where it meets its adapters. */
export function composeRun({ source, universe, database, clock: wallClock, ...rest }: Parts & Surroundings) {
  const { requestsPerMinute, monthlyCredits, historyDays, crossRates, latestPrices } = source;
  const clock = steady(wallClock);
  return {
    ...{ universe, crossRates, latestPrices, clock },
    source: createCoinGeckoClient({ ...source, clock }),
    repositories: createRepositories(database, { clock }),
    makeRateLimiter: (recentAgesMs) => createRateLimiter({ requestsPerMinute, clock, recentAgesMs }),
    limits: { monthlyCredits, historyDays },
    random: Math.random,
    ...rest,
  } satisfies RunDependencies;
}
