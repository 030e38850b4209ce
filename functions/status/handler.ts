import middy from '@middy/core';
import * as z from 'zod';
import { readStatus, type Status } from '../../ingestion/database/status.ts';
import { readUniverse } from '../../ingestion/settings.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { openDatabase } from '../common/database.ts';
import { log, logInvocation } from '../common/logger.ts';
import { parseEvent } from '../common/parse-event.ts';

/** Invoked by hand, with `{}` or with the id of a run. */
const question = z.strictObject({ runId: z.uuid('it takes the id of a run').optional() });

/** @returns what `npm run status -- --json` prints. */
export const handler = middy<unknown, Status>()
  .use(logInvocation('The status could not be read'))
  .handler(async (event) => {
    const { runId } = parseEvent(question, event ?? {}, 'a question for the status');
    const universe = readUniverse(process.env);
    const database = await openDatabase(log);
    try {
      return await readStatus(database, { now: systemClock.now(), universe, ...(runId ? { runId } : {}) });
    } finally {
      await database.close();
    }
  });
