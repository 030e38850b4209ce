import { systemClock } from '../../../ingestion/system-clock.ts';
import { defineCommand, EXIT, JSON_OPTION } from '../command.ts';
import { withDatabase } from '../with-database.ts';
import { writeReport } from '../write-report.ts';

export const report = defineCommand({
  summary: 'Write prices, coverage and runs as one HTML page.',
  options: {
    out: { type: 'string', value: 'FILE', description: 'The file to write. Default: report.html.' },
    ...JSON_OPTION,
  },
  async run(context, { out = 'report.html' }) {
    const { universe, source } = context.settings;
    return await withDatabase(context, async (database) => {
      const { monthlyCredits } = source;
      const { path } = await writeReport(database, out, { now: systemClock.now(), universe, monthlyCredits });
      return { exitCode: EXIT.complete, document: { file: path }, text: `The page is ${path}` };
    });
  },
});
