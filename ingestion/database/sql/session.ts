// What is asked of a session, and told of it: its settings, its server, whose locks it waits for.
import type pg from 'pg';
import type { Log } from '../../ports.ts';
import { DatabaseFailedError, DatabaseUnreachableError } from '../failures.ts';
import type { TimeLimits } from '../time-limits.ts';

export const KEEPALIVE_IDLE_SECONDS = 30;

/**
 * What a role, a database or a server may have set otherwise, and what this program relies on. search_path is not among
 * them: it says where the tables are.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  TimeZone: 'UTC',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  // Since PostgreSQL 12, as many digits as a double needs to come back unchanged.
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  // Of PostgreSQL 17.
  transaction_timeout: '0',
  lock_timeout: '0',
  idle_session_timeout: '0',
  // A silent peer is given up after 30 + 3 × 10 s instead of PostgreSQL's two hours, so that a lock held by a process
  // that vanished comes free.
  tcp_keepalives_idle: String(KEEPALIVE_IDLE_SECONDS),
  tcp_keepalives_interval: '10',
  tcp_keepalives_count: '3',
};

/** @property pid of the server's process; behind a pooler `processID` of pg is another number. */
export type Session = {
  readonly pid: number;
  readonly isStandby: boolean;
  /** Whether role, database or server make transactions read-only unless they say otherwise. */
  readonly isReadOnly: boolean;
  /** Of the database: what its texts can hold. */
  readonly encoding: string;
};

/** Makes a new session what the program expects. Not by parameters at its start, for poolers refuse or ignore those. */
export async function prepareSession(client: pg.ClientBase, limits: TimeLimits): Promise<Session> {
  const settings = {
    ...SETTINGS,
    statement_timeout: String(limits.statementMs),
    idle_in_transaction_session_timeout: String(limits.idleInTransactionMs),
  };
  const { rows } = await client.query(
    `select pg_backend_pid() as pid, pg_is_in_recovery() as is_standby,
       current_setting('default_transaction_read_only') = 'on' as is_read_only, current_setting('server_encoding') as encoding,
       count(set_config(name, value, false))
     from unnest($1::text[], $2::text[]) as setting(name, value)
     where current_setting(name, true) is not null`,
    [Object.keys(settings), Object.values(settings)],
  );
  const [{ pid, is_standby, is_read_only, encoding }] = rows;
  return { pid, isStandby: is_standby, isReadOnly: is_read_only, encoding };
}

/** @throws DatabaseFailedError where the server is not one that `target_session_attrs` asks for. */
export function refuseOtherAttributes(
  { isStandby, isReadOnly }: Session,
  wanted: 'any' | 'primary' | 'read-write',
): void {
  if (wanted === 'any' || (!isStandby && (wanted === 'primary' || !isReadOnly))) return;
  const found = isStandby ? 'is a standby' : 'has default_transaction_read_only on';
  throw new DatabaseFailedError(
    `The server ${found}; target_session_attrs=${wanted} of DATABASE_URL demands another one. Name the primary server` +
      `${isStandby ? '.' : ', or reset the setting.'}`,
    '25006',
  );
}

/**
 * Refuses a pooler in transaction or statement mode: the lock belongs to a session, and there it would stay with a
 * connection that the pooler gives to others. Costs nothing where no pooler is.
 *
 * @param client outside of a transaction.
 * @param connect makes another connection of the same kind.
 * @throws DatabaseUnreachableError saying what to use instead.
 */
export async function refuseTransactionPooler(client: pg.Client, connect: () => Promise<pg.Client>): Promise<void> {
  const pid = await backendOf(client);
  // A pooler answers with a process number of its own when a connection begins: it stands for no process of the server.
  if ((client as pg.Client & { processID?: number }).processID === pid) return;
  for (let tries = LOOKS; tries > 0; tries -= 1) if (await isShared(client, pid, connect)) throw refusal();
}

/** Others who use the pooler can hide in one look what the next one shows. */
const LOOKS = 8;

async function isShared(client: pg.Client, pid: number, connect: () => Promise<pg.Client>): Promise<boolean> {
  const other = await connect();
  try {
    await other.query('begin').catch((error: { code?: string; message: string }) => {
      if (error.code === '08P01' || /statement pooling/i.test(error.message)) throw refusal(error);
      throw error;
    });
    // In a transaction it keeps what it has: the first one's process, which is free then, or one of its own.
    return (await backendOf(other)) === pid || (await backendOf(client)) !== pid;
  } finally {
    await other.end();
  }
}

async function backendOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid ?? 0;
}

const refusal = (cause?: unknown) =>
  new DatabaseUnreachableError(
    'The database is behind a pooler in transaction or statement mode, where the lock that keeps two ingestions apart ' +
      'does not hold. Use the address of the server itself ("direct connection"), or the pooler\'s in session mode.',
    false,
    cause,
  );

/**
 * Tells of a statement that waits for somebody's lock: pid, role and application of who holds it.
 * @param options.pid of the process that may wait.
 * @param options.connect makes a connection to look from.
 * @returns what the statement returns.
 */
export async function withLockWatch<Result>(
  statement: Promise<Result>,
  options: { pid: number; afterMs: number; log: Pick<Log, 'warn'>; connect: () => Promise<pg.Client> },
): Promise<Result> {
  // A look that fails changes nothing: the statement has its own end.
  const timer = setTimeout(() => void tellBlockers(options).catch(() => {}), options.afterMs);
  try {
    return await statement;
  } finally {
    clearTimeout(timer);
  }
}

async function tellBlockers({ pid, log, connect }: Parameters<typeof withLockWatch>[1]): Promise<void> {
  const client = await connect();
  try {
    const { rows } = await client.query(
      `select pid, usename as role, application_name as application
       from pg_stat_activity where pid = any(pg_blocking_pids($1))`,
      [pid],
    );
    if (rows.length > 0) log.warn("The database waits for another session's lock", { blockedBy: rows });
  } finally {
    await client.end();
  }
}

/** Encodings that hold every character: SQL_ASCII takes bytes as they come. All others hold ASCII at least. */
const HOLDS_ALL = ['UTF8', 'SQL_ASCII'];

/**
 * PostgreSQL's text can't hold U+0000, nor what its database's encoding lacks, and what a source sends may.
 * @param value a parameter of a statement, or its text.
 * @param encoding of the database.
 * @returns the value with what can't be stored replaced, in lists too.
 */
export function storable(value: unknown, encoding = 'UTF8'): unknown {
  if (Array.isArray(value)) return value.map((one) => storable(one, encoding));
  if (typeof value !== 'string') return value;
  return HOLDS_ALL.includes(encoding) ? value.replaceAll('\0', '\ufffd') : value.replace(/\0|\P{ASCII}/gu, '?');
}
