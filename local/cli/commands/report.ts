import { Readable } from 'node:stream';
import type { Database } from '../../../ingestion/database/connection.ts';
import { systemClock } from '../../../ingestion/system-clock.ts';
import { type PageData, readPageData } from '../../page/read-page-data.ts';
import { renderPage } from '../../page/render-page.ts';
import { type CommandContext, EXIT, type Outcome } from '../command.ts';
import { withDatabase } from '../with-database.ts';
import { writeAtomically } from '../write-file.ts';

export async function report(
  context: CommandContext,
  { out = 'report.html' }: { readonly out?: string },
): Promise<Outcome> {
  return await withDatabase(context, async (database) => {
    const { path } = await writeReport(database, out, context);
    return { exitCode: EXIT.complete, document: { file: path }, text: `The page is ${path}` };
  });
}

/** @returns the file's absolute path, and the data that the page shows. */
export async function writeReport(
  database: Database,
  file: string,
  { settings: { universe, source } }: CommandContext,
  isMadeUp = false,
): Promise<{ path: string; data: PageData }> {
  const { monthlyCredits } = source;
  const data = await readPageData(database, { now: systemClock.now(), universe, monthlyCredits, isMadeUp });
  const { path } = await writeAtomically(file, Readable.from([renderPage(data)]));
  return { path, data };
}
