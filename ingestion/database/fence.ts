// The fencing token in `ingestion_fence` says whose turn it is. Losing the lock stops no statement that is already on its way;
// this does.
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import { LockLostError, LockTakenError } from '../domain/failure.ts';
import type { Clock } from '../ports.ts';
import type { Tables } from './tables.ts';

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
   * Begins as the newest holder, with the token that `raiseFence` gave.
   * @throws LockTakenError while an earlier holder has not released this fence.
   */
  take(token: number): void;
  /** From now on every write is refused. */
  lose(): void;
  release(): void;
};

const LOST = 'lost';

export function createFence(db: Kysely<Tables>, clock: Pick<Clock, 'sleep'>): Fence {
  let own: number | typeof LOST | null = null;
  function ownToken(): number {
    if (own === null || own === LOST)
      throw new LockLostError('This process does not hold the ingestion lock, and writes nothing without it.');
    return own;
  }
  return {
    async writing(work) {
      const token = ownToken();
      const attempt = () =>
        db.transaction().execute(async (transaction) => {
          const fence = await transaction
            .selectFrom('ingestion_fence')
            .select('number')
            .forShare()
            .executeTakeFirstOrThrow();
          if (fence.number !== token) throw takenByAnother();
          return await work(transaction);
        });
      return await repeatTransaction(attempt, { clock });
    },
    async writingAtOnce(statement) {
      const isOwn = sql<boolean>`(select number from ingestion_fence for share) = ${ownToken()}`;
      const rows = await repeatTransaction(() => statement(db, isOwn), { clock });
      if (rows.length === 0) throw takenByAnother();
      return rows;
    },
    take(token) {
      if (own !== null)
        throw new LockTakenError('An ingestion of this process is still running. Wait until it is done.');
      own = token;
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
 * Serialization failure, deadlock, and a row that another transaction has added meanwhile: the server undid the transaction,
 * and it can go through the next time.
 */
const REPEATED = new Set(['40001', '40P01', '23505']);
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 50;

/**
 * Runs a transaction again when another one got into its way.
 * @param transaction begins and commits it; it does nothing outside of the database.
 * @throws the failure of the last of 5 attempts, and every other failure at once.
 */
export async function repeatTransaction<Result>(
  transaction: () => Promise<Result>,
  { clock, random = Math.random }: { clock: Pick<Clock, 'sleep'>; random?: () => number },
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transaction();
    } catch (error) {
      const { code = '' } = error as { code?: string };
      if (attempt === ATTEMPTS || !REPEATED.has(code)) throw error;
      // Two that met once would meet again if they waited for the same time.
      await clock.sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + random()));
    }
  }
}
