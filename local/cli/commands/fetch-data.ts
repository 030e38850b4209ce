import { defineCommand, JSON_OPTION } from '../command.ts';
import { clockFor, NOW_OPTION, runAsCommand } from '../run-locally.ts';

export const fetchData = defineCommand({
  summary: 'Fetch every day that is missing.',
  options: { ...JSON_OPTION, ...NOW_OPTION },
  run: async (context, { now }) => await runAsCommand({}, clockFor(now, context), context),
});
