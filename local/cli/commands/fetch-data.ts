import { defineCommand, JSON_OPTION } from '../command.ts';
import { clockFor, DRY_RUN_OPTION, foreseeAsCommand, NOW_OPTION, runAsCommand } from '../run-locally.ts';

export const fetchData = defineCommand({
  summary: 'Fetch every day that is missing.',
  options: { ...DRY_RUN_OPTION, ...JSON_OPTION, ...NOW_OPTION },
  async run(context, { 'dry-run': isDryRun, now }) {
    const doIt = isDryRun ? foreseeAsCommand : runAsCommand;
    return await doIt({}, clockFor(now, context), context);
  },
});
