import type pg from 'pg';
import type { TimeLimits } from './time-limits.ts';

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
