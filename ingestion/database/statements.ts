import { type RawBuilder, sql } from 'kysely';
import type { Instant } from '../domain/day.ts';

/** No statement writes more rows than this, so that none of them holds its locks for long. */
export const MAX_ROWS = 500;

export function* inChunks<Row>(rows: readonly Row[]): Generator<readonly Row[]> {
  for (let start = 0; start < rows.length; start += MAX_ROWS) yield rows.slice(start, start + MAX_ROWS);
}

/** A moment as the tables take it, free of the process's time zone. */
export const toIso = (at: Instant): string => new Date(at).toISOString();

type Cell = string | number | boolean | null;

/**
 * Rows as a table for a set-based statement: `unnest($1::date[], $2::numeric[]) as incoming(day, open)`. Numbers travel
 * as the shortest decimal that reads back as the same double.
 * @param columns name and PostgreSQL type of each column.
 */
export function unnestRows<Column extends string>(
  name: string,
  columns: Readonly<Record<Column, string>>,
  rows: readonly Readonly<Record<Column, Cell>>[],
): RawBuilder<unknown> {
  const names = Object.keys(columns) as Column[];
  const arrays = names.map((column) => sql`${rows.map((row) => row[column])}::${sql.raw(columns[column])}[]`);
  return sql`unnest(${sql.join(arrays)}) as ${sql.id(name)}(${sql.join(names.map((column) => sql.id(column)))})`;
}
