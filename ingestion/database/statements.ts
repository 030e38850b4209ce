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

/**
 * Rows as a table to select from: `unnest($1::date[], $2::numeric[]) as incoming(day, open)`. The text of the statement
 * is the same for any number of rows. Numbers travel as the shortest decimal that reads back as the same double.
 */
export function unnestRows<Name extends string, Column extends string, Row extends Readonly<Record<Column, unknown>>>(
  name: Name,
  columns: ColumnTypes<Column>,
  rows: readonly Row[],
): AliasedRawBuilder<Pick<Row, Column>, Name> {
  const names = columnNames(columns);
  const arrays = names.map((column) => sql`${rows.map((row) => row[column])}::${sql.raw(columns[column])}[]`);
  const alias = sql`${sql.id(name)}(${sql.join(names.map((column) => sql.id(column)))})`;
  return sql<Pick<Row, Column>>`unnest(${sql.join(arrays)})`.as<Name>(alias);
}

/** What to do where a row with the same key is there already. */
type OnConflict<Table extends keyof Tables> = Parameters<
  InsertQueryBuilder<Tables, Table, InsertResult>['onConflict']
>[0];

/**
 * Inserts rows with all of the table's `COLUMNS`, at most `MAX_ROWS` a statement.
 * @param onConflict else, a row that is there stays as it is.
 * @returns how many rows were written.
 */
export async function insertRows<Table extends keyof typeof COLUMNS>(
  db: Kysely<Tables>,
  table: Table,
  rows: readonly Pick<Insertable<Tables[Table]>, keyof (typeof COLUMNS)[Table] & keyof Insertable<Tables[Table]>>[],
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
