import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { ImportConflict } from '../../../ingestion/database/prices.ts';
import { createRepositories } from '../../../ingestion/database/repositories.ts';
import { addDays, dayOf } from '../../../ingestion/domain/day.ts';
import { type Series, seriesName } from '../../../ingestion/domain/series.ts';
import { systemClock } from '../../../ingestion/system-clock.ts';
import { formatQuantity } from '../../output/format.ts';
import { type CommandContext, EXIT, type Outcome, UsageError } from '../command.ts';
import { parsePriceFile } from '../price-file.ts';
import { checkNames, withDatabase } from '../with-database.ts';

/** A century of days takes a tenth of it. */
const MOST_BYTES = 20_000_000;

type ImportOptions = {
  readonly coin?: string;
  readonly currency?: string;
  readonly dayColumn?: string;
  readonly priceColumn?: string;
  readonly sourceName?: string;
  readonly replace?: boolean;
};

export async function importPrices(context: CommandContext, file: string, options: ImportOptions): Promise<Outcome> {
  const { coin, currency, dayColumn, priceColumn, replace = false } = options;
  if (coin === undefined || currency === undefined)
    throw new UsageError(
      'import needs to know whose prices they are: npm run import -- FILE --coin ID --currency CODE.',
    );
  const path = resolve(file);
  const bytes = await readBytes(path);
  const sourceName = (options.sourceName ?? basename(path)).trim();
  if (sourceName === '') throw new UsageError('--source-name is empty; it takes a text.');
  const yesterday = addDays(dayOf(systemClock.now()), -1);
  const { columns, prices } = parsePriceFile(bytes, { day: dayColumn, price: priceColumn }, yesterday);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const series = { coin, currency };
  return await withDatabase(context, async (database) => {
    await checkNames(database, context.settings.universe, { coins: [coin], currencies: [currency] });
    const { lock, imports } = createRepositories(database, { clock: systemClock });
    const held = await lock.acquire(0);
    const imported = await imports
      .importPrices({ series, prices, sourceName, sha256, mayReplace: replace })
      .finally(() => held.release());
    if (imported.conflicts) throw new UsageError(conflictText(imported.conflicts, series));
    const days = prices.map(({ day }) => day).sort();
    const span = { firstDay: days[0] ?? '', lastDay: days.at(-1) ?? '' };
    return {
      exitCode: EXIT.complete,
      document: { ...series, file: path, sha256, sourceName, columns, ...span, ...imported },
      text: [
        `${path}: days from the column "${columns.day}", prices from "${columns.price}", ${span.firstDay} to ${span.lastDay}.`,
        `${formatQuantity(imported.written, 'day')} of ${seriesName(series)} imported as "${sourceName}", ` +
          `${imported.replaced} replaced, ${imported.unchanged} there already.`,
        'The view price_history shows them where there is no price of CoinGecko.',
      ].join('\n'),
    };
  });
}

async function readBytes(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw new UsageError(`The file ${path} can't be read: ${error.message}.`, { cause: error });
  });
  if (bytes.byteLength <= MOST_BYTES) return bytes;
  throw new UsageError(
    `The file ${path} has ${bytes.byteLength} bytes; daily prices of one coin take at most ${MOST_BYTES}.`,
  );
}

function conflictText(conflicts: readonly ImportConflict[], series: Series): string {
  const [first] = conflicts;
  return (
    `${formatQuantity(conflicts.length, 'day')} of ${seriesName(series)} were imported with another price before, so ` +
    `nothing was written; the first is ${first?.day}, with ${first?.stored} where the file has ${first?.found}. To take the file's: --replace`
  );
}
