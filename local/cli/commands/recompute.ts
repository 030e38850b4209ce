import { createRepositories } from '../../../ingestion/database/repositories.ts';
import { recompute as recomputeRows } from '../../../ingestion/replay/recompute-days.ts';
import { systemClock } from '../../../ingestion/system-clock.ts';
import { recomputedText } from '../../output/recomputed-text.ts';
import { defineCommand, EXIT, JSON_OPTION } from '../command.ts';
import { withDatabase } from '../with-database.ts';

export const recompute = defineCommand({
  summary: 'Make rows of older rules again from their stored answers, without CoinGecko.',
  options: JSON_OPTION,
  run: (context) =>
    withDatabase(context, async (database) => {
      const recomputed = await recomputeRows(
        database,
        createRepositories(database, { clock: systemClock }),
        context.interrupt,
      );
      const isAll = recomputed.renewed === recomputed.outdated;
      return {
        exitCode: isAll ? EXIT.complete : EXIT.incomplete,
        document: recomputed,
        text: recomputedText(recomputed),
      };
    }),
});
