import { CsvError, parse } from 'csv-parse/sync';
import { show } from '../../ingestion/contract/show.ts';
import { type Day, dayOf, isDay } from '../../ingestion/domain/day.ts';
import { UsageError } from './command.ts';

export type FilePrice = { readonly day: Day; readonly price: string };

/** @property columns the names of those that were read; numbers, from 1, where the file has no heading. */
export type PriceFile = {
  readonly columns: { readonly day: string; readonly price: string };
  readonly prices: readonly [FilePrice, ...FilePrice[]];
};

export type ColumnNames = { readonly day?: string | undefined; readonly price?: string | undefined };

/** What such columns are called, in small letters, the surest first. `snapped_at` is CoinGecko's own. */
const DAY_NAMES = ['day', 'date', 'snapped_at', 'timestamp', 'time', 'datetime', 'timeopen'];
const PRICE_NAMES = ['price', 'average', 'close', 'closing price', 'value'];

/** Of a file that is wrong throughout, so many lines are enough. */
const MOST_BAD_LINES = 20;

/** A moment of ISO 8601, with a space for the T as well, and in UTC where it names no zone. */
const MOMENT = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)\s?(?:Z|UTC|([+-]\d{2}):?(\d{2})?)?$/i;
/** As PostgreSQL's numeric takes it, and no longer than any price is. */
const DECIMAL = /^\d{1,60}(\.\d{1,60})?(e[+-]?\d{1,2})?$/i;

type Line = { readonly record: readonly string[]; readonly info: { readonly lines: number } };

/**
 * Reads daily prices from a CSV file: separated by comma, semicolon or tab, with or without a heading, quoted or not.
 * @param wanted the columns, by their headings; by their numbers where there are none.
 * @param lastDay the newest day that is over.
 * @throws UsageError that names every bad line, up to some, and counts them all.
 */
export function parsePriceFile(bytes: Uint8Array, wanted: ColumnNames, lastDay: Day): PriceFile {
  const lines = readLines(decode(bytes));
  const [first] = lines;
  if (!first) throw new UsageError('The file is empty; it takes a line for each day.');
  const hasHeading = !first.record.some((value) => readDay(value) !== null);
  const headings = hasHeading ? first.record : first.record.map((_, index) => String(index + 1));
  const columns = hasHeading ? byHeading(headings, wanted) : byNumber(first.record, wanted);

  const seen = new Map<Day, number>();
  const problems: string[] = [];
  const prices = lines.slice(hasHeading ? 1 : 0).flatMap(({ record, info }): FilePrice[] => {
    const found = readLine(record, headings.length, columns);
    const problem = typeof found === 'string' ? found : problemOf(found, seen, lastDay);
    if (problem !== null) problems.push(`Line ${info.lines}: ${problem}`);
    if (typeof found === 'string') return [];
    if (!seen.has(found.day)) seen.set(found.day, info.lines);
    return [found];
  });
  if (problems.length > 0) throw new UsageError(badLines(problems, lines.length - (hasHeading ? 1 : 0)));
  const [firstPrice, ...others] = prices;
  if (!firstPrice) throw new UsageError('The file has a heading and no more; it takes a line for each day.');
  return {
    columns: { day: headings[columns.day] ?? '', price: headings[columns.price] ?? '' },
    prices: [firstPrice, ...others],
  };
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r\n?/g, '\n');
  } catch (error) {
    throw new UsageError('The file is not in UTF-8: save it as CSV in UTF-8.', { cause: error });
  }
}

function readLines(text: string): Line[] {
  try {
    return parse(text, {
      delimiter: separatorOf(text),
      record_delimiter: '\n',
      info: true,
      relax_column_count: true,
      skip_records_with_empty_values: true,
      skip_empty_lines: true,
      trim: true,
    }) as unknown as Line[];
  } catch (error) {
    if (error instanceof CsvError) throw new UsageError(`The file is no CSV. ${error.message}.`, { cause: error });
    throw error;
  }
}

/** @returns the one that splits the first line most often. */
function separatorOf(text: string): string {
  const [line = ''] = text
    .trimStart()
    .replace(/"[^"]*"/g, '')
    .split('\n', 1);
  const count = (separator: string) => line.split(separator).length;
  return [',', ';', '\t'].reduce((best, separator) => (count(separator) > count(best) ? separator : best));
}

type Columns = { readonly day: number; readonly price: number };

function byHeading(headings: readonly string[], { day, price }: ColumnNames): Columns {
  const lower = headings.map((heading) => heading.toLowerCase());
  const find = (option: string, name: string | undefined, usual: readonly string[]): number => {
    const names = name === undefined ? usual : [name.toLowerCase()];
    const found = names.find((one) => lower.includes(one));
    if (found !== undefined) return lower.indexOf(found);
    const missing = name === undefined ? `${usual.slice(0, -1).join(', ')} or ${usual.at(-1)}` : show(name);
    throw new UsageError(
      `The file has no column ${missing}; it has ${headings.map(show).join(', ')}. Name the right one with --${option}-column.`,
    );
  };
  return { day: find('day', day, DAY_NAMES), price: find('price', price, PRICE_NAMES) };
}

function byNumber(record: readonly string[], { day, price }: ColumnNames): Columns {
  const find = (option: string, given: string | undefined, usual: number): number => {
    const number = given === undefined ? usual + 1 : Number(given);
    if (Number.isInteger(number) && number >= 1 && number <= record.length) return number - 1;
    throw new UsageError(
      `--${option}-column is ${show(given)}; the file has no heading, so it takes a number from 1 to ${record.length}.`,
    );
  };
  const dayIndex = find(
    'day',
    day,
    record.findIndex((value) => readDay(value) !== null),
  );
  if (price === undefined && record.length !== 2)
    throw new UsageError(
      `The file has no heading and ${record.length} columns. Say which has the price: --price-column with its number.`,
    );
  return { day: dayIndex, price: find('price', price, 1 - dayIndex) };
}

/** @returns what is wrong with it, or what it holds. */
function readLine(record: readonly string[], count: number, columns: Columns): FilePrice | string {
  const [dayText = '', price = ''] = [record[columns.day], record[columns.price]];
  if (record.length !== count) return `it has ${record.length} fields, the first line has ${count}.`;
  const day = readDay(dayText);
  if (day === null)
    return `the day is ${show(dayText)}; it takes a day or moment like 2026-01-31 or 2026-01-31T00:00:00Z.`;
  if (!DECIMAL.test(price)) return `the price is ${show(price)}; it takes digits with a point, like 67000.25.`;
  if (/^[0.]+(e|$)/i.test(price)) return `the price is ${show(price)}; it takes more than zero.`;
  return { day, price };
}

function problemOf({ day }: FilePrice, seen: ReadonlyMap<Day, number>, lastDay: Day): string | null {
  const earlier = seen.get(day);
  if (earlier !== undefined) return `${day} stands in line ${earlier} already; it takes one price a UTC day.`;
  return day > lastDay ? `${day} is not over yet; the last day that it takes is ${lastDay} (UTC).` : null;
}

/** @returns the UTC day of a day or moment; null where it is neither. */
function readDay(text: string): Day | null {
  if (isDay(text)) return text;
  const [, day, time, hours, minutes] = MOMENT.exec(text) ?? [];
  if (day === undefined || !isDay(day)) return null;
  const at = Date.parse(`${day}T${time}${hours === undefined ? 'Z' : `${hours}:${minutes ?? '00'}`}`);
  return Number.isNaN(at) ? null : dayOf(at);
}

function badLines(problems: readonly string[], count: number): string {
  const more = problems.length - MOST_BAD_LINES;
  return [
    `${problems.length} of ${count} lines of prices can't be imported, so nothing was:`,
    ...problems.slice(0, MOST_BAD_LINES),
    ...(more > 0 ? [`… and ${more} more.`] : []),
  ].join('\n');
}
