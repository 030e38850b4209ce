// The PostgreSQL server of a test run: TEST_DATABASE_URL where it is set, else a container where Docker answers, else
// the embedded one.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createDatabase, type Database } from '../../ingestion/database/connection.ts';
import { migrateToLatest } from '../../ingestion/database/migrator.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { type EmbeddedPostgres, isRunning, startEmbeddedPostgres } from '../../local/postgres/embedded-postgres.ts';
import { databaseUrl, execute } from './database-url.ts';
import { silentLog } from './silent-log.ts';

const IMAGE = 'postgres:18-alpine';
/** Rows that a crash would lose are no loss here, and a database is made in half the time. */
const FAST = ['fsync=off', 'full_page_writes=off', 'autovacuum=off'].flatMap((setting) => ['-c', setting]);

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
  const embedded = await startInFolder();
  return { ...embedded, description: `embedded, in ${embedded.folder} (${container.reason})` };
}

const DATA_FOLDER = join(import.meta.dirname, '../../.data');

/** Starts the embedded server in a folder of this test run, which goes with it. */
async function startInFolder() {
  await removeLeftovers();
  const dataFolder = join(DATA_FOLDER, `test-${process.pid}`);
  const embedded = await startEmbeddedPostgres({ dataFolder, flags: FAST });
  return { ...embedded, stop: () => remove(dataFolder, embedded) };
}

/** Servers and folders of test runs that were killed. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(DATA_FOLDER).catch(() => [])) {
    const [, pid] = /^test-(\d+)$/.exec(name) ?? [];
    if (pid === undefined || isRunning(Number(pid))) continue;
    const dataFolder = join(DATA_FOLDER, name);
    await remove(dataFolder, await startEmbeddedPostgres({ dataFolder }).catch(() => null));
  }
}

async function remove(dataFolder: string, embedded: EmbeddedPostgres | null): Promise<void> {
  await embedded?.stop();
  // Where the server's account can't enter the folder, the data are in another one.
  for (const folder of new Set([dataFolder, embedded?.folder ?? dataFolder])) await rm(folder, { recursive: true });
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
  await execute(serverUrl, `create database ${name}`);
  const database = createDatabase({ url: databaseUrl(serverUrl, name) });
  try {
    await migrateToLatest(database, { waitMs: 0, clock: systemClock, log: silentLog });
  } finally {
    await database.close();
  }
  return name;
}

/** Runs the work on a migrated database, on a server that goes with it. */
export async function withMigratedDatabase(work: (database: Database) => Promise<void>): Promise<void> {
  const { url } = await startServer();
  const database = createDatabase({ url: databaseUrl(url, await createTemplate(url)) });
  await work(database);
  await database.close();
  await dropTemplate();
  await stopServer();
}

export async function dropTemplate(): Promise<void> {
  if (server) await execute(server.url, `drop database if exists test_${process.pid}_template with (force)`);
}
