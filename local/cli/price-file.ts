import { CsvError, parse } from 'csv-parse/sync';
import { show } from '../../ingestion/contract/show.ts';
import { type Day, dayOf, isDay } from '../../ingestion/domain/day.ts';
import { formatQuantity } from '../output/format.ts';
import { UsageError } from './command.ts';

export type FilePrice = { readonly day: Day; readonly price: string };

/**
 * @property columns the names of those that were read; numbers, from 1, where the file has no heading.
 * @property warnings what a person should know about how it was read.
 */
export type PriceFile = {
  readonly columns: { readonly day: string; readonly price: string };
  readonly prices: readonly [FilePrice, ...FilePrice[]];
  readonly warnings: readonly string[];
};

/**
 * How to read a file. @property day, price the columns, by their headings or numbers.
 * @property decimal the sign before the decimals. @property dayFormat `DD`, `MM` and `YYYY`, and what stands between them.
 */
export type Reading = {
  readonly day?: string | undefined;
  readonly price?: string | undefined;
  readonly decimal?: '.' | ',' | undefined;
  readonly dayFormat?: string | undefined;
};

/** What such columns are called, in small letters, the surest first. `snapped_at` is CoinGecko's own. */
const DAY_NAMES = ['day', 'date', 'snapped_at', 'timestamp', 'time', 'datetime', 'timeopen'];
const PRICE_NAMES = ['price', 'average', 'close', 'closing price', 'value'];

/** Of a file that is wrong throughout, so many lines are enough. */
const MOST_BAD_LINES = 20;

/** A moment of ISO 8601, with a space for the T as well, and in UTC where it names no zone. */
const MOMENT = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)\s?(?:Z|UTC|([+-]\d{2}):?(\d{2})?)?$/i;
/** As PostgreSQL's numeric takes it, and no longer than any price is. */
const DECIMAL = /^\d{1,60}(\.\d{1,60})?(e[+-]?\d{1,2})?$/i;
/** Thousands in groups, by what may stand between them. */
const GROUPED = { '.': /^\d{1,3}([, '’]\d{3})+(?![\d, '’])/, ',': /^\d{1,3}([. '’]\d{3})+(?![\d. '’])/ } as const;
/** 33500 in Germany, 33.5 in America. */
const AMBIGUOUS = /^[1-9]\d{0,2}\.\d{3}$/;

/** So many records tell which one separates a file. */
const MOST_RECORDS_TO_SEE = 100;

type Line = { readonly record: readonly string[]; readonly info: { readonly lines: number } };
type ReadDay = (text: string) => Day | null;

/**
 * Reads daily prices from a CSV file: separated by comma, semicolon or tab, with or without a heading, quoted or not. What
 * stands above the heading is skipped.
 * @param lastDay the newest day that is over.
 * @throws UsageError that names every bad line, up to some, and counts them all.
 */
export function parsePriceFile(bytes: Uint8Array, reading: Reading, lastDay: Day): PriceFile {
  const toDay = dayReader(reading.dayFormat);
  const lines = readLines(decode(bytes), toDay);
  if (lines.length === 0) throw new UsageError('The file is empty; it takes a line for each day.');
  const { headings, columns, rows } = findTable(lines, reading, toDay);
  const { decimal } = reading;
  const readers = { toDay, decimal, isPointCertain: decimal !== undefined || hasCertainPoint(rows, columns) };

  const seen = new Map<Day, number>();
  const problems: string[] = [];
  const prices = rows.flatMap(({ record, info }): FilePrice[] => {
    const found = readLine(record, headings.length, columns, readers);
    const problem = typeof found === 'string' ? found : problemOf(found, seen, lastDay);
    if (problem !== null) problems.push(`Line ${info.lines}: ${problem}`);
    if (typeof found === 'string') return [];
    if (!seen.has(found.day)) seen.set(found.day, info.lines);
    return [found];
  });
  if (problems.length > 0) throw new UsageError(badLines(problems, rows.length));
  const [firstPrice, ...others] = prices;
  if (!firstPrice) throw new UsageError('The file has a heading and no more; it takes a line for each day.');
  return {
    columns: { day: headings[columns.day] ?? '', price: headings[columns.price] ?? '' },
    prices: [firstPrice, ...others],
    warnings: aboutMidnights(rows.map(({ record }) => record[columns.day] ?? '')),
  };
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r\n?/g, '\n');
  } catch (error) {
    throw new UsageError('The file is not in UTF-8: save it as CSV in UTF-8.', { cause: error });
  }
}

function readLines(text: string, toDay: ReadDay): Line[] {
  const [sepLine = '', named] = /^\s*sep=(.)[^\n]*\n/i.exec(text) ?? [];
  try {
    // The line stays as an empty one, so that the others keep their numbers.
    const table = sepLine === '' ? text : `\n${text.slice(sepLine.length)}`;
    return parseCsv(table, named ?? separatorOf(table, toDay));
  } catch (error) {
    if (error instanceof CsvError) throw new UsageError(`The file is no CSV. ${error.message}.`, { cause: error });
    throw error;
  }
}

const parseCsv = (text: string, delimiter: string, to?: number): Line[] =>
  parse(text, {
    ...{ delimiter, record_delimiter: '\n', info: true, trim: true, relax_quotes: true, relax_column_count: true },
    ...{ skip_records_with_empty_values: true, skip_empty_lines: true },
    ...(to !== undefined && { to, skip_records_with_error: true }),
  }) as unknown as Line[];

/** @returns the one that makes fields of most days; where none does, the one that splits most lines. */
function separatorOf(text: string, toDay: ReadDay): string {
  const score = (separator: string): number => {
    const lines = parseCsv(text, separator, MOST_RECORDS_TO_SEE).filter(({ record }) => record.length > 1);
    return lines.length + lines.filter(({ record }) => record.some(toDay)).length * MOST_RECORDS_TO_SEE;
  };
  const [best = ','] = [',', ';', '\t'].toSorted((one, other) => score(other) - score(one));
  return best;
}

type Columns = { readonly day: number; readonly price: number };
type Table = { readonly headings: readonly string[]; readonly columns: Columns; readonly rows: readonly Line[] };

/** The heading is the first line that names both columns, or else what stands, as wide, above the first line with a day. */
function findTable(lines: readonly Line[], { day, price }: Reading, toDay: ReadDay): Table {
  const widthAt = (index: number) => lines[index]?.record.length;
  const named = lines.findIndex(
    ({ record }) =>
      indexOf(record, day, DAY_NAMES) !== -1 && indexOf(record, price, PRICE_NAMES) !== -1 && !record.some(toDay),
  );
  const dated = lines.findIndex(({ record }) => record.length > 1 && record.some(toDay));
  const first = dated === -1 ? lines.findIndex((_, index) => widthAt(index) === widthAt(lines.length - 1)) : dated;
  const isAbove = widthAt(first - 1) === widthAt(first) ? 1 : 0;
  const isBare = named === -1 && isAbove === 0 && (dated !== -1 || (isNumber(day) && isNumber(price)));
  const start = named === -1 ? first - isAbove : named;
  const record = lines[start]?.record ?? [];
  const headings = isBare ? record.map((_, index) => String(index + 1)) : record;
  const columns = findColumns(headings, { day, price }, isBare ? record.findIndex((value) => toDay(value)) : null);
  if (columns.day === columns.price)
    throw new UsageError(
      `The column ${show(headings[columns.day])} can't hold both days and prices. Name two with --day-column and --price-column.`,
    );
  // Above the first day may stand lines whose day is written wrongly: never skipped in silence.
  const isPrice = ({ record }: Line) => record.length === headings.length && /^\d/.test(record[columns.price] ?? '');
  const end = isBare ? start : start + 1;
  const above = named === -1 ? lines.slice(0, end).filter(isPrice) : [];
  return { headings, columns, rows: [...above, ...lines.slice(end)] };
}

const isNumber = (name: string | undefined) => name !== undefined && /^\d+$/.test(name);

function indexOf(headings: readonly string[], name: string | undefined, usual: readonly string[]): number {
  const lower = headings.map((heading) => heading.toLowerCase());
  const found = (name === undefined ? usual : [name.toLowerCase()]).find((one) => lower.includes(one));
  return found === undefined ? -1 : lower.indexOf(found);
}

/** @param bareDay where there is no heading: the column that looks like days. Headings are numbers then. */
function findColumns(headings: readonly string[], { day, price }: Reading, bareDay: number | null): Columns {
  const find = (option: string, name: string | undefined, usual: readonly string[]): number => {
    const index = indexOf(headings, name, usual);
    if (index !== -1) return index;
    if (isNumber(name) && headings[Number(name) - 1] !== undefined) return Number(name) - 1;
    const missing = name === undefined ? `${usual.slice(0, -1).join(', ')} or ${usual.at(-1)}` : show(name);
    const found = bareDay === null ? `no column ${missing}; it has` : 'no heading; its columns are';
    throw new UsageError(
      `The file has ${found} ${headings.map(show).join(', ')}. Name the right one with --${option}-column.`,
    );
  };
  if (bareDay === null) return { day: find('day', day, DAY_NAMES), price: find('price', price, PRICE_NAMES) };
  const dayIndex = find('day', day, [String(bareDay + 1)]);
  return { day: dayIndex, price: find('price', price, headings.length === 2 ? [String(2 - dayIndex)] : []) };
}

type Readers = { readonly toDay: ReadDay; readonly decimal: Reading['decimal']; readonly isPointCertain: boolean };

/** @returns what is wrong with it, or what it holds. */
function readLine(record: readonly string[], count: number, columns: Columns, readers: Readers): FilePrice | string {
  const { toDay, decimal, isPointCertain } = readers;
  const [dayText = '', priceText = ''] = [record[columns.day], record[columns.price]];
  if (record.length !== count) return `it has ${record.length} fields, the table has ${count}.`;
  const day = toDay(dayText);
  if (day === null)
    return `the day is ${show(dayText)}; it takes one like 2026-01-31 or 2026-01-31T00:00:00Z, or what --day-format says.`;
  const wrong = `the price is ${show(priceText)}; it`;
  if (!isPointCertain && AMBIGUOUS.test(priceText))
    return `${wrong} may be ${priceText.replace('.', '')} or ${Number(priceText)}: say which with --decimal , or --decimal .`;
  const price = readPrice(priceText, decimal);
  if (price === null)
    return `${wrong} takes digits with a ${decimal === ',' ? 'comma, like 67000,25' : 'point, like 67000.25'}; see --decimal.`;
  return /^[0.]+(e|$)/i.test(price) ? `${wrong} takes more than zero.` : { day, price };
}

/** @returns its digits, with a point before the decimals. */
function readPrice(text: string, decimal: Reading['decimal']): string | null {
  const digits = decimal ? text.replace(GROUPED[decimal], (whole) => whole.replace(/\D/g, '')) : text;
  const price = decimal === ',' ? digits.replace(/[.,]/g, (sign) => (sign === ',' ? '.' : ',')) : digits;
  return DECIMAL.test(price) ? price : null;
}

/** @returns whether a price has a point that no thousands have. */
const hasCertainPoint = (rows: readonly Line[], { price }: Columns): boolean =>
  rows.some(({ record: { [price]: text = '' } }) => /\./.test(text) && DECIMAL.test(text) && !AMBIGUOUS.test(text));

function problemOf({ day }: FilePrice, seen: ReadonlyMap<Day, number>, lastDay: Day): string | null {
  const earlier = seen.get(day);
  if (earlier !== undefined) return `${day} is already in line ${earlier}; it takes one price a UTC day.`;
  return day > lastDay ? `${day} is not over yet; the last day that it takes is ${lastDay} (UTC).` : null;
}

const DAY_PARTS = ['YYYY', 'MM', 'DD'];

/** @returns what gives the UTC day of a day or moment, and null where it is neither. */
function dayReader(format: string | undefined): ReadDay {
  if (format === undefined) return readDay;
  if (DAY_PARTS.some((part) => format.split(part).length !== 2))
    throw new UsageError(`--day-format is ${show(format)}; it takes DD, MM and YYYY, each once, like DD.MM.YYYY.`);
  const least = format.length === 'YYYYMMDD'.length ? 2 : 1;
  const group = (part: string) => `(?<${part}>\\d{${part === 'YYYY' ? 4 : `${least},2`}})`;
  const escaped = format.replace(/\W/g, '\\$&');
  const pattern = new RegExp(`^${DAY_PARTS.reduce((source, part) => source.replace(part, group(part)), escaped)}$`);
  return (text) => {
    const found = pattern.exec(text)?.groups;
    const day = DAY_PARTS.map((part) => found?.[part]?.padStart(2, '0') ?? '').join('-');
    return isDay(day) ? day : null;
  };
}

function readDay(text: string): Day | null {
  if (isDay(text)) return text;
  const [, day, time, hours, minutes] = MOMENT.exec(text) ?? [];
  if (day === undefined || !isDay(day)) return null;
  const at = Date.parse(`${day}T${time}${hours === undefined ? 'Z' : `${hours}:${minutes ?? '00'}`}`);
  return Number.isNaN(at) ? null : dayOf(at);
}

/** Who writes midnights of a place means its days, and gets the UTC days that they begin in. */
function aboutMidnights(texts: readonly string[]): string[] {
  const midnights = texts.filter((text) => {
    const [, , time = '', hours = '00', minutes = '00'] = MOMENT.exec(text) ?? [];
    return /^00:00[:0.]*$/.test(time) && Number(hours + minutes) !== 0;
  });
  return midnights
    .slice(0, 1)
    .map(
      (first) =>
        `${formatQuantity(midnights.length, 'day')} of the file begin at midnight of an offset of their own: ${first} is the ` +
        `UTC day ${readDay(first)}. Where the file means its own days, write them without time and offset.`,
    );
}

function badLines(problems: readonly string[], count: number): string {
  const more = problems.length - MOST_BAD_LINES;
  return [
    `${problems.length} of ${count} lines of prices can't be imported, so nothing was:`,
    ...problems.slice(0, MOST_BAD_LINES),
    ...(more > 0 ? [`… and ${more} more.`] : []),
  ].join('\n');
}
