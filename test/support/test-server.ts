// The PostgreSQL server of a test run: TEST_DATABASE_URL where it is set, else a container where Docker answers, else
// the embedded one.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { createDatabase } from '../../ingestion/database/connection.ts';
import { migrateToLatest } from '../../ingestion/database/migrate.ts';
import { systemClock } from '../../ingestion/runtime/clock.ts';
import { startEmbeddedPostgres } from '../../local/embedded-postgres.ts';
import { isRunning } from '../../local/is-running.ts';
import { databaseUrl } from './database-url.ts';
import { silentLog } from './silent-log.ts';

const IMAGE = 'postgres:18-alpine';
/** Rows that a crash would lose are no loss here, and a database is made in half the time. */
const FAST = ['-c', 'fsync=off'];

type Server = { readonly url: string; readonly description: string; stop(): Promise<unknown> };

let server: Server | null = null;

/** @returns the server's URL, of a user who may create databases and roles. */
export async function startServer(): Promise<Server> {
  server = await chooseServer();
  return server;
}

export const stopServer = async (): Promise<unknown> => server?.stop();

async function chooseServer(): Promise<Server> {
  const url = process.env['TEST_DATABASE_URL'];
  if (url) return { url, description: 'the one of TEST_DATABASE_URL', stop: async () => {} };
  const container = await startContainer();
  if ('url' in container) return container;
  // The same folder each time: a server left by a killed run is found, used and stopped.
  const embedded = await startEmbeddedPostgres({
    dataFolder: join(import.meta.dirname, '../../.data/test'),
    flags: FAST,
  });
  await dropLeftovers(embedded.url);
  return { ...embedded, description: `embedded, in ${embedded.folder} (${container.reason})` };
}

async function startContainer(): Promise<Server | { reason: string }> {
  try {
    await promisify(execFile)('docker', ['info'], { timeout: 5_000 });
  } catch {
    return { reason: 'Docker does not answer' };
  }
  try {
    const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
    const container = await new PostgreSqlContainer(IMAGE)
      // Its own choice, "test", is in every log: no test could tell whether a password is logged.
      .withPassword(randomUUID())
      .withCommand(['postgres', ...FAST])
      .start();
    return { url: container.getConnectionUri(), description: `a container of ${IMAGE}`, stop: () => container.stop() };
  } catch (error) {
    return { reason: `Docker answers, but starts no container of ${IMAGE}: ${(error as Error).message.trim()}` };
  }
}

/** A migrated database that test databases are copies of: 30 ms instead of all migrations each time. */
export async function createTemplate(serverUrl: string): Promise<string> {
  const name = `test_${process.pid}_template`;
  await onServer(serverUrl, `create database ${name}`);
  const database = createDatabase({ url: databaseUrl(serverUrl, name) });
  try {
    await migrateToLatest(database, { waitMs: 0, clock: systemClock, log: silentLog });
  } finally {
    await database.close();
  }
  return name;
}

export async function dropTemplate(): Promise<void> {
  if (server) await onServer(server.url, `drop database if exists test_${process.pid}_template with (force)`);
}

/** Databases of test runs that were killed. */
async function dropLeftovers(serverUrl: string): Promise<void> {
  const { rows } = await onServer(serverUrl, `select datname from pg_database where datname ~ '^test_[0-9]+_'`);
  for (const { datname } of rows) {
    if (!isRunning(Number(datname.split('_')[1]))) await onServer(serverUrl, `drop database ${datname} with (force)`);
  }
}

async function onServer(url: string, statement: string): Promise<pg.QueryResult<{ datname: string }>> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await client.query(statement);
  } finally {
    await client.end();
  }
}
