import { show } from '../../../ingestion/contract/show.ts';
import { isStoredSeries } from '../../../ingestion/database/answers.ts';
import { isDay } from '../../../ingestion/domain/day.ts';
import { explainStored } from '../../../ingestion/replay/explain-day.ts';
import { explanationText } from '../../output/explanation-text.ts';
import { checkNames } from '../check-names.ts';
import { defineCommand, EXIT, JSON_OPTION } from '../command.ts';
import { UsageError } from '../usage-error.ts';
import { withDatabase } from '../with-database.ts';

export const explain = defineCommand({
  summary: 'Show how one daily price came about, from its stored answer.',
  options: {
    coin: { type: 'string', value: 'ID', description: 'The coin.' },
    currency: { type: 'string', value: 'CODE', description: 'The currency.' },
    day: { type: 'string', value: 'YYYY-MM-DD', description: 'The UTC day.' },
    ...JSON_OPTION,
  },
  async run(context, { coin, currency, day }) {
    if (coin === undefined || currency === undefined || day === undefined)
      throw new UsageError('explain needs one price: --coin ID --currency CODE --day YYYY-MM-DD.');
    if (!isDay(day)) throw new UsageError(`--day is ${show(day)}; it takes a day that exists, as YYYY-MM-DD.`);
    return await withDatabase(context, async (database) => {
      const { db } = database;
      await checkNames(database, context.settings.universe, { coins: [coin], currencies: [currency] });
      if (!(await isStoredSeries(db, { coin, currency })))
        throw new UsageError(`No run has asked for ${coin} in ${currency} yet: npm run fetch-data does.`);
      const explained = await explainStored(db, { coin, currency }, day);
      return {
        exitCode: explained.agrees ? EXIT.complete : EXIT.incomplete,
        document: explained,
        text: explanationText(explained),
      };
    });
  },
});
