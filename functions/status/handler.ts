import * as z from 'zod';
import { readStatus, type Status } from '../../ingestion/database/status.ts';
import { readUniverse } from '../../ingestion/settings.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { openDatabase } from '../common/database.ts';
import type { Invocation } from '../common/invocation.ts';
import { createLog } from '../common/logger.ts';
import { parseEvent } from '../common/parse-event.ts';

/** Invoked by hand with `{}`, or with a run's id. */
const question = z.strictObject({ runId: z.uuid('it takes the id of a run').optional() });

/** @returns what `npm run status -- --json` prints. */
export async function handler(event: unknown, { awsRequestId }: Invocation): Promise<Status> {
  const log = createLog({ requestId: awsRequestId });
  try {
    const { runId } = parseEvent(question, event ?? {}, 'a question for the status');
    const database = await openDatabase();
    try {
      const universe = readUniverse(process.env);
      return await readStatus(database, { now: systemClock.now(), universe, ...(runId ? { runId } : {}) });
    } finally {
      await database.close();
    }
  } catch (error) {
    log.error('The status could not be read', { error });
    throw error;
  }
}
