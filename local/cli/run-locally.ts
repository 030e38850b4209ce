import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { composeRun } from '../../ingestion/compose-run.ts';
import type { RunRequest } from '../../ingestion/contract/run-request.ts';
import { isLoopback } from '../../ingestion/contract/settings.ts';
import type { Instant } from '../../ingestion/domain/day.ts';
import { runIdOf } from '../../ingestion/message/run-id.ts';
import type { Clock, RunDependencies, RunOrder } from '../../ingestion/ports.ts';
import { dryRun } from '../../ingestion/run/dry-run.ts';
import { runIngestion } from '../../ingestion/run-ingestion.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { foreseenText } from '../output/foreseen-text.ts';
import { createProgress } from '../output/progress.ts';
import { nextStep, verdictText } from '../output/verdict-text.ts';
import { type CommandContext, EXIT, type OptionTable, type Outcome } from './command.ts';
import { UsageError } from './usage-error.ts';
import { withDatabase } from './with-database.ts';

export const NOW_OPTION = {
  now: {
    type: 'string',
    value: 'ISO',
    description: 'Run as of this moment. For tests and replays, with a CoinGecko address on this machine only.',
  },
} as const satisfies OptionTable;

export const DRY_RUN_OPTION = {
  'dry-run': {
    type: 'boolean',
    description: 'Show the requests, credits and time that it would take, and send nothing.',
  },
} as const satisfies OptionTable;

const Moment = z.iso.datetime({ offset: true });

/**
 * @param now the `--now` option: a moment like 2026-01-31T02:00:00Z.
 * @returns the system's clock, or one that starts at that moment.
 * @throws UsageError when it is not a moment, or when the prices would come from the real CoinGecko.
 */
export function clockFor(now: string | undefined, { settings }: Pick<CommandContext, 'settings'>): Clock {
  if (now === undefined) return systemClock;
  if (!Moment.safeParse(now).success)
    throw new UsageError(`--now is "${now}"; it takes a moment like 2026-01-31T02:00:00Z.`);
  if (!isLoopback(settings.source.baseUrl))
    throw new UsageError(
      `--now is for tests and replays: it needs a CoinGecko address on this machine, and COINGECKO_BASE_URL is ` +
        `${settings.source.baseUrl}.`,
    );
  return startClockAt(Date.parse(now), systemClock);
}

/** A clock that begins at that moment and runs as the other one does. */
function startClockAt(moment: Instant, clock: Clock): Clock {
  const aheadMs = moment - clock.now();
  return { ...clock, now: () => clock.now() + aheadMs };
}

/** Runs one ingestion in this process, from the lock to the verdict, and says what to do next. */
export async function runAsCommand(request: RunRequest, clock: Clock, context: CommandContext): Promise<Outcome> {
  return await withDatabase(context, async (database) => {
    const progress = createProgress(context.terminal, clock);
    const deps = composeLocally({ database, clock, onEvent: progress.onEvent }, context);
    try {
      const result = await runIngestion(orderOf(request, clock), deps);
      return {
        exitCode: result.verdict.status === 'complete' ? EXIT.complete : EXIT.incomplete,
        document: result.verdict,
        text: `${verdictText(result.verdict, context.terminal)}\n${nextStep(result)}`,
      };
    } finally {
      progress.stop();
    }
  });
}

/** Shows what `runAsCommand` would do. */
export async function foreseeAsCommand(request: RunRequest, clock: Clock, context: CommandContext): Promise<Outcome> {
  const { monthlyCredits, requestsPerMinute } = context.settings.source;
  return await withDatabase(context, async (database) => {
    const deps = composeLocally({ database, clock, onEvent: () => {} }, context);
    const foreseen = await dryRun(orderOf(request, clock), deps);
    return {
      exitCode: EXIT.complete,
      document: { dryRun: true, ...foreseen, monthlyCredits },
      text: foreseenText(foreseen, { monthlyCredits, requestsPerMinute }),
    };
  });
}

function composeLocally(
  parts: Pick<Parameters<typeof composeRun>[0], 'database' | 'clock' | 'onEvent'>,
  { settings: { source, universe }, log, interrupt }: CommandContext,
): RunDependencies {
  return composeRun({ source, universe, log, interrupt, deadline: null, lockWaitMs: 0, ...parts });
}

function orderOf(request: RunRequest, clock: Clock): RunOrder {
  const triggerKey = `cli:${randomUUID()}`;
  return {
    runId: runIdOf(triggerKey),
    triggerKey,
    trigger: 'cli',
    dueAt: clock.now(),
    request,
    hop: 0,
    isRedelivery: false,
  };
}
