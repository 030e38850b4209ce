import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Database } from '../../ingestion/database/connection.ts';
import type { PageData } from '../page/read-page-data.ts';
import { readPageData } from '../page/read-page-data.ts';
import { renderPage } from '../page/render-page.ts';
import { UsageError } from './usage-error.ts';

/**
 * Writes the report as one HTML page.
 * @returns the file's absolute path, and the data that the page shows.
 * @throws UsageError when the file can't be written.
 */
export async function writeReport(
  database: Database,
  file: string,
  options: Parameters<typeof readPageData>[1],
): Promise<{ path: string; data: PageData }> {
  const path = resolve(file);
  const data = await readPageData(database, options);
  try {
    await writeFile(path, renderPage(data));
  } catch (error) {
    throw new UsageError(`The page can't be written to ${path}: ${(error as Error).message}.`);
  }
  return { path, data };
}
