import type { Clock } from '../ports.ts';

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
