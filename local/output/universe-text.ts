import type { Universe } from '../../ingestion/contract/universe-schema.ts';
import type { UniverseDifference } from '../cli/compare-universe.ts';
import type { UniverseItem } from '../cli/edit-universe.ts';
import { formatCount, formatQuantity } from './format.ts';
import { tableText } from './outcome-text.ts';

/** @returns how an item is named where several fit, and what it is: the first word is one that `add` and `remove` take. */
export const itemText = (item: UniverseItem): string =>
  item.kind === 'coin' ? `${item.id}  ${item.name} (${item.symbol})` : `currency:${item.code}  prices in ${item.name}`;

export function addedText({
  file,
  added,
  known,
  newSeries,
  coins,
  currencies,
}: {
  file: string;
  added: readonly UniverseItem[];
  known: readonly UniverseItem[];
  newSeries: number;
  coins: number;
  currencies: number;
}): string {
  const total = `${formatQuantity(coins, 'coin')} in ${formatCount(currencies)} ${currencies === 1 ? 'currency' : 'currencies'}`;
  return [
    ...(added.length > 0 ? [`Added: ${added.map(nameText).join(', ')}.`] : []),
    ...(known.length > 0 ? [`Already tracked: ${known.map(nameText).join(', ')}.`] : []),
    `${file} has ${total}: ${formatCount(coins * currencies)} series, ${formatCount(newSeries)} of them new.`,
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
      `${currencies.length} ${currencies.length === 1 ? 'currency' : 'currencies'} differ: correct ${file}, by hand or ` +
      'with npm run universe -- remove and add.',
  ].join('\n');
}

/** @returns `pepe (Pepe, pepe)`, `jpy (Japanese Yen)`. */
export const nameText = (item: UniverseItem): string =>
  item.kind === 'coin' ? `${item.id} (${item.name}, ${item.symbol})` : `${item.code} (${item.name})`;
