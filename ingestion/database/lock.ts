import type pg from 'pg';
import { LockLostError, LockTakenError } from '../domain/failure.ts';
import type { Clock, HeldLock, IngestionLock } from '../ports.ts';
import { retryUntil } from '../retry-until.ts';
import { type Database, hangUp } from './connection.ts';
import type { Fence } from './fence.ts';
import { raiseFence, tryToLock, unlock } from './sql/take-lock.ts';
import type { TimeLimits } from './time-limits.ts';

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
    if (await tryToLock(client)) return;
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

/** Takes leave of the server; hangs up where it says nothing to that. */
async function end(client: pg.Client, graceMs: number): Promise<void> {
  const timer = setTimeout(() => hangUp(client), graceMs);
  await client.end().finally(() => clearTimeout(timer));
}
