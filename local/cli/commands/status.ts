import * as z from 'zod';
import { DAILY_SCHEDULE } from '../../../ingestion/contract/limits.ts';
import type { RunDetail, RunSummary } from '../../../ingestion/database/status.ts';
import { systemClock } from '../../../ingestion/system-clock.ts';
import { readTriagedStatus } from '../../../ingestion/triage.ts';
import { lastDueAt } from '../../../lib/schedule.ts';
import { runText, statusOverview } from '../../output/status-text.ts';
import { defineCommand, EXIT, JSON_OPTION } from '../command.ts';
import { UsageError } from '../usage-error.ts';
import { withDatabase } from '../with-database.ts';

export const status = defineCommand({
  summary: 'Show what is stored, what is missing, the latest runs and the credits used.',
  options: {
    run: { type: 'string', value: 'ID', description: 'Show this run alone, with its series and findings.' },
    ...JSON_OPTION,
  },
  async run(context, { run: runId }) {
    const { universe, source } = context.settings;
    if (runId !== undefined && !z.guid().safeParse(runId).success)
      throw new UsageError(`--run is "${runId}"; it takes a run's id, like 0b9c1f4e-5a3d-5c7e-8f10-2a4b6c8d0e1f.`);
    return await withDatabase(context, async (database) => {
      const now = systemClock.now();
      const scheduledAt = lastDueAt(DAILY_SCHEDULE, now);
      const status = await readTriagedStatus(database, { now, universe, scheduledAt, ...(runId && { runId }) });
      const [run] = status.runs;
      if (runId !== undefined && run === undefined)
        throw new UsageError(`There is no run ${runId} in this database; npm run status lists the latest ones.`);
      return {
        exitCode: EXIT.complete,
        document: status,
        text:
          run && isDetail(run)
            ? runText(run, context.terminal)
            : statusOverview(status, source.monthlyCredits, context.terminal),
      };
    });
  },
});

const isDetail = (run: RunSummary | RunDetail): run is RunDetail => 'series' in run;
