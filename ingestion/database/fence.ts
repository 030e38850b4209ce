// The number in `ingestion_fence` says whose turn it is. Losing the lock stops no statement that is already on its way;
// this does.
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import pg from 'pg';
import { IngestionError, LockLostError, LockTakenError } from '../domain/failure.ts';
import type { Clock } from '../ports.ts';
import { repeatTransaction } from './repeat-transaction.ts';
import type { Tables } from './tables.ts';
import type { TimeLimits } from './time-limits.ts';

/** What one holder of the ingestion lock may write through. */
export type Fence = {
  /**
   * Runs the work in a transaction, and again where another session was in its way. Nothing of it stays unless this process
   * still is the newest holder of the lock. No newer one begins before the transaction has ended.
   * @throws LockLostError when a newer one has begun, and when the lock was never taken.
   */
  writing<Result>(work: (transaction: Transaction<Tables>) => Promise<Result>): Promise<Result>;
  /**
   * Runs one statement, which has `isOwn` in its condition and returns a row for each that it wrote: three round trips less
   * than a transaction.
   * @throws LockLostError as `writing` does.
   */
  writingAtOnce<Row>(
    statement: (db: Kysely<Tables>, isOwn: RawBuilder<boolean>) => Promise<readonly Row[]>,
  ): Promise<readonly Row[]>;
  /**
   * Begins as the newest holder, with the number that `raiseFence` gave.
   * @throws LockTakenError while an earlier holder has not released this fence.
   */
  take(number: number): void;
  /** From now on every write is refused. */
  lose(): void;
  release(): void;
};

const LOST = 'lost';

export function createFence(db: Kysely<Tables>, clock: Pick<Clock, 'sleep'>): Fence {
  let own: number | typeof LOST | null = null;
  function ownNumber(): number {
    if (own === null || own === LOST)
      throw new LockLostError('This process does not hold the ingestion lock, and writes nothing without it.');
    return own;
  }
  return {
    async writing(work) {
      const number = ownNumber();
      const attempt = () =>
        db.transaction().execute(async (transaction) => {
          const fence = await transaction
            .selectFrom('ingestion_fence')
            .select('number')
            .forShare()
            .executeTakeFirstOrThrow();
          if (fence.number !== number) throw takenByAnother();
          return await work(transaction);
        });
      return await repeatTransaction(attempt, { clock });
    },
    async writingAtOnce(statement) {
      const isOwn = sql<boolean>`(select number from ingestion_fence for share) = ${ownNumber()}`;
      const rows = await repeatTransaction(() => statement(db, isOwn), { clock });
      if (rows.length === 0) throw takenByAnother();
      return rows;
    },
    take(number) {
      if (own !== null)
        throw new LockTakenError('An ingestion of this process is still at work. Wait until it is done.');
      own = number;
    },
    lose() {
      if (own !== null) own = LOST;
    },
    release() {
      own = null;
    },
  };
}

const takenByAnother = () =>
  new LockLostError(
    'Another ingestion has taken the lock; this one writes nothing more. The other one goes on from what is stored.',
  );

/**
 * Raises the number, which shuts out every older holder. Waits for a transaction of one that is under way; after
 * `fenceWaitMs` its session is ended.
 *
 * @param client holds the ingestion lock.
 * @returns the new number.
 * @throws LockTakenError when the older session can't be ended.
 */
export async function raiseFence(client: pg.Client, limits: TimeLimits): Promise<number> {
  await client.query(`set lock_timeout = ${limits.fenceTryMs}`);
  const patiently = () => tryToRaise(client, Math.ceil(limits.fenceWaitMs / limits.fenceTryMs));
  const number = (await patiently()) ?? (await endOlderWriters(client).then(patiently));
  if (number !== null) return number;
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

const LOCK_NOT_AVAILABLE = '55P03';
const INSUFFICIENT_PRIVILEGE = '42501';

const isOfState = (error: unknown, code: string) => error instanceof pg.DatabaseError && error.code === code;
