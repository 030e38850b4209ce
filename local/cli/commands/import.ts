import { createHash } from 'node:crypto';
import { basename, resolve } from 'node:path';
import type { ImportConflict } from '../../../ingestion/database/prices.ts';
import { createRepositories } from '../../../ingestion/database/repositories.ts';
import { addDays, dayOf } from '../../../ingestion/domain/day.ts';
import { type Series, seriesName } from '../../../ingestion/domain/series.ts';
import { readLimited } from '../../../ingestion/read-limited.ts';
import { systemClock } from '../../../ingestion/system-clock.ts';
import { formatQuantity } from '../../output/format.ts';
import { type CommandContext, EXIT, type Outcome, UsageError } from '../command.ts';
import { type Comparison, comparePrices } from '../compare-prices.ts';
import { parsePriceFile, type Reading } from '../price-file.ts';
import { resolveSeries, withDatabase } from '../with-database.ts';

/** A century of days takes a tenth of it. */
const MOST_BYTES = 20_000_000;

type ImportOptions = Omit<Reading, 'day' | 'price'> & {
  readonly coin?: string;
  readonly currency?: string;
  readonly dayColumn?: string;
  readonly priceColumn?: string;
  readonly sourceName?: string;
  readonly replace?: boolean;
  readonly force?: boolean;
};

export async function importPrices(context: CommandContext, file: string, options: ImportOptions): Promise<Outcome> {
  const { coin, currency, dayColumn, priceColumn, decimal, dayFormat, replace = false, force = false } = options;
  if (coin === undefined || currency === undefined)
    throw new UsageError(
      'import needs to know whose prices they are: npm run import -- FILE --coin ID --currency CODE.',
    );
  const path = resolve(file);
  const bytes = readBytes(path);
  const sourceName = (options.sourceName ?? basename(path)).trim();
  if (sourceName === '') throw new UsageError('--source-name is empty; it takes a text.');
  const yesterday = addDays(dayOf(systemClock.now()), -1);
  const reading = { day: dayColumn, price: priceColumn, decimal, dayFormat };
  const { columns, prices, warnings: ofReading } = parsePriceFile(bytes, reading, yesterday);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return await withDatabase(context, async (database) => {
    const series = await resolveSeries(database, context.settings.universe, { coin, currency });
    const { lock, imports } = createRepositories(database, { clock: systemClock });
    const comparison = comparePrices(prices, await imports.storedDays(series));
    if (comparison.other.length > 0 && !force) throw new UsageError(refusal(comparison, series));
    const warnings = [...ofReading, ...aboutComparison(comparison, series)];
    const held = await lock.acquire(0);
    const imported = await imports
      .importPrices({ series, prices, sourceName, sha256, mayReplace: replace })
      .finally(() => held.release());
    if (imported.conflicts) throw new UsageError(conflictText(imported.conflicts, series));
    const days = prices.map(({ day }) => day).sort();
    const span = { firstDay: days[0] ?? '', lastDay: days.at(-1) ?? '' };
    return {
      exitCode: EXIT.complete,
      document: { ...series, file: path, sha256, sourceName, columns, ...span, ...imported, warnings },
      text: [
        `${path}: days from the column "${columns.day}", prices from "${columns.price}", ${span.firstDay} to ${span.lastDay}.`,
        `${formatQuantity(imported.written, 'day')} of ${seriesName(series)} imported as "${sourceName}", ` +
          `${imported.replaced} replaced, ${imported.unchanged} there already.`,
        ...warnings.map((warning) => `Warning: ${warning}`),
        'The view price_history shows them where there is no price of CoinGecko.',
      ].join('\n'),
    };
  });
}

function readBytes(path: string): Uint8Array {
  try {
    return readLimited(path, MOST_BYTES);
  } catch (error) {
    throw new UsageError(`The file ${path} can't be read: ${(error as Error).message}.`, { cause: error });
  }
}

/** `100` and `0.0123`: enough to recognise a scale. */
const formatFactor = (factor: number) => String(Number(factor.toPrecision(3)));

function refusal({ overlap, factor, other }: Comparison, series: Series): string {
  const examples = other.slice(0, 3).map(({ day, price, stored }) => `${day} ${price} instead of ${stored}`);
  return (
    `${other.length} of ${formatQuantity(overlap, 'day')} that ${seriesName(series)} has already don't fit, so nothing was ` +
    `written: the file's prices are ${formatFactor(factor)} times what is stored (${examples.join(', ')}). Is it another ` +
    'scale, currency or coin? --decimal says how to read numbers; to import it as it is: --force'
  );
}

function aboutComparison({ other, factor, seam }: Comparison, series: Series): string[] {
  if (other.length > 0)
    return [`${formatQuantity(other.length, 'day')} of the file are ${formatFactor(factor)} times what is stored.`];
  if (seam === null) return [];
  return [
    `The file has ${seam.price} on ${seam.day}, where ${seriesName(series)} is stored with ${seam.stored} on ` +
      `${seam.storedDay}: ${formatFactor(seam.factor)} times that. See that it is the same coin, currency and scale.`,
  ];
}

function conflictText(conflicts: readonly ImportConflict[], series: Series): string {
  const [first] = conflicts;
  return (
    `${formatQuantity(conflicts.length, 'day')} of ${seriesName(series)} were imported with another price before, so ` +
    `nothing was written; the first is ${first?.day}, with ${first?.stored} where the file has ${first?.found}. To take the file's: --replace`
  );
}
