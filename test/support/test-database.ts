import { randomUUID } from 'node:crypto';
import { afterAll } from '@jest/globals';
import { createDatabase, type Database } from '../../ingestion/database/connection.ts';
import type { Tables } from '../../ingestion/database/tables.ts';
import { databaseUrl, execute } from './database-url.ts';

export type TestDatabase = { readonly url: string; drop(): Promise<void> };

/** @property encoding another one than UTF8; only of an empty database. */
type TestDatabaseOptions = { isEmpty?: boolean; encoding?: string };

/** A database of its own on the server of the test run, migrated unless it is to be empty. */
export async function createTestDatabase({ isEmpty, encoding }: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { TEST_POSTGRES_URL: serverUrl, TEST_POSTGRES_TEMPLATE: template } = process.env;
  if (!serverUrl || !template) throw new Error('There is no PostgreSQL for tests. Run them with "npm test".');
  // With the pid of the test run, for another one may use the same server.
  const name = `${template.replace('template', '')}${randomUUID().replaceAll('-', '').slice(0, 12)}`;
  const inEncoding = encoding ? ` encoding '${encoding}' locale 'C'` : '';
  await execute(serverUrl, `create database ${name} template ${isEmpty ? 'template0' : template}${inEncoding}`);
  const drop = () => execute(serverUrl, `drop database if exists ${name} with (force)`);
  return { url: databaseUrl(serverUrl, name), drop };
}

/** The same, dropped after the tests of the file. */
export async function useTestDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  afterAll(database.drop);
  return database;
}

/**
 * @returns what opens such a database, or the one with the URL once more; all of them are closed, and dropped where they were
 * made here, after the tests of the file.
 */
export function useOwnDatabases() {
  const cleanUps: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  });
  return async ({ url: known, ...options }: TestDatabaseOptions & { url?: string } = {}) => {
    const { url, drop } = known ? { url: known, drop: async () => {} } : await createTestDatabase(options);
    const database: Database = createDatabase({ url });
    cleanUps.push(drop, database.close);
    return { ...database, url };
  };
}

/** Every table of data, those that refer to others first. */
const TABLES = [
  ...(['quality_findings', 'requested_ranges', 'rejected_samples', 'answers', 'requests', 'ingestion_series'] as const),
  ...(['unavailable_days', 'daily_price_revisions', 'daily_prices', 'latest_prices', 'ingestion_runs'] as const),
  ...(['series', 'coins', 'currencies'] as const),
] satisfies (keyof Tables)[];

/** Makes it as good as new. Deleting the few rows of a test takes a tenth of the time of `truncate`. */
export const emptyTables = ({ url }: TestDatabase): Promise<void> =>
  execute(url, TABLES.map((table) => `delete from ${table}`).join(';'));
