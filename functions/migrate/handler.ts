import middy from '@middy/core';
import { type Database, DatabaseUnreachableError } from '../../ingestion/database/connection.ts';
import { type Migrated, migrateToLatest } from '../../ingestion/database/migrator.ts';
import type { Clock, Log } from '../../ingestion/ports.ts';
import { retryUntil } from '../../ingestion/retry-until.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { openDatabase } from '../common/connect.ts';
import { FULL_TIME } from '../common/invocation.ts';
import { log, logInvocation } from '../common/logger.ts';

/** A database that is being made or restarted takes minutes. So does the way out of a new network. */
const WAIT_MS = 8 * 60_000;
const RETRY_MS = 5_000;

/**
 * Invoked at deploy, before the worker may work.
 * @throws whatever keeps the schema from being up to date, so that the deploy fails.
 */
export const handler = middy<unknown, Migrated>(FULL_TIME)
  .use(logInvocation('The schema could not be brought up to date'))
  .handler(() => migrate(() => openDatabase(log), systemClock, log));

/**
 * Waits for the database, then brings its schema up to date.
 * @throws DatabaseUnreachableError when there is no database after 8 minutes; whatever `migrateToLatest` throws.
 */
export async function migrate(open: () => Promise<Database>, clock: Clock, log: Log): Promise<Migrated> {
  const giveUpAt = clock.monotonicMs() + WAIT_MS;
  // `migrateToLatest` waits for the database itself.
  const database = await retryUntil(giveUpAt, open, {
    everyMs: RETRY_MS,
    clock,
    isWaitedFor: (failure) => failure instanceof DatabaseUnreachableError,
    onWait: ({ message }) =>
      log.warn('Waiting for the credentials of the database, which come by the way out', { error: message }),
  });
  try {
    return await migrateToLatest(database, { waitMs: giveUpAt - clock.monotonicMs(), clock, log });
  } finally {
    await database.close();
  }
}
