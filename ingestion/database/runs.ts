import type { Kysely } from 'kysely';
import type { Universe } from '../contract/universe.ts';
import type { Day, Instant } from '../domain/day.ts';
import { IngestionError, RefusedError } from '../domain/failure.ts';
import { type Series, seriesName } from '../domain/series.ts';
import type { Clock, RunOrder, RunRepository } from '../ports.ts';
import { markCurrent, markFailed, markPending, readSeriesOutcomes } from './series-outcomes.ts';
import { inChunks, insertRows, toIso } from './statements.ts';
import type { Tables } from './tables.ts';

export function createRunRepository(db: Kysely<Tables>, clock: Clock): RunRepository {
  return {
    open: (order, { universe, series, trackedSince, startedAt }) =>
      db.transaction().execute(async (transaction) => {
        const dueAt = await openRun(transaction, order, toIso(startedAt));
        await fillUniverse(transaction, universe);
        return { dueAt, trackedSince: await openSeries(transaction, series, trackedSince) };
      }),

    async finish(runId, finished, retries, finishedAt) {
      const { requests, credits, rateLimited } = await countRequests(db, runId);
      await db
        .updateTable('ingestion_runs')
        .set((eb) => ({
          status: finished.status,
          expected_days: finished.expectedDays,
          stored_days: finished.storedDays,
          missing_days: finished.missingDays,
          thin_days: finished.thinDays,
          unavailable_days: finished.unavailableDays,
          error: finished.error,
          finished_at: finishedAt === null ? null : toIso(finishedAt),
          requests,
          credits,
          retries: eb('retries', '+', retries),
          rate_limited: rateLimited,
        }))
        .where('id', '=', runId)
        .execute();
    },

    async totals(runId) {
      const { retries } = await db
        .selectFrom('ingestion_runs')
        .select('retries')
        .where('id', '=', runId)
        .executeTakeFirstOrThrow(() => new IngestionError(`There is no run ${runId} in the database.`));
      return { ...(await countRequests(db, runId)), retries };
    },

    seriesOutcomes: (runId) => readSeriesOutcomes(db, runId),

    async plan(runId, planned, current) {
      await markPending(db, runId, planned);
      await markCurrent(db, runId, current);
    },

    failSeries: (runId, failures) => markFailed(db, runId, failures, clock.now()),
  };
}

/** @returns the due time. A run that is continued keeps the one that it began with. */
async function openRun(db: Kysely<Tables>, order: RunOrder, startedAt: string): Promise<Instant> {
  const { runId, triggerKey, trigger, dueAt, request, hop } = order;
  const run = await db
    .insertInto('ingestion_runs')
    .values({
      id: runId,
      trigger_key: triggerKey,
      trigger,
      due_at: toIso(dueAt),
      request: JSON.stringify(request),
      status: 'running',
      started_at: startedAt,
      hops: hop + 1,
    })
    .onConflict((conflict) =>
      conflict
        .column('trigger_key')
        .doUpdateSet(({ fn }) => ({
          status: 'running',
          finished_at: null,
          error: null,
          hops: fn('greatest', ['ingestion_runs.hops', 'excluded.hops']),
        }))
        .whereRef('ingestion_runs.request', '=', 'excluded.request'),
    )
    .returning('due_at')
    .executeTakeFirst();
  if (!run) {
    throw new RefusedError(
      'refused',
      `The trigger key "${triggerKey}" belongs to a run with another request. Send the new request with a key of its own.`,
    );
  }
  // The lock is ours: nobody else can still be at work.
  await db
    .updateTable('ingestion_runs')
    .set({
      status: 'interrupted',
      finished_at: startedAt,
      error: 'The process that worked on it ended without a verdict; the next run goes on from what is stored.',
    })
    .where('status', '=', 'running')
    .where('id', '<>', runId)
    .execute();
  return run.due_at.getTime();
}

async function fillUniverse(db: Kysely<Tables>, { coins, currencies }: Universe): Promise<void> {
  for (const chunk of inChunks(coins)) {
    await insertRows(db, 'coins', { id: 'text', symbol: 'text', name: 'text' }, chunk)
      .onConflict((conflict) =>
        conflict
          .column('id')
          .doUpdateSet(({ ref }) => ({ symbol: ref('excluded.symbol'), name: ref('excluded.name') }))
          .where(({ eb, refTuple }) =>
            eb(refTuple('coins.symbol', 'coins.name'), '<>', refTuple('excluded.symbol', 'excluded.name')),
          ),
      )
      .execute();
  }
  for (const chunk of inChunks(currencies)) {
    await insertRows(db, 'currencies', { code: 'text', name: 'text' }, chunk)
      .onConflict((conflict) =>
        conflict
          .column('code')
          .doUpdateSet(({ ref }) => ({ name: ref('excluded.name') }))
          .whereRef('currencies.name', '<>', 'excluded.name'),
      )
      .execute();
  }
}

/** Series that are there already stay as they are. @returns since when each is tracked, in the order given. */
async function openSeries(db: Kysely<Tables>, series: readonly Series[], trackedSince: Day): Promise<Day[]> {
  const opened = series.map(({ coin, currency }) => ({ coin_id: coin, currency, tracked_since: trackedSince }));
  for (const chunk of inChunks(opened)) {
    await insertRows(db, 'series', { coin_id: 'text', currency: 'text', tracked_since: 'date' }, chunk)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
  const rows = await db.selectFrom('series').selectAll().execute();
  const days = new Map(
    rows.map((row) => [seriesName({ coin: row.coin_id, currency: row.currency }), row.tracked_since]),
  );
  return series.map((one) => days.get(seriesName(one)) ?? trackedSince);
}

/** From the ledger, which knows every hop, even one that was killed. */
async function countRequests(db: Kysely<Tables>, runId: string) {
  return await db
    .selectFrom('requests')
    .select(({ fn }) => [
      fn.countAll<number>().as('requests'),
      fn.countAll<number>().filterWhere('is_credited', '=', true).as('credits'),
      fn.countAll<number>().filterWhere('status', '=', 429).as('rateLimited'),
    ])
    .where('run_id', '=', runId)
    .executeTakeFirstOrThrow();
}
