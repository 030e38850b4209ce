// How the rows of a statement are written: CSV, JSON, or a table for a person.
import pg from 'pg';
import type { Field, Rows, TextRow } from '../../ingestion/database/read-rows.ts';
import { formatQuantity, NO_VALUE } from './format.ts';
import { tableText } from './outcome-text.ts';

const { BOOL, TEXT, INT2, INT4, INT8, FLOAT4, FLOAT8, NUMERIC, JSON: JSON_TEXT, JSONB } = pg.types.builtins;
const NUMBERS = new Set<number>([INT2, INT4, INT8, FLOAT4, FLOAT8]);
const DOCUMENTS = new Set<number>([JSON_TEXT, JSONB]);
const TEXT_LIST: number = 1009;
/** smallint[], integer[], bigint[]; and text[], varchar[], date[], uuid[], numeric[]. */
const NUMBER_LISTS = new Set([1005, 1007, 1016]);
const TEXT_LISTS = new Set([TEXT_LIST, 1015, 1182, 2951, 1231]);
const readList = pg.types.getTypeParser(TEXT_LIST) as (text: string) => (string | null)[];

/** A table has to be held as a whole to know how wide its columns are. */
export const MOST_TABLE_ROWS = 1_000;

/** @returns the text of a value; PostgreSQL's own `t` and `f` are read by fewer programs. */
const plain = (value: string | null, { type }: Field): string | null =>
  value !== null && type === BOOL ? String(value === 't') : value;

/** What a spreadsheet takes for a formula. */
const FORMULA = /^[=+\-@\t]/;

/**
 * CSV with a heading and lines that end in LF, as psql writes it. Null is nothing, and an empty text is `""`.
 * @param options.isForSpreadsheets puts a `'` before texts that they would run as a formula; never before numbers.
 */
export async function* csvChunks(
  { fields, batches }: Rows,
  { isForSpreadsheets = false }: { isForSpreadsheets?: boolean } = {},
): AsyncGenerator<string> {
  const safe = (text: string) => (isForSpreadsheets && FORMULA.test(text) ? `'${text}` : text);
  const value = (text: string | null, field: Field) =>
    text !== null && field.type === TEXT ? safe(text) : plain(text, field);
  yield csvRecord(fields.map(({ name }) => safe(name)));
  for await (const rows of batches)
    yield rows.map((row) => csvRecord(fields.map((field, index) => value(row[index] ?? null, field)))).join('');
}

const csvRecord = (values: readonly (string | null)[]): string => `${values.map(csvValue).join(',')}\n`;

function csvValue(value: string | null): string {
  if (value === null) return '';
  return value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

/**
 * @param rows day, series and price, by day. @param names of all series, in their order.
 * @returns a row for each day, with the price of each series, null where there is none.
 */
export function widened({ fields: [day], batches }: Rows, names: readonly string[]): Rows {
  const prices = names.map((name): Field => ({ name, type: NUMERIC }));
  async function* rowsByDay(): AsyncGenerator<readonly TextRow[]> {
    let current: string | null = null;
    const known = new Map<string | null | undefined, string | null | undefined>();
    const row = (): TextRow => [current, ...names.map((name) => known.get(name) ?? null)];
    for await (const rows of batches)
      for (const [of = null, series, price] of rows) {
        if (current !== null && of !== current) yield [row()];
        if (of !== current) known.clear();
        current = of;
        known.set(series, price);
      }
    if (current !== null) yield [row()];
  }
  return { fields: [...(day ? [day] : []), ...prices], batches: rowsByDay() };
}

/** One JSON document: a list with an object for each row. numeric is a text, since readers make doubles of numbers. */
export async function* jsonChunks({ fields, batches }: Rows): AsyncGenerator<string> {
  const keys = fields.map(({ name }) => JSON.stringify(name));
  const object = (row: TextRow) =>
    `{${fields.map((field, index) => `${keys[index]}:${jsonValue(row[index] ?? null, field)}`).join(',')}}`;
  let separator = '[\n';
  for await (const rows of batches) {
    yield separator + rows.map(object).join(',\n');
    separator = ',\n';
  }
  yield separator === '[\n' ? '[]\n' : '\n]\n';
}

function jsonValue(value: string | null, { type }: Field): string {
  if (value === null) return 'null';
  if (type === BOOL) return String(value === 't');
  if (DOCUMENTS.has(type)) return value;
  // NaN and Infinity are no numbers of JSON's.
  if (NUMBERS.has(type) && /\d$/.test(value)) return value;
  if (NUMBER_LISTS.has(type)) return `[${readList(value).map(String).join(',')}]`;
  return JSON.stringify(TEXT_LISTS.has(type) ? readList(value) : value);
}

/**
 * @param columns how many characters a line has; what is wider is written a row below the other. Null where that is unknown.
 * @returns a table of the first rows, and how many there are.
 */
export async function rowsTable({ fields, batches }: Rows, columns: number | null): Promise<string> {
  const rows: string[][] = [];
  let isCut = false;
  for await (const batch of batches) {
    rows.push(...batch.map((row) => fields.map((field, index) => plain(row[index] ?? null, field) ?? NO_VALUE)));
    isCut = rows.length > MOST_TABLE_ROWS;
    if (isCut) break;
  }
  const shown = rows.slice(0, MOST_TABLE_ROWS);
  const headings = fields.map(({ name, type }) => (NUMBERS.has(type) || type === NUMERIC ? `>${name}` : name));
  const table = tableText(headings, shown);
  const isTooWide = columns !== null && table.slice(0, table.indexOf('\n')).length > columns;
  const count = isCut
    ? `The first ${formatQuantity(shown.length, 'row')}. --csv and --json write all of them.`
    : `${formatQuantity(rows.length, 'row')}.`;
  return `${isTooWide ? shown.map((row) => recordText(fields, row)).join('\n\n') : table}\n${count}`;
}

/** `day      2026-11-22`: a line for each column. */
function recordText(fields: readonly Field[], row: readonly string[]): string {
  const width = Math.max(...fields.map(({ name }) => name.length));
  return fields.map(({ name }, index) => `${name.padEnd(width)}  ${row[index]}`).join('\n');
}
