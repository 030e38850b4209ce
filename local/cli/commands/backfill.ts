import { parseRunRequest } from '../../../ingestion/message/request.ts';
import { defineCommand, JSON_OPTION } from '../command.ts';
import { clockFor, DRY_RUN_OPTION, foreseeAsCommand, NOW_OPTION, runAsCommand } from '../run-locally.ts';
import { UsageError } from '../usage-error.ts';

export const backfill = defineCommand({
  summary: 'Fetch what is missing between two days.',
  options: {
    from: { type: 'string', value: 'YYYY-MM-DD', description: 'The first UTC day.' },
    to: { type: 'string', value: 'YYYY-MM-DD', description: 'The last UTC day, at most yesterday.' },
    coin: { type: 'string', value: 'ID', multiple: true, description: 'Only this coin. May be repeated.' },
    currency: {
      type: 'string',
      value: 'CODE',
      multiple: true,
      description: 'Only this currency. May be repeated.',
    },
    refetch: { type: 'boolean', description: 'Fetch stored days too. Changed prices are kept as revisions.' },
    ...DRY_RUN_OPTION,
    ...JSON_OPTION,
    ...NOW_OPTION,
  },
  async run(context, { from, to, coin, currency, refetch, 'dry-run': isDryRun, now }) {
    if (from === undefined || to === undefined)
      throw new UsageError('backfill needs its days: --from YYYY-MM-DD --to YYYY-MM-DD.');
    const clock = clockFor(now, context);
    const request = parseRunRequest(
      { from, to, coins: coin, currencies: currency, refetch },
      { universe: context.settings.universe, now: clock.now() },
    );
    const doIt = isDryRun ? foreseeAsCommand : runAsCommand;
    return await doIt(request, clock, context);
  },
});
