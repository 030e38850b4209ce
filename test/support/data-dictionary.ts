// The dictionary in docs/data.md, read from the comments in the database. Run by itself it renews the file.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { createDatabase, type Database } from '../../ingestion/database/connection.ts';

export const DATA_FILE = join(import.meta.dirname, '../../docs/data.md');
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

/** @returns a section for each table and view, with what each column holds. */
async function dictionaryOf({ db }: Database): Promise<string> {
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
  return [...Map.groupBy(rows, ({ table }) => table)].map(([table, columns]) => sectionOf(table, columns)).join('\n');
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
  return `${text.slice(0, end)}\n${await dictionaryOf(database)}`;
}

if (import.meta.main) {
  const { createTemplate, dropTemplate, startServer, stopServer } = await import('./test-server.ts');
  const { databaseUrl } = await import('./database-url.ts');
  const { url } = await startServer();
  const database = createDatabase({ url: databaseUrl(url, await createTemplate(url)) });
  await writeFile(DATA_FILE, await withDictionary(database, await readFile(DATA_FILE, 'utf8')));
  await database.close();
  await dropTemplate();
  await stopServer();
}
