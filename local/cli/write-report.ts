import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Database } from '../../ingestion/database/connection.ts';
import type { ReportData } from '../page/page-data.ts';
import { readReportData } from '../page/read-page-data.ts';
import { renderReport } from '../page/render-page.ts';
import { UsageError } from './usage-error.ts';

/**
 * Writes the report as one HTML page.
 * @returns the file's absolute path, and the data that the page shows.
 * @throws UsageError when the file can't be written.
 */
export async function writeReport(
  database: Database,
  file: string,
  options: Parameters<typeof readReportData>[1],
): Promise<{ path: string; data: ReportData }> {
  const path = resolve(file);
  const data = await readReportData(database, options);
  try {
    await writeFile(path, renderReport(data));
  } catch (error) {
    throw new UsageError(`The page can't be written to ${path}: ${(error as Error).message}.`);
  }
  return { path, data };
}
