import type { ExpressionBuilder, Kysely } from 'kysely';
import type { Instant } from '../domain/day.ts';
import type { RequestLedger } from '../ports.ts';
import type { Fence } from './fence.ts';
import { inBatches } from './in-batches.ts';
import { columnNames, toIso, unnestRows } from './statements.ts';
import { COLUMNS, type ColumnTypes, type Tables } from './tables.ts';

/** A request whose end was never written (its process was killed) may have been answered: it counts. */
export const isCredited = (eb: ExpressionBuilder<Tables, 'requests'>) =>
  eb.or([eb('is_credited', '=', true), eb('ended_at', 'is', null)]);

/** Requests that begin or end while others are being noted share the next statement. */
const MOST_NOTED = 200;

export function createRequestLedger(db: Kysely<Tables>, fence: Fence): RequestLedger {
  return {
    begin: inBatches((requests) => insertRequests(fence, requests), { most: MOST_NOTED }),
    end: inBatches((ends) => noteEnds(fence, ends), { most: MOST_NOTED }),

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

/** @returns the id of each, in their order. */
async function insertRequests(
  fence: Fence,
  requests: readonly Parameters<RequestLedger['begin']>[0][],
): Promise<string[]> {
  const rows = requests.map(({ runId, series, sentAt }) => ({
    ...{ runId, sentAt: toIso(sentAt) },
    ...{ coin: series?.coin ?? null, currency: series?.currency ?? null },
  }));
  const inserted = await fence.writingAtOnce((db, isOwn) =>
    db
      .insertInto('requests')
      .columns(columnNames(COLUMNS.requests))
      .expression(
        db
          .selectFrom(unnestRows('begun', COLUMNS.requests, rows))
          .selectAll()
          .where(isOwn),
      )
      .returning('id')
      .execute(),
  );
  // Rows are numbered in the order that they come in; they may be returned in any.
  return inserted
    .map(({ id }) => id)
    .sort((one, other) => one - other)
    .map(String);
}

const ENDED = {
  id: 'bigint',
  ended_at: 'timestamptz',
  status: 'integer',
  is_credited: 'boolean',
} satisfies ColumnTypes;

async function noteEnds(fence: Fence, ends: readonly Parameters<RequestLedger['end']>[0][]): Promise<undefined[]> {
  const rows = ends.map((end) => ({ ...end, endedAt: toIso(end.endedAt) }));
  await fence.writingAtOnce((db, isOwn) =>
    db
      .updateTable('requests')
      .from(unnestRows('noted', ENDED, rows))
      .set(({ ref }) => ({
        ended_at: ref('noted.ended_at'),
        status: ref('noted.status'),
        is_credited: ref('noted.is_credited'),
      }))
      .whereRef('requests.id', '=', 'noted.id')
      .where(isOwn)
      .returning('requests.id')
      .execute(),
  );
  return ends.map(() => undefined);
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
