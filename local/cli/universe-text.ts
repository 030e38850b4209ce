// The universe as a file, and what `npm run universe` says of it.
import type { Universe } from '../../ingestion/contract/universe-schema.ts';
import { formatCount, formatQuantity } from '../output/format.ts';
import { tableText } from '../output/outcome-text.ts';
import type { UniverseDifference, UniverseItem } from './listing.ts';

/** @returns the file's text: one item a line. */
export function universeJson({ coins, currencies }: Universe): string {
  const lines = (items: readonly object[]) =>
    items.map((item) => `    ${JSON.stringify(item, null, 1).replace(/\n\s*/g, ' ')}`).join(',\n');
  return `{\n  "coins": [\n${lines(coins)}\n  ],\n  "currencies": [\n${lines(currencies)}\n  ]\n}\n`;
}

/** @returns what an item is where several fit. It begins with a word that `add` and `remove` take. */
export const itemText = (item: UniverseItem): string =>
  item.kind === 'coin' ? `${item.id}  ${item.name} (${item.symbol})` : `currency:${item.code}  prices in ${item.name}`;

/** @returns `pepe (Pepe, pepe)`, `jpy (Japanese Yen)`. */
export const nameText = (item: UniverseItem): string =>
  item.kind === 'coin' ? `${item.id} (${item.name}, ${item.symbol})` : `${item.code} (${item.name})`;

const currenciesText = (count: number): string => `${formatCount(count)} ${count === 1 ? 'currency' : 'currencies'}`;

export function addedText(
  file: string,
  { coins, currencies }: Universe,
  { added, known, newSeries }: { added: readonly UniverseItem[]; known: readonly UniverseItem[]; newSeries: number },
): string {
  const total = `${formatQuantity(coins.length, 'coin')} in ${currenciesText(currencies.length)}`;
  return [
    ...(added.length > 0 ? [`Added: ${added.map(nameText).join(', ')}.`] : []),
    ...(known.length > 0 ? [`Already tracked: ${known.map(nameText).join(', ')}.`] : []),
    `${file} has ${total}: ${formatCount(coins.length * currencies.length)} series, ${formatCount(newSeries)} of them new.`,
    ...(newSeries > 0 ? ['Next: npm run fetch-data brings their last 30 days. On AWS a deploy does.'] : []),
  ].join('\n');
}

export const removedText = (file: string, removed: readonly UniverseItem[]): string =>
  [
    `Removed from ${file}: ${removed.map(nameText).join(', ')}.`,
    'Rows that are stored stay in the database. They are no longer expected, fetched or shown; added again, they go on.',
  ].join('\n');

export const universeText = (file: string, { coins, currencies }: Universe): string =>
  [
    tableText(
      ['coin', 'symbol', 'name'],
      coins.map(({ id, symbol, name }) => [id, symbol, name]),
    ),
    tableText(
      ['currency', 'name'],
      currencies.map(({ code, name }) => [code, name]),
    ),
    `${formatCount(coins.length * currencies.length)} series, from ${file}.`,
  ].join('\n');

export function checkedText(
  file: string,
  { coins, currencies }: Universe,
  differences: readonly UniverseDifference[],
): string {
  if (differences.length === 0)
    return `CoinGecko lists all ${coins.length} coins and ${currencies.length} currencies, as they are tracked.`;
  const ofCurrencies = differences.filter(({ kind }) => kind === 'currency_missing').length;
  return [
    ...differences.map(({ detail }) => detail),
    `${differences.length - ofCurrencies} of ${formatQuantity(coins.length, 'coin')} and ${ofCurrencies} of ` +
      `${currenciesText(currencies.length)} differ: correct ${file}, by hand or with npm run universe -- remove and add.`,
  ].join('\n');
}
