import type { Imported } from '../../ingestion/database/prices.ts';
import type { Day } from '../../ingestion/domain/day.ts';
import { type Series, seriesName } from '../../ingestion/domain/series.ts';
import { formatQuantity } from './format.ts';

/** What was imported from a file. */
type ImportedFile = Series &
  Imported & {
    readonly file: string;
    readonly sourceName: string;
    readonly columns: { readonly day: string; readonly price: string };
    readonly firstDay: Day;
    readonly lastDay: Day;
  };

/** @returns what an import came to, for people. */
export function importedText({
  columns,
  firstDay,
  lastDay,
  sourceName,
  written,
  replaced,
  unchanged,
  ...file
}: ImportedFile) {
  return [
    `${file.file}: days from the column "${columns.day}", prices from "${columns.price}", ${firstDay} to ${lastDay}.`,
    `${formatQuantity(written, 'day')} of ${seriesName(file)} imported as "${sourceName}", ${replaced} replaced, ${unchanged} there already.`,
    'The view price_history shows them where there is no price of CoinGecko.',
  ].join('\n');
}
