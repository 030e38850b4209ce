// The lock that lets one ingestion work at a time, and the fencing token that goes with it.
import { sql } from 'kysely';
import pg from 'pg';
import { IngestionError, LockLostError, LockTakenError } from '../../domain/failure.ts';
import type { Clock, HeldLock, IngestionLock } from '../../ports.ts';
import { retryUntil } from '../../retry-until.ts';
import { type Database, hangUp } from '../connection.ts';
import type { Fence } from '../fence.ts';
import type { TimeLimits } from '../time-limits.ts';

const POLL_MS = 1_000;

/**
 * The lock lives as long as its connection, so that a process that dies leaves none behind.
 * @param fence lets the holder write, and nobody who held the lock before.
 */
export function createIngestionLock(database: Database, clock: Clock, fence: Fence): IngestionLock {
  const { limits } = database;
  return {
    async acquire(waitMs) {
      const holder = database.withLimits({ statementMs: limits.heartbeatMs });
      const client = await holder.connect();
      try {
        await client.query(`set idle_session_timeout = ${limits.lockIdleMs}`);
        await takeLock(client, clock, waitMs);
        fence.take(await raiseFence(client, limits));
      } catch (error) {
        await end(client, limits.graceMs);
        throw holder.explain(error, 'update ingestion_fence');
      }
      return hold(client, fence, limits);
    },
  };
}

async function takeLock(client: pg.Client, clock: Clock, waitMs: number): Promise<void> {
  async function tryLock(): Promise<void> {
    const { rows } = await client.query('select pg_try_advisory_lock($1) as is_mine', [LOCK_KEY]);
    if (rows[0]?.is_mine) return;
    const waited = waitMs > 0 ? `, still so after ${waitMs / 1000} s of waiting` : '';
    throw new LockTakenError(
      `Another ingestion is running on this database${waited}. Wait until it is done and try again.`,
    );
  }
  await retryUntil(clock.monotonicMs() + waitMs, tryLock, {
    everyMs: POLL_MS,
    clock,
    isWaitedFor: (failure) => failure instanceof LockTakenError,
  });
}

function hold(client: pg.Client, fence: Fence, limits: TimeLimits): HeldLock {
  const lost = new AbortController();
  // A network that swallows packets closes nothing: only a question without an answer shows it.
  const heartbeat = setInterval(() => client.query('select 1').catch(lose), limits.heartbeatEveryMs);
  function lose(cause?: Error) {
    clearInterval(heartbeat);
    fence.lose();
    hangUp(client);
    lost.abort(
      new LockLostError(
        'The connection that held the ingestion lock broke. The next run goes on from what is stored.',
        { cause },
      ),
    );
  }
  client.on('error', lose);
  client.on('end', lose);
  return {
    lost: lost.signal,
    async release() {
      clearInterval(heartbeat);
      client.off('error', lose).off('end', lose);
      fence.release();
      if (lost.signal.aborted) return;
      // The server may notice the end of the connection later than the next ingestion asks for the lock.
      await unlock(client).catch(() => {});
      await end(client, limits.graceMs);
    },
  };
}

/** Closes the connection; hangs up if the server does not answer. */
async function end(client: pg.Client, graceMs: number): Promise<void> {
  const timer = setTimeout(() => hangUp(client), graceMs);
  await client.end().finally(() => clearTimeout(timer));
}

/** @returns whether an ingestion works on the database at this moment, in whatever process. */
export async function isLockHeld({ db }: Database): Promise<boolean> {
  const { rows } = await sql<{ isHeld: boolean }>`
    select exists (
      select from pg_locks
      where locktype = 'advisory' and granted and (classid, objid, objsubid) = (0, ${LOCK_KEY}, 1)
        and database = (select oid from pg_database where datname = current_database())
    ) as "isHeld"`.execute(db);
  return rows[0]?.isHeld ?? false;
}

/** Any number that nothing else in the database locks. Advisory locks belong to one database, not to the server. */
const LOCK_KEY = 20_260_101;

const LOCK_NOT_AVAILABLE = '55P03';
const INSUFFICIENT_PRIVILEGE = '42501';

const isOfState = (error: unknown, code: string) => error instanceof pg.DatabaseError && error.code === code;

const unlock = (client: pg.Client) => client.query('select pg_advisory_unlock($1)', [LOCK_KEY]);

/**
 * Raises the fencing token, which shuts out every older holder. Waits for a transaction of one that is under way; after
 * `fenceWaitMs` its session is ended.
 *
 * @param client holds the ingestion lock.
 * @returns the new token.
 * @throws LockTakenError when the older session can't be ended.
 */
async function raiseFence(client: pg.Client, limits: TimeLimits): Promise<number> {
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
