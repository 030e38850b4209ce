import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { ImportConflict, Imported, PricesToImport } from '../../../ingestion/database/prices.ts';
import { createRepositories } from '../../../ingestion/database/repositories.ts';
import { addDays, dayOf } from '../../../ingestion/domain/day.ts';
import { seriesName } from '../../../ingestion/domain/series.ts';
import { systemClock } from '../../../ingestion/system-clock.ts';
import { formatQuantity } from '../../output/format.ts';
import { importedText } from '../../output/imported-text.ts';
import { checkNames } from '../check-names.ts';
import { defineCommand, EXIT, JSON_OPTION } from '../command.ts';
import { type PriceFile, parsePriceFile } from '../price-file.ts';
import { UsageError } from '../usage-error.ts';
import { withDatabase } from '../with-database.ts';

/** A century of days takes a tenth of it. */
const MOST_BYTES = 20_000_000;

export const importPrices = defineCommand({
  summary: 'Take daily prices of one coin from a CSV file, beside those of CoinGecko.',
  positionals: ['<file>'],
  options: {
    coin: { type: 'string', value: 'ID', description: 'The coin, of the universe.' },
    currency: { type: 'string', value: 'CODE', description: 'The currency, of the universe.' },
    'day-column': {
      type: 'string',
      value: 'NAME',
      description: 'The column of the days, or its number where the file has no heading. Default: day, date, …',
    },
    'price-column': {
      type: 'string',
      value: 'NAME',
      description: 'The column of the prices, or its number. Default: price, average, close, …',
    },
    'source-name': {
      type: 'string',
      value: 'TEXT',
      description: "Where the prices come from. Default: the file's name.",
    },
    replace: { type: 'boolean', description: 'Replace prices that were imported before and differ.' },
    ...JSON_OPTION,
  },
  async run(context, { coin, currency, replace = false, ...options }, [file]) {
    if (coin === undefined || currency === undefined)
      throw new UsageError(
        'import needs to know whose prices they are: npm run import -- FILE --coin ID --currency CODE.',
      );
    const path = resolve(file);
    const bytes = await readBytes(path);
    const sourceName = (options['source-name'] ?? basename(path)).trim();
    if (sourceName === '') throw new UsageError('--source-name is empty; it takes a text.');
    const columns = { day: options['day-column'], price: options['price-column'] };
    const priceFile = parsePriceFile(bytes, columns, addDays(dayOf(systemClock.now()), -1));
    const toImport = {
      series: { coin, currency },
      prices: priceFile.prices,
      sourceName,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      mayReplace: replace,
    };
    return await withDatabase(context, async (database) => {
      await checkNames(database, context.settings.universe, { coins: [coin], currencies: [currency] });
      const { lock, imports } = createRepositories(database, { clock: systemClock });
      const held = await lock.acquire(0);
      const imported = await imports.importPrices(toImport).finally(() => held.release());
      if ('conflicts' in imported) throw new UsageError(conflictText(imported.conflicts, toImport));
      const document = documentOf(path, toImport, priceFile, imported);
      return { exitCode: EXIT.complete, document, text: importedText(document) };
    });
  },
});

async function readBytes(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw new UsageError(`The file ${path} can't be read: ${error.message}.`, { cause: error });
  });
  if (bytes.byteLength <= MOST_BYTES) return bytes;
  throw new UsageError(
    `The file ${path} has ${bytes.byteLength} bytes; daily prices of one coin take at most ${MOST_BYTES}.`,
  );
}

function documentOf(file: string, { series, sourceName, sha256 }: PricesToImport, read: PriceFile, imported: Imported) {
  const days = read.prices.map(({ day }) => day).sort();
  const [firstDay = '', lastDay = ''] = [days[0], days.at(-1)];
  return { ...series, file, sha256, sourceName, columns: read.columns, firstDay, lastDay, ...imported };
}

function conflictText(conflicts: readonly ImportConflict[], { series }: PricesToImport): string {
  const [first] = conflicts;
  return (
    `${formatQuantity(conflicts.length, 'day')} of ${seriesName(series)} were imported with another price before, so ` +
    `nothing was written; the first is ${first?.day}, with ${first?.stored} where the file has ${first?.found}. To take the file's: --replace`
  );
}
