import { type Kysely, type RawBuilder, sql } from 'kysely';
import type pg from 'pg';
import Cursor from 'pg-cursor';
import type { Universe } from '../contract/universe-schema.ts';
import type { Day } from '../domain/day.ts';
import { type Series, seriesName } from '../domain/series.ts';
import type { Database } from './connection.ts';
import type { Tables } from './tables.ts';

/** A column of what a statement gives. @property type PostgreSQL's object id of its type. */
export type Field = { readonly name: string; readonly type: number };

/** A row as PostgreSQL writes its values: numeric keeps every digit. */
export type TextRow = readonly (string | null)[];

/**
 * @property fields none where the statement gives no rows.
 * @property batches come one after another as they are read, so that a result of any size takes the same memory.
 */
export type Rows = { readonly fields: readonly Field[]; readonly batches: AsyncIterable<readonly TextRow[]> };

/** Some hundred kilobytes of prices: few round trips, and little memory. */
const BATCH_ROWS = 1_000;

const AS_TEXT: pg.CustomTypesConfig = { getTypeParser: () => String };

/**
 * Runs one statement in a read-only transaction. It may take as long as it likes, and whoever reads its rows too. One that
 * gives no rows, as the server describes it, is not executed.
 * @param statement exactly one: PostgreSQL refuses several.
 * @param interrupt ends the statement, on the server too, with the signal's reason.
 * @throws pg.DatabaseError as it came from the server, for only the caller knows whose statement it is.
 */
export async function readRows<Result>(
  database: Database,
  statement: { readonly text: string; readonly values?: readonly unknown[] },
  interrupt: AbortSignal,
  work: (rows: Rows) => Promise<Result>,
): Promise<Result> {
  const patient = database.withLimits({ statementMs: 0, idleInTransactionMs: 0 });
  const client = await patient.connect();
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  // Whatever becomes of it: the statement's own end is what counts.
  const cancel = () => void sql`select pg_cancel_backend(${rows[0]?.pid})`.execute(patient.db).catch(() => {});
  interrupt.addEventListener('abort', cancel);
  try {
    interrupt.throwIfAborted();
    await client.query('begin transaction read only');
    const cursor = client.query(
      new Cursor(statement.text, [...(statement.values ?? [])], { rowMode: 'array', types: AS_TEXT }),
    );
    const first = (await givesRows(client, cursor)) ? await readBatch(cursor) : { rows: [], fields: [] };
    return await work({ fields: first.fields, batches: batchesOf(cursor, first.rows, interrupt) });
  } catch (error) {
    interrupt.throwIfAborted();
    throw error;
  } finally {
    interrupt.removeEventListener('abort', cancel);
    await client.end();
    await patient.close();
  }
}

/** Waits for the server's description of the statement: the first read executes it. */
const givesRows = ({ connection }: pg.Client, cursor: Cursor) =>
  new Promise<boolean>((resolve, reject) => {
    connection.once('rowDescription', () => resolve(true));
    connection.once('noData', () => resolve(false));
    cursor.once('error', reject);
  });

async function* batchesOf(
  cursor: Cursor<TextRow>,
  first: readonly TextRow[],
  interrupt: AbortSignal,
): AsyncGenerator<readonly TextRow[]> {
  for (let rows = first; rows.length > 0; ) {
    yield rows;
    interrupt.throwIfAborted();
    rows = rows.length < BATCH_ROWS ? [] : (await readBatch(cursor)).rows;
  }
}

/** With a callback, for the promise that pg-cursor can give knows no columns. */
const readBatch = (cursor: Cursor<TextRow>) =>
  new Promise<{ rows: readonly TextRow[]; fields: readonly Field[] }>((resolve, reject) => {
    cursor.read(BATCH_ROWS, (error, rows, result) =>
      error
        ? reject(error)
        : resolve({ rows, fields: result.fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID })) }),
    );
  });

/** @returns whether a statement may do more than read, whatever the transaction says. */
export async function isSuperuser({ db }: Database): Promise<boolean> {
  const { rows } = await sql<{ is: boolean }>`select current_setting('is_superuser')::boolean as is`.execute(db);
  return rows[0]?.is === true;
}

/**
 * What to export; all of it where nothing is said.
 * @property isFinal only rows that are final. @property withImported imported prices too, where CoinGecko has none.
 */
export type ExportSelection = {
  readonly from?: Day | undefined;
  readonly to?: Day | undefined;
  readonly coins?: readonly string[] | undefined;
  readonly currencies?: readonly string[] | undefined;
  readonly isFinal: boolean;
  readonly withImported: boolean;
};

const COLUMNS_OF = {
  // ISO 8601: PostgreSQL's own text of a moment is read by fewer programs.
  daily_prices: sql`coin_id, currency, day, open, high, low, close, average, volume, market_cap, sample_count, hours_covered,
    is_final, is_thin, source, revision, to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as updated_at`,
  price_history: sql`coin_id, currency, day, price, origin, source_name, is_final`,
};

/** @returns the statement that gives daily prices by coin, currency and day, provisional ones too. */
export const exportStatement = (db: Kysely<Tables>, selection: ExportSelection) =>
  statementOf(db, sql`select ${COLUMNS_OF[tableOf(selection)]} ${selected(selection)} order by coin_id, currency, day`);

/** @returns the statement that gives day, series and price, by day. */
export function wideStatement(db: Kysely<Tables>, selection: ExportSelection) {
  const price = sql.ref(selection.withImported ? 'price' : 'average');
  const series = sql`coin_id || '/' || currency`;
  return statementOf(db, sql`select day, ${series} as series, ${price} as price ${selected(selection)} order by day`);
}

/** @returns the names of the series that there are prices of, as `wideStatement` gives them. */
export async function readSeriesNames(db: Kysely<Tables>, selection: ExportSelection): Promise<string[]> {
  const { rows } = await sql<Series>`
    select distinct coin_id as coin, currency ${selected(selection)} order by coin_id, currency`.execute(db);
  return rows.map(seriesName);
}

const tableOf = ({ withImported }: ExportSelection) => (withImported ? 'price_history' : 'daily_prices');

function selected(selection: ExportSelection): RawBuilder<unknown> {
  const { from, to, coins, currencies, isFinal } = selection;
  const conditions = [
    ...(from === undefined ? [] : [sql`day >= ${from}`]),
    ...(to === undefined ? [] : [sql`day <= ${to}`]),
    ...(coins ? [sql`coin_id = any(${coins})`] : []),
    ...(currencies ? [sql`currency = any(${currencies})`] : []),
    isFinal ? sql`is_final` : sql`true`,
  ];
  return sql`from ${sql.table(tableOf(selection))} where ${sql.join(conditions, sql` and `)}`;
}

function statementOf(db: Kysely<Tables>, statement: RawBuilder<unknown>) {
  const { sql: text, parameters: values } = statement.compile(db);
  return { text, values };
}

/** @returns the coins and currencies that prices may be stored of, tracked or not. */
export async function readStoredNames(db: Kysely<Tables>): Promise<Universe> {
  return {
    coins: await db.selectFrom('coins').selectAll().execute(),
    currencies: await db.selectFrom('currencies').selectAll().execute(),
  };
}
