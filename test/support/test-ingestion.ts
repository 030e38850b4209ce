import { randomUUID } from 'node:crypto';
import { composeRun } from '../../ingestion/compose-run.ts';
import { PLANS } from '../../ingestion/contract/settings.ts';
import type { Universe } from '../../ingestion/contract/universe-schema.ts';
import { createDatabase } from '../../ingestion/database/connection.ts';
import { TIME_LIMITS, type TimeLimits } from '../../ingestion/database/time-limits.ts';
import type { RunResult } from '../../ingestion/domain/verdict.ts';
import { runIdOf } from '../../ingestion/message/run-message.ts';
import type { RunDependencies, RunEvent, RunOrder } from '../../ingestion/ports.ts';
import { runIngestion } from '../../ingestion/run-ingestion.ts';
import { type SimulatorOptions, startSimulator } from '../../simulator/server.ts';
import { silentLog } from './silent-log.ts';
import { TWO_COINS } from './two-coins.ts';
import { createVirtualClock } from './virtual-clock.ts';

type Order = Partial<Omit<RunOrder, 'runId' | 'dueAt'>> & { dueAt?: string };

export type TestIngestion = Awaited<ReturnType<typeof startTestIngestion>>;

/** The program on a real database, against a source over real HTTP; time moves only when the test or a wait moves it. */
export async function startTestIngestion(options: {
  databaseUrl: string;
  now: string;
  universe?: Universe;
  simulator?: SimulatorOptions;
  requestsPerMinute?: number;
  /** @default false */
  crossRates?: boolean;
  /** @default false */
  latestPrices?: boolean;
  limits?: Partial<TimeLimits>;
}) {
  const { universe = TWO_COINS, requestsPerMinute = 10_000, crossRates = false, latestPrices = false } = options;
  const clock = createVirtualClock(Date.parse(options.now));
  const always = { universe, now: clock.now, clock: clock.now, disturbedShare: 0 };
  const simulator = await startSimulator({ ...always, ...options.simulator });
  const database = createDatabase({ url: options.databaseUrl }, { limits: { ...TIME_LIMITS, ...options.limits } });
  const events: RunEvent[] = [];

  return {
    ...{ clock, simulator, database, events },
    async run(ordered: Order = {}, overrides: Partial<RunDependencies> = {}): Promise<RunResult> {
      const { triggerKey = `test:${randomUUID()}`, dueAt, ...changes } = ordered;
      const order: RunOrder = {
        ...{ trigger: 'schedule', request: {}, hop: 0, isRedelivery: false, ...changes },
        ...{ runId: runIdOf(triggerKey), triggerKey },
        dueAt: dueAt === undefined ? clock.now() : Date.parse(dueAt),
      };
      const deps = composeRun({
        source: {
          ...{ plan: 'public', ...PLANS.public, baseUrl: simulator.baseUrl, apiKey: null },
          ...{ requestsPerMinute, crossRates, latestPrices },
        },
        ...{ universe, database, clock, log: silentLog, interrupt: new AbortController().signal },
        ...{ deadline: null, lockWaitMs: 0, onEvent: () => {} },
      });
      const makeRateLimiter: RunDependencies['makeRateLimiter'] = (recentAgesMs) => {
        const limiter = (overrides.makeRateLimiter ?? deps.makeRateLimiter)(recentAgesMs);
        const slowDown = (pauseMs: number) => {
          limiter.slowDown(pauseMs);
          void clock.advance(pauseMs);
        };
        return Object.assign(Object.create(limiter), { slowDown });
      };
      return await runIngestion(order, {
        ...deps,
        random: () => 0.5,
        ...overrides,
        makeRateLimiter,
        onEvent(event) {
          events.push(event);
          overrides.onEvent?.(event);
          // Whoever waits between attempts would wait for ever on a clock that stands still.
          if (event.kind === 'retrying') void clock.advance(event.delayMs);
        },
      });
    },
    async close(): Promise<void> {
      await database.close();
      await simulator.close();
    },
  };
}
