// The statements that take the ingestion lock and its fence, on the connection that holds them.
import pg from 'pg';
import { IngestionError, LockTakenError } from '../../domain/failure.ts';
import type { TimeLimits } from '../time-limits.ts';

/** Any number that nothing else in the database locks. Advisory locks belong to one database, not to the server. */
const LOCK_KEY = 20_260_101;

const LOCK_NOT_AVAILABLE = '55P03';
const INSUFFICIENT_PRIVILEGE = '42501';

const isOfState = (error: unknown, code: string) => error instanceof pg.DatabaseError && error.code === code;

/** @returns whether the lock is this session's now. */
export async function tryToLock(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query('select pg_try_advisory_lock($1) as is_mine', [LOCK_KEY]);
  return rows[0]?.is_mine;
}

export const unlock = (client: pg.Client) => client.query('select pg_advisory_unlock($1)', [LOCK_KEY]);

/**
 * Raises the fencing token, which shuts out every older holder. Waits for a transaction of one that is under way; after
 * `fenceWaitMs` its session is ended.
 *
 * @param client holds the ingestion lock.
 * @returns the new token.
 * @throws LockTakenError when the older session can't be ended.
 */
export async function raiseFence(client: pg.Client, limits: TimeLimits): Promise<number> {
  await client.query(`set lock_timeout = ${limits.fenceTryMs}`);
  const patiently = () => tryToRaise(client, Math.ceil(limits.fenceWaitMs / limits.fenceTryMs));
  const token = (await patiently()) ?? (await endOlderWriters(client).then(patiently));
  if (token !== null) return token;
  throw new LockTakenError(
    'A session that is no ingestion has locked the row of ingestion_fence. Find it with ' +
      '"select * from pg_locks where relation = \'ingestion_fence\'::regclass", end it and try again.',
  );
}

/** @returns null when the row was locked at every try. */
async function tryToRaise(client: pg.Client, tries: number): Promise<number | null> {
  for (let left = tries; left > 0; left -= 1) {
    try {
      const { rows } = await client.query<{ number: number }>(`
        update ingestion_fence set number = number + 1, holder_pid = pg_backend_pid(), taken_at = now() returning number`);
      const [fence] = rows;
      if (fence) return fence.number;
      throw new IngestionError(
        'The table ingestion_fence has lost its row. Run "insert into ingestion_fence default values".',
      );
    } catch (error) {
      if (!isOfState(error, LOCK_NOT_AVAILABLE)) throw error;
    }
  }
  return null;
}

/** Whoever has read the row for share holds this lock on its table until the transaction ends; nothing else takes it. */
async function endOlderWriters(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ pid: number; role: string }>(`
    select pid, usename as role from pg_locks join pg_stat_activity using (pid)
    where relation = 'ingestion_fence'::regclass and mode = 'RowShareLock' and granted
      and database = (select oid from pg_database where datname = current_database())`);
  for (const { pid, role } of rows) {
    try {
      await client.query('select pg_terminate_backend($1)', [pid]);
    } catch (error) {
      if (!isOfState(error, INSUFFICIENT_PRIVILEGE)) throw error;
      throw new LockTakenError(
        `An older ingestion still writes, in the session ${pid} of the role "${role}", which this role may not end. ` +
          `Run "select pg_terminate_backend(${pid})" as "${role}", or grant pg_signal_backend to this role.`,
        { cause: error },
      );
    }
  }
}
