import type pg from 'pg';
import { LockLostError, LockTakenError } from '../domain/failure.ts';
import type { Clock, HeldLock, IngestionLock } from '../ports.ts';
import { retryUntil } from '../retry-until.ts';
import type { Database } from './connection.ts';

/** Any number that nothing else in the database locks. Advisory locks belong to one database, not to the server. */
const LOCK_KEY = 20_260_101;
const POLL_MS = 1_000;

/** The lock lives as long as its connection, so that a process that dies leaves none behind. */
export function createIngestionLock(database: Database, clock: Clock): IngestionLock {
  return {
    async acquire(waitMs) {
      const client = await database.connect();
      try {
        await takeLock(client, clock, waitMs);
      } catch (error) {
        await client.end();
        throw error;
      }
      return hold(client);
    },
  };
}

async function takeLock(client: pg.Client, clock: Clock, waitMs: number): Promise<void> {
  async function tryLock(): Promise<void> {
    const { rows } = await client.query('select pg_try_advisory_lock($1) as is_mine', [LOCK_KEY]);
    if (rows[0]?.is_mine) return;
    const waited = waitMs > 0 ? `, still so after ${waitMs / 1000} s of waiting` : '';
    throw new LockTakenError(
      `Another ingestion is at work on this database${waited}. Wait until it is done and try again.`,
    );
  }
  await retryUntil(clock.monotonicMs() + waitMs, tryLock, {
    everyMs: POLL_MS,
    clock,
    isWaitedFor: (failure) => failure instanceof LockTakenError,
  });
}

function hold(client: pg.Client): HeldLock {
  const lost = new AbortController();
  const lose = (cause?: Error) =>
    lost.abort(
      new LockLostError(
        'The connection that held the ingestion lock broke. The next run goes on from what is stored.',
        {
          cause,
        },
      ),
    );
  client.on('error', lose);
  client.on('end', lose);
  return {
    lost: lost.signal,
    async release() {
      client.off('error', lose).off('end', lose);
      if (lost.signal.aborted) return;
      // The server may notice the end of the connection later than the next ingestion asks for the lock.
      await client.query('select pg_advisory_unlock($1)', [LOCK_KEY]).catch(() => {});
      await client.end();
    },
  };
}
