import { statfs } from 'node:fs/promises';
import { DAILY_SCHEDULE } from '../../../ingestion/contract/limits.ts';
import type { Database } from '../../../ingestion/database/connection.ts';
import { findRunIds, type RunDetail, type RunSummary } from '../../../ingestion/database/read-status.ts';
import { systemClock } from '../../../ingestion/system-clock.ts';
import { readTriagedStatus } from '../../../ingestion/triage.ts';
import { lastDueAt } from '../../../lib/schedule/schedule-expression.ts';
import { dataText, runText, statusOverview } from '../../output/status-text.ts';
import type { EmbeddedPostgres } from '../../postgres/embedded-postgres.ts';
import { type CommandContext, EXIT, type Outcome, UsageError } from '../command.ts';
import { readerAddress, withDatabase } from '../with-database.ts';

export async function status(context: CommandContext, { run }: { readonly run?: string }): Promise<Outcome> {
  const { universe, source } = context.settings;
  if (run !== undefined && !RUN_ID_BEGINNING.test(run))
    throw new UsageError(`--run is "${run}"; it takes a run's id, like 0b9c1f4e-5a3d-5c7e-8f10-2a4b6c8d0e1f.`);
  return await withDatabase(context, async (database, _migrated, _url, server) => {
    const runId = run && (await completeRunId(database, run));
    const now = systemClock.now();
    const scheduledAt = lastDueAt(DAILY_SCHEDULE, now);
    const status = await readTriagedStatus(database, { now, universe, scheduledAt, ...(runId && { runId }) });
    const [latest] = status.runs;
    const roomBytes = server && (await roomIn(server.folder));
    return {
      exitCode: EXIT.complete,
      document: roomBytes === null ? status : { ...status, data: { ...status.data, roomBytes } },
      text:
        latest && isDetail(latest)
          ? runText(latest, context.terminal)
          : [
              statusOverview(status, source.monthlyCredits, context.terminal),
              dataText(status.data, roomBytes),
              ...addressLine(server, context),
            ].join('\n'),
    };
  });
}

async function roomIn(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

const addressLine = (server: EmbeddedPostgres | null, context: CommandContext): string[] =>
  server ? [`Address while npm start runs: ${readerAddress(server, context)}`] : [];

/** An id, or its beginning as the overview shows it. */
const RUN_ID_BEGINNING = /^[\da-f]{8}[\da-f-]{0,28}$/i;

/** @throws UsageError when no run, or more than one, begins so. */
async function completeRunId(database: Database, beginning: string): Promise<string> {
  const [runId, another] = await findRunIds(database, beginning.toLowerCase());
  if (runId === undefined)
    throw new UsageError(`There is no run ${beginning} in this database; npm run status lists the latest ones.`);
  if (another !== undefined) throw new UsageError(`${runId} and ${another} begin with ${beginning}; name one of them.`);
  return runId;
}

const isDetail = (run: RunSummary | RunDetail): run is RunDetail => 'series' in run;
