import type { Kysely } from 'kysely';
import type { Universe } from '../contract/universe.ts';
import type { Day, Instant } from '../domain/day.ts';
import { IngestionError, RefusedError } from '../domain/failure.ts';
import { type Series, seriesName } from '../domain/series.ts';
import type { Clock, RunOrder, RunRepository } from '../ports.ts';
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
      const ofSeries = { run_id: 'uuid', coin_id: 'text', currency: 'text', status: 'text' } as const;
      const pending = planned.map(({ coin, currency, from, to }) => ({
        run_id: runId,
        coin_id: coin,
        currency,
        status: 'pending' as const,
        window_from: toIso(from),
        window_to: toIso(to),
      }));
      for (const chunk of inChunks(pending)) {
        const columns = { ...ofSeries, window_from: 'timestamptz', window_to: 'timestamptz' } as const;
        await insertRows(db, 'ingestion_series', columns, chunk)
          .onConflict((conflict) =>
            conflict.columns(['run_id', 'coin_id', 'currency']).doUpdateSet(({ ref }) => ({
              status: ref('excluded.status'),
              error_kind: null,
              error: null,
              window_from: ref('excluded.window_from'),
              window_to: ref('excluded.window_to'),
            })),
          )
          .execute();
      }
      const complete = current.map(({ coin, currency }) => ({
        run_id: runId,
        coin_id: coin,
        currency,
        status: 'current' as const,
      }));
      for (const chunk of inChunks(complete)) {
        await insertRows(db, 'ingestion_series', ofSeries, chunk)
          .onConflict((conflict) =>
            conflict
              .columns(['run_id', 'coin_id', 'currency'])
              .doUpdateSet(({ ref }) => ({ status: ref('excluded.status'), error_kind: null, error: null }))
              .where('ingestion_series.status', '<>', 'stored'),
          )
          .execute();
      }
    },

    async failSeries(runId, failures) {
      const columns = {
        run_id: 'uuid',
        coin_id: 'text',
        currency: 'text',
        status: 'text',
        attempts: 'integer',
        last_request_at: 'timestamptz',
        error_kind: 'text',
        error: 'text',
      } as const;
      const now = toIso(clock.now());
      const rows = failures.map(({ coin, currency, kind, message, attempts }) => ({
        run_id: runId,
        coin_id: coin,
        currency,
        status: 'failed' as const,
        attempts,
        last_request_at: now,
        error_kind: kind,
        error: message,
      }));
      for (const chunk of inChunks(rows)) {
        await insertRows(db, 'ingestion_series', columns, chunk)
          .onConflict((conflict) =>
            conflict.columns(['run_id', 'coin_id', 'currency']).doUpdateSet(({ eb, ref }) => ({
              status: ref('excluded.status'),
              attempts: eb('ingestion_series.attempts', '+', ref('excluded.attempts')),
              last_request_at: ref('excluded.last_request_at'),
              error_kind: ref('excluded.error_kind'),
              error: ref('excluded.error'),
            })),
          )
          .execute();
      }
    },
  };
}

export async function readSeriesOutcomes(db: Kysely<Tables>, runId: string) {
  const rows = await db.selectFrom('ingestion_series').selectAll().where('run_id', '=', runId).execute();
  return rows.map((row) => ({
    coin: row.coin_id,
    currency: row.currency,
    status: row.status,
    daysWritten: row.days_written,
    error: row.error,
    errorKind: row.error_kind,
  }));
}

/** @returns the due time: of a run that is continued the one that it began with. */
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

/** @returns since when each is tracked, in the order given. */
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

/** The ledger knows of every hop, also of those that were killed. */
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
