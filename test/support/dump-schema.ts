// The schema as text, read from the catalog, so that no pg_dump of the right version is needed. Run by itself it renews
// the agreed one, test/support/schema.txt.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import type { Database } from '../../ingestion/database/connection.ts';

/** @returns tables and views with their columns, constraints and indexes, in alphabetical order; those of the migrations left out. */
export async function dumpSchema({ db }: Database): Promise<string> {
  const { rows } = await sql<{ line: string }>`
    with tables as (
      select oid, relname, relkind from pg_class
      where relkind in ('r', 'v') and relnamespace = 'public'::regnamespace
        and relname not like all (array['kysely_%', 'crypto_prices_migration%'])
    ),
    lines as (
      select relname, 1 as part, attnum as position, format('  %s %s%s%s%s', attname, format_type(atttypid, atttypmod),
        case when attnotnull then ' not null' end, ' default ' || pg_get_expr(adbin, adrelid),
        case when attidentity = 'a' then ' generated always as identity' end) as line
      from tables join pg_attribute on attrelid = oid
      left join pg_attrdef on (adrelid, adnum) = (attrelid, attnum)
      where attnum > 0 and not attisdropped
      union all
      select relname, 2, row_number() over (order by contype desc, conname), format('  %s: %s', conname, pg_get_constraintdef(pg_constraint.oid))
      from tables join pg_constraint on conrelid = tables.oid where contype <> 'n'
      union all
      select relname, 3, row_number() over (order by indexname), '  ' || indexdef
      from tables join pg_indexes on tablename = relname and schemaname = 'public'
      where not exists (select from pg_constraint where conname = indexname)
      union all
      select relname, 0, 0, relname || case relkind when 'v' then ' (view)' else '' end from tables
    )
    select line from lines order by relname, part, position
  `.execute(db);
  return `${rows.map(({ line }) => line).join('\n')}\n`;
}

if (import.meta.main) {
  const { withMigratedDatabase } = await import('./test-server.ts');
  await withMigratedDatabase(async (database) =>
    writeFile(join(import.meta.dirname, 'schema.txt'), await dumpSchema(database)),
  );
}
