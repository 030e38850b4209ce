import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { composeRun } from '../../../ingestion/compose-run.ts';
import type { RunRequest } from '../../../ingestion/contract/run-request.ts';
import { isLoopback } from '../../../ingestion/contract/settings.ts';
import type { Database } from '../../../ingestion/database/connection.ts';
import type { Instant } from '../../../ingestion/domain/day.ts';
import { parseRunRequest } from '../../../ingestion/message/request.ts';
import { runIdOf } from '../../../ingestion/message/run-message.ts';
import type { Clock, RunDependencies, RunEvent, RunOrder } from '../../../ingestion/ports.ts';
import { dryRun } from '../../../ingestion/run/dry-run.ts';
import { runIngestion } from '../../../ingestion/run-ingestion.ts';
import { systemClock } from '../../../ingestion/system-clock.ts';
import { createProgress } from '../../output/progress.ts';
import { dryRunText, nextStep, verdictText } from '../../output/verdict-text.ts';
import { type CommandContext, EXIT, type Outcome, UsageError } from '../command.ts';
import { tellFullRun } from '../tell-run.ts';
import { withDatabase } from '../with-database.ts';

type RunOptions = { readonly dryRun?: boolean; readonly now?: string };

export async function fetchData(context: CommandContext, { dryRun, now }: RunOptions): Promise<Outcome> {
  const clock = clockFor(now, context);
  if (dryRun) return await showPlan({}, clock, context);
  try {
    return await run({}, clock, context);
  } catch (error) {
    await tellFullRun({ error }, null, context);
    throw error;
  }
}

type BackfillOptions = RunOptions & {
  readonly from?: string;
  readonly to?: string;
  readonly coin?: string[];
  readonly currency?: string[];
  readonly refetch?: boolean;
};

export async function backfill(context: CommandContext, options: BackfillOptions): Promise<Outcome> {
  const { from, to, coin: coins, currency: currencies, refetch, dryRun, now } = options;
  if (from === undefined || to === undefined)
    throw new UsageError('backfill needs its days: --from YYYY-MM-DD --to YYYY-MM-DD.');
  const clock = clockFor(now, context);
  const { universe } = context.settings;
  const request = parseRunRequest({ from, to, coins, currencies, refetch }, { universe, now: clock.now() });
  const doIt = dryRun ? showPlan : run;
  return await doIt(request, clock, context);
}

const Moment = z.iso.datetime({ offset: true });

/** @throws UsageError when `--now` is not a moment, or when the prices would come from the real CoinGecko. */
function clockFor(now: string | undefined, { settings }: CommandContext): Clock {
  if (now === undefined) return systemClock;
  if (!Moment.safeParse(now).success)
    throw new UsageError(`--now is "${now}"; it takes a moment like 2026-01-31T02:00:00Z.`);
  if (!isLoopback(settings.source.baseUrl))
    throw new UsageError(
      `--now is for tests and replays: it needs a CoinGecko address on this machine, and COINGECKO_BASE_URL is ` +
        `${settings.source.baseUrl}.`,
    );
  const aheadMs = Date.parse(now) - systemClock.now();
  return { ...systemClock, standsIn: true, now: (): Instant => systemClock.now() + aheadMs };
}

/** Runs one ingestion in this process, from the lock to the verdict, and says what to do next. */
async function run(request: RunRequest, clock: Clock, context: CommandContext): Promise<Outcome> {
  const work = async (database: Database): Promise<Outcome> => {
    const progress = createProgress(context.terminal, clock);
    const deps = composeLocally({ database, clock, onEvent: progress.onEvent }, context);
    try {
      const result = await runIngestion(orderOf(request, clock), deps);
      if (result.verdict.isFullRun) await tellFullRun(result, database, context);
      return {
        exitCode: result.verdict.status === 'complete' ? EXIT.complete : EXIT.incomplete,
        document: result.verdict,
        text: `${verdictText(result.verdict, context.terminal)}\n${nextStep(result)}`,
      };
    } finally {
      progress.stop();
    }
  };
  return await withDatabase(context, work, { isPatient: true });
}

async function showPlan(request: RunRequest, clock: Clock, context: CommandContext): Promise<Outcome> {
  const { monthlyCredits, requestsPerMinute } = context.settings.source;
  return await withDatabase(context, async (database) => {
    const deps = composeLocally({ database, clock, onEvent: () => {} }, context);
    const planned = await dryRun(orderOf(request, clock), deps);
    return {
      exitCode: EXIT.complete,
      document: { dryRun: true, ...planned, monthlyCredits },
      text: dryRunText(planned, { monthlyCredits, requestsPerMinute }, context.terminal),
    };
  });
}

function composeLocally(
  parts: Pick<Parameters<typeof composeRun>[0], 'database' | 'clock'> & { onEvent: (event: RunEvent) => void },
  { settings: { source, universe }, log, interrupt }: CommandContext,
): RunDependencies {
  return composeRun({ source, universe, log, interrupt, deadline: null, lockWaitMs: 0, ...parts });
}

function orderOf(request: RunRequest, clock: Clock): RunOrder {
  const triggerKey = `cli:${randomUUID()}`;
  const runId = runIdOf(triggerKey);
  return { runId, triggerKey, trigger: 'cli', dueAt: clock.now(), request, hop: 0, isRedelivery: false };
}
