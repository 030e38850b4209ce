import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { aborted } from 'node:util';
import pg from 'pg';
import type { Database } from '../../../ingestion/database/connection.ts';
import { parseDatabaseUrl } from '../../../ingestion/database/database-url.ts';
import { type Field, isSuperuser, readRows } from '../../../ingestion/database/read-rows.ts';
import { csvChunks, jsonChunks, rowsTable } from '../../output/rows-text.ts';
import { type CommandContext, EXIT, type Host, type Outcome, UsageError } from '../command.ts';
import { withDatabase, withoutPassword } from '../with-database.ts';

type SqlOptions = { readonly csv?: boolean; readonly json?: boolean };

export async function sql(
  context: CommandContext,
  statement: string | undefined,
  { csv = false, json = false }: SqlOptions,
): Promise<Outcome> {
  const work = async (database: Database, _migrated: unknown, url: string): Promise<Outcome> => {
    if (statement === undefined && (csv || json))
      throw new UsageError('--csv and --json need a statement: npm run sql -- "select * from day_completeness" --csv');
    if (await isSuperuser(database))
      context.terminal.note(
        'This login is a superuser: a statement can do more than read. docs/connect.md has a login that only reads.',
      );
    if (statement !== undefined) return await runStatement(database, statement, { csv, json }, context);
    return await openDatabase(url, context);
  };
  return await withDatabase(context, work, { isReading: true, asReader: true });
}

async function runStatement(
  database: Database,
  text: string,
  { csv, json }: { csv: boolean; json: boolean },
  { terminal, interrupt }: CommandContext,
): Promise<Outcome> {
  if (text.trim() === '')
    throw new UsageError('The statement is empty; it takes one like "select * from day_completeness".');
  try {
    return await readRows(database, { text }, interrupt, async (rows): Promise<Outcome> => {
      if (rows.fields.length === 0)
        throw new UsageError(
          'npm run sql only reads, and the statement gives no rows: it was not executed. To change data, or for COPY, use ' +
            'another client; --csv writes what a select gives.',
        );
      if (!csv && !json)
        return { exitCode: EXIT.complete, document: null, text: await rowsTable(rows, terminal.columns) };
      if (json) refuseSameNames(rows.fields);
      await terminal.pipe(csv ? csvChunks(rows) : jsonChunks(rows));
      return { exitCode: EXIT.complete };
    });
  } catch (error) {
    throw error instanceof pg.DatabaseError ? explain(error, text, database) : error;
  }
}

/** An object of JSON's holds each name once. */
function refuseSameNames(fields: readonly Field[]): void {
  const names = fields.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new UsageError(`Two columns are called "${twice}": give one another name with "as", or take --csv.`);
}

/** Classes of SQLSTATE that blame the connection or the server, not the statement. */
const NOT_THE_STATEMENT = /^(08|53|57|58|XX)/;

function explain(error: pg.DatabaseError, statement: string, database: Database): unknown {
  const { code = '', message, position, hint } = error;
  if (NOT_THE_STATEMENT.test(code)) return database.explain(error, statement);
  if (code === '25006')
    return new UsageError(`npm run sql only reads: ${message}. To change data, connect with another client.`, {
      cause: error,
    });
  if (message.includes('multiple commands'))
    return new UsageError('There are several statements; it takes one at a time.', { cause: error });
  const place = position === undefined ? '' : `, at "${excerpt(statement, Number(position) - 1)}"`;
  return new UsageError(`PostgreSQL refuses the statement: ${message}${place}.${hint ? ` ${hint}` : ''}`, {
    cause: error,
  });
}

function excerpt(statement: string, start: number): string {
  const text = [...statement].slice(start).join('').replace(/\s+/g, ' ').trim();
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** Opens psql, or says where the database is. */
export async function openDatabase(
  url: string,
  { settings, terminal, interrupt, host }: Pick<CommandContext, 'settings' | 'terminal' | 'interrupt' | 'host'>,
): Promise<Outcome> {
  const code = await openPsql(url, host);
  if (code !== null) return { exitCode: code === 0 ? EXIT.complete : EXIT.incomplete };
  if (settings.databaseUrl !== null)
    return text(`psql is not installed. The database is ${withoutPassword(url)}, with the password of DATABASE_URL.`);
  const shown = host.stdout.isTTY ? url : withoutPassword(url);
  if (!host.stdin.isTTY)
    return text(`psql is not installed. The database is ${shown} while npm start runs, or npm run sql in a terminal.`);
  terminal.print(`psql is not installed. Until Ctrl-C the database is ${shown}`);
  await aborted(interrupt, terminal);
  return text('Stopped.');
}

const text = (words: string): Outcome => ({ exitCode: EXIT.complete, document: null, text: words });

/**
 * Opens psql in this terminal, and waits until it ends. Its days are UTC days. It reads the URL's parameters as libpq does.
 * @param url with a password, which goes to psql in the environment: everyone on the machine can read arguments.
 * @returns psql's exit code; null where psql is not installed.
 */
async function openPsql(url: string, host: Host): Promise<number | null> {
  const { password } = parseDatabaseUrl(url);
  const child = spawn('psql', [withoutPassword(url)], {
    stdio: 'inherit',
    env: { PGTZ: 'UTC', PGAPPNAME: 'npm run sql', ...host.env, ...(password !== null && { PGPASSWORD: password }) },
  });
  try {
    await once(child, 'spawn');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  // In psql Ctrl-C ends a statement, and must not end the database behind it.
  host.removeAllListeners('SIGINT').on('SIGINT', () => {});
  const [code] = await once(child, 'exit');
  return code ?? 1;
}
