// The dictionary in docs/data.md and the types in docs/crypto-prices.d.ts, read from the database. Run by itself it renews both.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import type { Database } from '../../ingestion/database/connection.ts';

export const DATA_FILE = join(import.meta.dirname, '../../docs/data.md');
export const TYPES_FILE = join(import.meta.dirname, '../../docs/crypto-prices.d.ts');
const MARK = '<!-- From here on this file is made by "npm run dictionary" from the comments in the database. -->\n';

/** What people ask for first; the rest follows in alphabetical order. */
const FIRST = [
  ...['daily_prices', 'latest_prices', 'price_history', 'monthly_prices', 'daily_returns', 'day_completeness'],
  ...['daily_price_revisions', 'imported_daily_prices', 'coins', 'currencies', 'series'],
];

type Column = {
  table: string;
  isView: boolean;
  about: string;
  key: string | null;
  name: string;
  type: string;
  meaning: string;
};

async function columnsOf({ db }: Database): Promise<Column[]> {
  const { rows } = await sql<Column>`
    select relname as table, relkind = 'v' as "isView", obj_description(pg_class.oid, 'pg_class') as about,
      (select string_agg(attname, ', ' order by array_position(conkey, attnum))
       from pg_constraint join pg_attribute on attrelid = conrelid and attnum = any (conkey)
       where conrelid = pg_class.oid and contype = 'p') as key,
      attname as name,
      format_type(atttypid, atttypmod) || case when attnotnull or relkind = 'v' then '' else ' or null' end as type,
      col_description(pg_class.oid, attnum) as meaning
    from pg_class join pg_attribute on attrelid = pg_class.oid
    where relkind in ('r', 'v') and relnamespace = 'public'::regnamespace and attnum > 0 and not attisdropped
      and relname not like all (array['kysely_%', 'crypto_prices_migration%'])
    order by array_position(${FIRST}::text[], relname::text) nulls last, relname, attnum`.execute(db);
  return rows;
}

function sectionOf(table: string, columns: readonly Column[]): string {
  const [{ isView, about, key } = { isView: false, about: '', key: null }] = columns;
  return [
    `### ${table}`,
    '',
    `${about}.${isView ? ' A view.' : ''}${key === null ? '' : ` Key: ${key}.`}`,
    '',
    '| column | type | meaning |',
    '| --- | --- | --- |',
    ...columns.map(({ name, type, meaning }) => `| ${name} | ${type} | ${meaning.replaceAll('|', '\\|')} |`),
    '',
  ].join('\n');
}

/** @returns the file's text, with what is written by hand as it is. */
export async function withDictionary(database: Database, text: string): Promise<string> {
  const end = text.indexOf(MARK) + MARK.length;
  const tables = Map.groupBy(await columnsOf(database), ({ table }) => table);
  const sections = [...tables].map(([table, columns]) => sectionOf(table, columns));
  return `${text.slice(0, end)}\n${sections.join('\n')}`;
}

/** What node-postgres makes of a type unless it is told otherwise. */
const TYPES: Readonly<Record<string, string>> = {
  ...{ integer: 'number', boolean: 'boolean', date: 'Date', 'timestamp with time zone': 'Date', jsonb: 'unknown' },
  ...{ bytea: 'Buffer', 'bigint[]': 'string[]' },
};

/** @returns the tables that people ask for first, as Kysely takes them; a view's figures may all be null. */
export async function kyselyTypes(database: Database): Promise<string> {
  const tables = Map.groupBy(await columnsOf(database), ({ table }) => table);
  const lines = FIRST.flatMap((table) => [
    `  ${table}: {`,
    ...(tables.get(table) ?? []).map(({ name, type, isView }) => {
      const isNull = type.endsWith(' or null') || (isView && !['coin_id', 'currency', 'day', 'month'].includes(name));
      return `    ${name}: ${TYPES[type.replace(' or null', '')] ?? 'string'}${isNull ? ' | null' : ''};`;
    }),
    '  };',
  ]);
  return [
    '// The tables for Kysely, as node-postgres reads them: numeric and bigint are strings, days and moments are Dates.',
    '// Made by "npm run dictionary"; a test holds it to the database.',
    'export interface CryptoPrices {',
    ...lines,
    '}',
    '',
  ].join('\n');
}

if (import.meta.main) {
  const { withMigratedDatabase } = await import('./test-server.ts');
  await withMigratedDatabase(async (database) => {
    await writeFile(DATA_FILE, await withDictionary(database, await readFile(DATA_FILE, 'utf8')));
    await writeFile(TYPES_FILE, await kyselyTypes(database));
  });
}
