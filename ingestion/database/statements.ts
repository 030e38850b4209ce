import {
  type AliasedRawBuilder,
  type Insertable,
  type InsertQueryBuilder,
  type InsertResult,
  type Kysely,
  type RawBuilder,
  sql,
} from 'kysely';
import type { Instant } from '../domain/day.ts';
import { COLUMNS, type ColumnTypes, type Tables } from './tables.ts';

/** No statement writes more rows than this, so that none holds its locks for long. */
export const MAX_ROWS = 500;

export function* inChunks<Row>(rows: readonly Row[]): Generator<readonly Row[]> {
  for (let start = 0; start < rows.length; start += MAX_ROWS) yield rows.slice(start, start + MAX_ROWS);
}

/** A moment as the tables take it, free of the process's time zone. */
export const toIso = (at: Instant): string => new Date(at).toISOString();

export const columnNames = <Column extends string>(columns: ColumnTypes<Column>): Column[] =>
  Object.keys(columns) as Column[];

/** What the program calls a column: `market_cap` is `marketCap`, and `coin_id` is `coin`. */
export type PropertyOf<Column> = Column extends 'coin_id'
  ? 'coin'
  : Column extends `${infer Head}_${infer Tail}`
    ? `${Head}${Capitalize<PropertyOf<Tail>>}`
    : Column & string;

const propertyOf = (column: string): string =>
  column === 'coin_id' ? 'coin' : column.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** @returns the row under the program's names, its moments as instants. */
export const fromRow = <Row extends object>(row: Row) =>
  Object.fromEntries(
    Object.entries(row).map(([column, value]) => [propertyOf(column), value instanceof Date ? value.getTime() : value]),
  ) as {
    [Column in keyof Row as PropertyOf<Column>]: Row[Column] extends Date | null ? InstantOf<Row[Column]> : Row[Column];
  };
type InstantOf<Moment> = Moment extends Date ? Instant : Moment;

/**
 * Rows as a table to select from: `unnest($1::date[], $2::numeric[]) as incoming(day, open)`. The text of the statement
 * is the same for any number of rows. Numbers travel as the shortest decimal that reads back as the same double.
 * @param rows under the program's names.
 */
export function unnestRows<
  Name extends string,
  Column extends string,
  Row extends Readonly<Record<PropertyOf<Column>, unknown>>,
>(
  name: Name,
  columns: ColumnTypes<Column>,
  rows: readonly Row[],
): AliasedRawBuilder<{ [One in Column]: Row[PropertyOf<One>] }, Name> {
  const names = columnNames(columns);
  const arrays = names.map((column) => {
    const property = propertyOf(column) as keyof Row;
    return sql`${rows.map((row) => row[property])}::${sql.raw(columns[column])}[]`;
  });
  const alias = sql`${sql.id(name)}(${sql.join(names.map((column) => sql.id(column)))})`;
  return sql<{ [One in Column]: Row[PropertyOf<One>] }>`unnest(${sql.join(arrays)})`.as<Name>(alias);
}

/** Whether two tables' rows are of the same series and day. Their columns are looked up by key, as names would be. */
export const onSameDay = (one: string, other: string) => onSame(['coin_id', 'currency', 'day'], one, other);
export const onSameSeries = (one: string, other: string) => onSame(['coin_id', 'currency'], one, other);

function onSame(columns: readonly string[], one: string, other: string): RawBuilder<boolean> {
  const of = (table: string) => sql.join(columns.map((column) => sql.ref(`${table}.${column}`)));
  return sql<boolean>`(${of(one)}) = (${of(other)})`;
}

/** What to do where a row with the same key is there already. */
type OnConflict<Table extends keyof Tables> = Parameters<
  InsertQueryBuilder<Tables, Table, InsertResult>['onConflict']
>[0];

export type NewRow<Table extends keyof typeof COLUMNS> = {
  readonly [Column in keyof (typeof COLUMNS)[Table] &
    keyof Insertable<Tables[Table]> as PropertyOf<Column>]: Insertable<Tables[Table]>[Column];
};

/**
 * Inserts rows with all of the table's `COLUMNS`, at most `MAX_ROWS` a statement.
 * @param onConflict else, a row that is there stays as it is.
 * @returns how many rows were written.
 */
export async function insertRows<Table extends keyof typeof COLUMNS>(
  db: Kysely<Tables>,
  table: Table,
  rows: readonly NewRow<Table>[],
  onConflict: OnConflict<Table> = (conflict) => conflict.doNothing() as never,
): Promise<number> {
  const columns: ColumnTypes = COLUMNS[table];
  let written = 0;
  for (const chunk of inChunks(rows as readonly Readonly<Record<string, unknown>>[])) {
    const { numInsertedOrUpdatedRows = 0n } = await db
      .insertInto(table)
      .columns(columnNames(columns) as never)
      .expression(sql`select * from ${unnestRows('incoming', columns, chunk)}`)
      .onConflict(onConflict)
      .executeTakeFirstOrThrow();
    written += Number(numInsertedOrUpdatedRows);
  }
  return written;
}

/** A row that is there is replaced, where the condition holds for it and for `excluded`, the one that is to come. */
export function replacing<Table extends keyof typeof COLUMNS>(
  table: Table,
  key: readonly string[],
  condition: RawBuilder<boolean>,
): OnConflict<Table> {
  const others = columnNames(COLUMNS[table] as ColumnTypes).filter((column) => !key.includes(column));
  const values = Object.fromEntries(others.map((column) => [column, sql.ref(`excluded.${column}`)]));
  return (conflict) =>
    conflict
      .columns(key as never)
      .doUpdateSet(values as never)
      .where(condition);
}
