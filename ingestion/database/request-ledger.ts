import type { ExpressionBuilder, Kysely } from 'kysely';
import type { Instant } from '../domain/day.ts';
import type { RequestLedger } from '../ports.ts';
import type { Fence } from './fence.ts';
import { toIso } from './statements.ts';
import type { Tables } from './tables.ts';

/** A request whose end was never written (its process was killed) may have been answered: it counts. */
export const isCredited = (eb: ExpressionBuilder<Tables, 'requests'>) =>
  eb.or([eb('is_credited', '=', true), eb('ended_at', 'is', null)]);

export function createRequestLedger(db: Kysely<Tables>, fence: Fence): RequestLedger {
  return {
    begin: ({ runId, series, sentAt }) =>
      fence.writing(async (transaction) => {
        const { id } = await transaction
          .insertInto('requests')
          .values({ run_id: runId, coin_id: series.coin, currency: series.currency, sent_at: toIso(sentAt) })
          .returning('id')
          .executeTakeFirstOrThrow();
        return String(id);
      }),

    end: (id, { endedAt, status, isCredited }) =>
      fence.writing(async (transaction) => {
        await transaction
          .updateTable('requests')
          .set({ ended_at: toIso(endedAt), status, is_credited: isCredited })
          .where('id', '=', Number(id))
          .execute();
      }),

    withdraw: (id) =>
      fence.writing(async (transaction) => {
        await transaction.deleteFrom('requests').where('id', '=', Number(id)).execute();
      }),

    creditsSince: (since) => readCredits(db, since),

    async endedSince(since) {
      const rows = await db
        .selectFrom('requests')
        .select('ended_at')
        .where(({ eb, fn }) => eb(fn.coalesce('ended_at', 'sent_at'), '>=', new Date(since)))
        .execute();
      return rows.map(({ ended_at }) => ended_at?.getTime() ?? null);
    },
  };
}

/** @returns how many requests since the moment CoinGecko counts. */
export async function readCredits(db: Kysely<Tables>, since: Instant): Promise<number> {
  const { credits } = await db
    .selectFrom('requests')
    .select(({ fn }) => fn.countAll<number>().as('credits'))
    .where(isCredited)
    .where('sent_at', '>=', new Date(since))
    .executeTakeFirstOrThrow();
  return credits;
}
