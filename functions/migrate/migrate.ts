import { type Database, DatabaseUnreachableError } from '../../ingestion/database/connection.ts';
import { type Migrated, migrateToLatest } from '../../ingestion/database/migrate.ts';
import type { Clock, Log } from '../../ingestion/ports.ts';

/** A database that is being made, or restarted, takes minutes, and so does the way out of a new network. */
const WAIT_MS = 8 * 60_000;
const RETRY_MS = 5_000;

/**
 * Brings the schema up to date, as soon as there is a database.
 * @throws DatabaseUnreachableError when there is none after 8 minutes; whatever `migrateToLatest` throws.
 */
export async function migrate(open: () => Promise<Database>, clock: Clock, log: Log): Promise<Migrated> {
  const giveUpAt = clock.now() + WAIT_MS;
  const database = await openInTime(open, giveUpAt, clock, log);
  try {
    return await migrateToLatest(database, { waitMs: giveUpAt - clock.now(), clock, log });
  } finally {
    await database.close();
  }
}

/** Waits for its credentials, which come through the way out; `migrateToLatest` waits for the database itself. */
async function openInTime(open: () => Promise<Database>, giveUpAt: number, clock: Clock, log: Log): Promise<Database> {
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof DatabaseUnreachableError) || clock.now() + RETRY_MS > giveUpAt) throw error;
      log.warn('Waiting for the credentials of the database', { error: error.message });
      await clock.sleep(RETRY_MS);
    }
  }
}
