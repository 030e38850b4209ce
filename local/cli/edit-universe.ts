import type { Coin, Currency } from '../../ingestion/contract/universe-schema.ts';

/** A coin or a currency, where either may stand. */
export type UniverseItem = ({ readonly kind: 'coin' } & Coin) | ({ readonly kind: 'currency' } & Currency);

/** What names an item among those of its kind: a coin's id, a currency's code. */
export const keyOf = (item: UniverseItem): string => (item.kind === 'coin' ? item.id : item.code);

/** An object that holds no other: the items are the only ones in the file. Braces within quotes are none. */
const ITEM = /\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*\}/g;
const PROPERTY = /"(\w+)"(\s*:\s*)"(?:[^"\\]|\\.)*"/g;

type Place = { readonly start: number; readonly end: number };

/**
 * @param text of a universe file that parses.
 * @returns the text with the item at the end of its list, written as the last one there is written.
 */
export function withItem(text: string, item: UniverseItem): string {
  const places = placesOf(text, item.kind);
  const [before, last] = [places.at(-2), placeAt(places, places.length - 1)];
  const separator = before
    ? text.slice(before.end, last.start)
    : `,${text.slice(text.lastIndexOf('[', last.start) + 1, last.start)}`;
  const values: Readonly<Record<string, string>> = item;
  const written = text
    .slice(last.start, last.end)
    .replace(PROPERTY, (_, key: string, colon: string) => `"${key}"${colon}${JSON.stringify(values[key])}`);
  return text.slice(0, last.end) + separator + written + text.slice(last.end);
}

/**
 * @param text of a universe file that parses, and holds the item beside others of its kind.
 * @returns the text without it, the rest as it was.
 */
export function withoutItem(text: string, item: UniverseItem): string {
  const places = placesOf(text, item.kind);
  const index = places.findIndex(({ start, end }) => {
    const found: Partial<Coin & Currency> = JSON.parse(text.slice(start, end));
    return (item.kind === 'coin' ? found.id : found.code) === keyOf(item);
  });
  const place = placeAt(places, index);
  const before = places[index - 1];
  return before
    ? text.slice(0, before.end) + text.slice(place.end)
    : text.slice(0, place.start) + text.slice(placeAt(places, index + 1).start);
}

/** The file holds two lists, in whatever order. */
function placesOf(text: string, kind: UniverseItem['kind']): readonly Place[] {
  const places = [...text.matchAll(ITEM)].map(({ 0: { length }, index }) => ({ start: index, end: index + length }));
  const [[firstList, { length }] = ['', []]] = Object.entries<readonly unknown[]>(JSON.parse(text));
  return (kind === 'coin') === (firstList === 'coins') ? places.slice(0, length) : places.slice(length);
}

function placeAt(places: readonly Place[], index: number): Place {
  const place = places[index];
  if (!place) throw new RangeError(`The list has ${places.length} items, and none at ${index}.`);
  return place;
}
