import { fileURLToPath } from 'node:url';
import { createDatabase, type Database } from '../../ingestion/database/connection.ts';
import { type Migrated, migrateToLatest } from '../../ingestion/database/migrate.ts';
import { IngestionError } from '../../ingestion/domain/failure.ts';
import type { Log } from '../../ingestion/ports.ts';
import { SettingError } from '../../ingestion/settings.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { startEmbeddedPostgres } from '../postgres/embedded-postgres.ts';
import type { CommandContext } from './command.ts';

/** What this machine keeps between calls. It lies in the project, wherever the command is called from. */
export const DATA_FOLDER = fileURLToPath(new URL('../../.data', import.meta.url));

/** Does the work with the embedded server: one that already runs, or one that is started and stopped for it. */
export async function withEmbeddedServer<Result>(
  { terminal }: Pick<CommandContext, 'terminal'>,
  work: (url: string) => Promise<Result>,
): Promise<Result> {
  const server = await startEmbeddedPostgres({ dataFolder: DATA_FOLDER, log: terminal.note });
  try {
    return await work(server.url);
  } finally {
    await server.stop();
  }
}

/**
 * Does the work with the database that the settings name, or with the embedded one. Its tables are up to date.
 * @throws SettingError when DATABASE_URL can't be used.
 * @throws DatabaseUnreachableError when nothing answers there.
 */
export async function withDatabase<Result>(
  context: Pick<CommandContext, 'settings' | 'terminal' | 'log'>,
  work: (database: Database, migrated: Migrated, url: string) => Promise<Result>,
): Promise<Result> {
  const { databaseUrl } = context.settings;
  if (databaseUrl === null) return await withEmbeddedServer(context, (url) => useDatabase(url, context, work));
  return await useDatabase(databaseUrl, context, work);
}

async function useDatabase<Result>(
  url: string,
  { log }: Pick<CommandContext, 'log'>,
  work: (database: Database, migrated: Migrated, url: string) => Promise<Result>,
): Promise<Result> {
  const database = connectTo(url, log);
  try {
    return await work(database, await migrateToLatest(database, { waitMs: 0, clock: systemClock, log }), url);
  } finally {
    await database.close();
  }
}

function connectTo(url: string, log: Log): Database {
  try {
    return createDatabase({ url }, { log });
  } catch (error) {
    throw error instanceof IngestionError ? new SettingError([error.message]) : error;
  }
}
