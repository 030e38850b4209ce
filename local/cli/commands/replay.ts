// Stored answers, looked at again: what a row was made of, and what today's rules make of it.
import { show } from '../../../ingestion/contract/show.ts';
import { isStoredSeries } from '../../../ingestion/database/answers.ts';
import { createRepositories } from '../../../ingestion/database/repositories.ts';
import { isDay } from '../../../ingestion/domain/day.ts';
import { explainStored } from '../../../ingestion/replay/explain-day.ts';
import { recompute as recomputeRows } from '../../../ingestion/replay/recompute-days.ts';
import { systemClock } from '../../../ingestion/system-clock.ts';
import { explanationText, recomputedText } from '../../output/replay-text.ts';
import { type CommandContext, EXIT, type Outcome, UsageError } from '../command.ts';
import { resolveSeries, withDatabase } from '../with-database.ts';

type OnePrice = { readonly coin?: string; readonly currency?: string; readonly day?: string };

export async function explain(context: CommandContext, { coin, currency, day }: OnePrice): Promise<Outcome> {
  if (coin === undefined || currency === undefined || day === undefined)
    throw new UsageError('explain needs one price: --coin ID --currency CODE --day YYYY-MM-DD.');
  if (!isDay(day)) throw new UsageError(`--day is ${show(day)}; it takes a day that exists, as YYYY-MM-DD.`);
  return await withDatabase(context, async (database) => {
    const { db } = database;
    const series = await resolveSeries(database, context.settings.universe, { coin, currency });
    if (!(await isStoredSeries(db, series)))
      throw new UsageError(`No run has asked for ${series.coin} in ${series.currency} yet: npm run fetch-data does.`);
    const explained = await explainStored(db, series, day);
    return {
      exitCode: explained.agrees ? EXIT.complete : EXIT.incomplete,
      document: explained,
      text: explanationText(explained),
    };
  });
}

export async function recompute(context: CommandContext): Promise<Outcome> {
  return await withDatabase(context, async (database) => {
    const repositories = createRepositories(database, { clock: systemClock });
    const recomputed = await recomputeRows(database, repositories, context.interrupt);
    const isAll = recomputed.renewed === recomputed.outdated;
    return {
      exitCode: isAll ? EXIT.complete : EXIT.incomplete,
      document: recomputed,
      text: recomputedText(recomputed),
    };
  });
}
