import type { Migrated } from '../../ingestion/database/migrate.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { openDatabase } from '../common/database.ts';
import type { Invocation } from '../common/invocation.ts';
import { createLog } from '../common/logger.ts';
import { migrate } from './migrate.ts';

/**
 * Invoked at deploy, before the worker may work.
 * @throws whatever keeps the schema from being up to date, so that the deploy fails.
 */
export async function handler(_event: unknown, { awsRequestId }: Invocation): Promise<Migrated> {
  const log = createLog({ requestId: awsRequestId });
  try {
    return await migrate(openDatabase, systemClock, log);
  } catch (error) {
    log.error('The schema could not be brought up to date', { error });
    throw error;
  }
}
