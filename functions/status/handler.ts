import middy from '@middy/core';
import * as z from 'zod';
import { DAILY_SCHEDULE } from '../../ingestion/contract/limits.ts';
import { ENVIRONMENT } from '../../ingestion/contract/names.ts';
import { readUniverse } from '../../ingestion/read-settings.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { readTriagedStatus, type TriagedStatus } from '../../ingestion/triage.ts';
import { lastDueAt } from '../../lib/schedule/schedule-expression.ts';
import { openDatabase } from '../common/connect.ts';
import { parseEvent } from '../common/invocation.ts';
import { log, logInvocation } from '../common/logger.ts';

/** Invoked by hand, with `{}` or with the id of a run. */
const question = z.strictObject({ runId: z.uuid('it takes the id of a run').optional() });

/** @returns what `npm run status -- --json` prints. */
export const handler = middy<unknown, TriagedStatus>()
  .use(logInvocation('The status could not be read'))
  .handler(async (event) => {
    const { runId } = parseEvent(question, event ?? {}, 'a question for the status');
    const universe = readUniverse(process.env);
    const now = systemClock.now();
    const schedule = process.env[ENVIRONMENT.schedule] ?? DAILY_SCHEDULE;
    const scheduledAt = schedule === 'none' ? null : lastDueAt(schedule, now);
    const database = await openDatabase(log);
    try {
      return await readTriagedStatus(database, { now, universe, scheduledAt, ...(runId ? { runId } : {}) });
    } finally {
      await database.close();
    }
  });
