import { type ExpressionBuilder, type Kysely, sql } from 'kysely';
import type { Universe } from '../contract/universe-schema.ts';
import type { Instant } from '../domain/day.ts';
import { IngestionError, RefusedError } from '../domain/failure.ts';
import type { Window } from '../domain/planning.ts';
import { type Series, seriesName } from '../domain/series.ts';
import type { Clock, DayRange, OpenedRun, RecordedOutcome, RunOrder, RunRepository, SeriesFailure } from '../ports.ts';
import type { Fence } from './fence.ts';
import { isCredited } from './request-ledger.ts';
import { insertRows, onSameSeries, replacing, toIso } from './statements.ts';
import type { Tables } from './tables.ts';

export function createRunRepository(db: Kysely<Tables>, fence: Fence, clock: Clock): RunRepository {
  const record = (runId: string, outcomes: readonly NewOutcome[]) =>
    fence.writing((transaction) => recordOutcomes(transaction, runId, outcomes));
  return {
    open: (order, { universe, series, historyDays, startedAt }) =>
      fence.writing(async (transaction) => {
        const size = universe.coins.length * universe.currencies.length;
        const opened = await openRun(transaction, order, { startedAt: toIso(startedAt), historyDays, size });
        await fillUniverse(transaction, universe);
        // They are tracked from their first answer on. Those that are there already stay as they are.
        const opening = series.map((one) => ({ ...one, trackedSince: null }));
        await insertRows(transaction, 'series', opening);
        await setTracked(transaction, universe);
        return { ...opened, series: await readSeriesDays(transaction, series) };
      }),

    seriesDays: (series) => readSeriesDays(db, series),

    finish: (runId, finished, hop, finishedAt) =>
      fence.writing(async (transaction) => {
        const { requests, credits, rateLimited } = await countRequests(transaction, runId);
        await transaction
          .updateTable('ingestion_runs')
          .set(({ eb, fn }) => ({
            status: finished.status,
            expected_days: finished.expectedDays,
            stored_days: finished.storedDays,
            missing_days: finished.missingDays,
            thin_days: finished.thinDays,
            unconfirmed_days: finished.unconfirmedDays,
            unavailable_days: finished.unavailableDays,
            error: finished.error,
            finished_at: finishedAt === null ? null : toIso(finishedAt),
            requests,
            credits,
            retries: eb('retries', '+', hop.retries),
            cross_rate_days: eb(fn.coalesce('cross_rate_days', eb.lit(0)), '+', hop.crossRateDays),
            latest_prices: eb.fn.coalesce(eb.val(hop.latestPrices), 'latest_prices'),
            rate_limited: rateLimited,
          }))
          .where('id', '=', runId)
          .execute();
      }),

    async totals(runId) {
      const { retries, cross_rate_days, latest_prices } = await db
        .selectFrom('ingestion_runs')
        .select(['retries', 'cross_rate_days', 'latest_prices'])
        .where('id', '=', runId)
        .executeTakeFirstOrThrow(() => new IngestionError(`There is no run ${runId} in the database.`));
      const counted = await countRequests(db, runId);
      return { ...counted, retries, crossRateDays: cross_rate_days ?? 0, latestPrices: latest_prices };
    },

    seriesOutcomes: (runId) => readSeriesOutcomes(db, runId),

    plan: (runId, planned, current) =>
      record(runId, [
        ...planned.map((one) => ({ ...one, status: 'pending' as const })),
        ...current.map((one) => ({ ...one, status: 'current' as const })),
      ]),

    failSeries: (runId, failures) => {
      const requestedAt = clock.now();
      return record(
        runId,
        failures.map((one) => ({ ...one, status: 'failed', requestedAt })),
      );
    },

    clearFailures: (runId, series) =>
      record(
        runId,
        series.map((one) => ({ ...one, status: 'stored' })),
      ),

    keepRequested: (runId, ranges, requestedAt) =>
      fence.writing((transaction) => keepRequested(transaction, runId, ranges, toIso(requestedAt))),

    requestedRanges: () => readRequestedRanges(db),

    forgetRequested: (runId) =>
      fence.writing(async (transaction) => {
        await transaction.deleteFrom('requested_ranges').where('run_id', '=', runId).execute();
      }),

    lastReach: (runId) => readLastReach(db, runId),

    redate: (runId, at) =>
      fence.writing(async (transaction) => {
        const moment = toIso(at);
        await transaction
          .updateTable('ingestion_runs')
          .set({ due_at: moment, started_at: moment, finished_at: moment })
          .where('id', '=', runId)
          .execute();
      }),
  };
}

/** A run that is continued keeps its due time. */
async function openRun(
  db: Kysely<Tables>,
  order: RunOrder,
  opening: { startedAt: string; historyDays: number; size: number },
): Promise<Pick<OpenedRun, 'dueAt' | 'isContinued' | 'wasCut'>> {
  const { runId, triggerKey, trigger, dueAt, request, hop, isRedelivery } = order;
  const { startedAt, historyDays, size } = opening;
  const known = await db.selectFrom('ingestion_runs').select('status').where('id', '=', runId).executeTakeFirst();
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
      history_days: historyDays,
      universe_series: size,
    })
    .onConflict((conflict) =>
      conflict
        .column('trigger_key')
        .doUpdateSet(({ fn, ref }) => ({
          status: 'running',
          finished_at: null,
          error: null,
          hops: fn('greatest', ['ingestion_runs.hops', 'excluded.hops']),
          history_days: ref('excluded.history_days'),
          universe_series: ref('excluded.universe_series'),
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
  // A run that was finished, and whose message a person has moved back, begins anew.
  const wasUnderWay = known?.status === 'waiting' || known?.status === 'running';
  return {
    dueAt: run.due_at.getTime(),
    isContinued: wasUnderWay || (known !== undefined && isRedelivery),
    wasCut: known?.status === 'running',
  };
}

async function fillUniverse(db: Kysely<Tables>, { coins, currencies }: Universe): Promise<void> {
  const isRenamed = sql<boolean>`(coins.symbol, coins.name) <> (excluded.symbol, excluded.name)`;
  await insertRows(db, 'coins', coins, replacing('coins', ['id'], isRenamed));
  const isOther = sql<boolean>`currencies.name <> excluded.name`;
  await insertRows(db, 'currencies', currencies, replacing('currencies', ['code'], isOther));
}

/** Series that left the universe keep their rows and are no longer expected. */
async function setTracked(db: Kysely<Tables>, { coins, currencies }: Universe): Promise<void> {
  const isInUniverse = ({ and, eb, val }: ExpressionBuilder<Tables, 'series'>) =>
    and([
      eb('coin_id', '=', eb.fn.any(val(coins.map(({ id }) => id)))),
      eb('currency', '=', eb.fn.any(val(currencies.map(({ code }) => code)))),
    ]).$castTo<boolean>();
  await db
    .updateTable('series')
    .set((eb) => ({ is_tracked: isInUniverse(eb) }))
    .where((eb) => eb('is_tracked', '<>', isInUniverse(eb)))
    .execute();
}

/** @returns since when each series is tracked and what was asked for by hand, in the order given. */
async function readSeriesDays(db: Kysely<Tables>, series: readonly Series[]): Promise<OpenedRun['series']> {
  const rows = await db.selectFrom('series').select(['coin_id as coin', 'currency', 'tracked_since']).execute();
  const trackedSince = new Map(rows.map((row) => [seriesName(row), row.tracked_since]));
  const requested = Map.groupBy(await readRequestedRanges(db), seriesName);
  return series.map((one) => ({
    trackedSince: trackedSince.get(seriesName(one)) ?? null,
    requested: requested.get(seriesName(one)) ?? [],
  }));
}

/** @returns what was asked for by hand of the tracked series. */
export async function readRequestedRanges(db: Kysely<Tables>): Promise<DayRange[]> {
  return await db
    .selectFrom('requested_ranges as requested')
    .innerJoin('series', (join) => join.on(onSameSeries('series', 'requested')))
    .select(['requested.coin_id as coin', 'requested.currency', 'first_day as first', 'last_day as last'])
    .where('is_tracked', '=', true)
    .execute();
}

/** As they were asked for: they are cut to what a plan's history reaches when they are read. */
async function keepRequested(
  db: Kysely<Tables>,
  runId: string,
  ranges: readonly DayRange[],
  requestedAt: string,
): Promise<void> {
  const rows = ranges.map(({ first, last, ...series }) => ({
    ...{ ...series, firstDay: first, lastDay: last },
    ...{ runId, requestedAt },
  }));
  await insertRows(db, 'requested_ranges', rows);
}

/** @returns what the last full run that was not this one, and came to a verdict by its answers, reached back to. */
async function readLastReach(db: Kysely<Tables>, runId: string) {
  const run = await db
    .selectFrom('ingestion_runs')
    .select(['due_at', 'history_days'])
    .where('id', '<>', runId)
    .where('is_full_run', '=', true)
    .where('status', 'in', ['complete', 'partial'])
    .orderBy('started_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!run || run.history_days === null) return null;
  return { dueAt: run.due_at.getTime(), historyDays: run.history_days };
}

/** From the ledger, which knows every hop, even one that was killed. */
async function countRequests(db: Kysely<Tables>, runId: string) {
  return await db
    .selectFrom('requests')
    .select(({ fn }) => [
      fn.countAll<number>().as('requests'),
      fn.countAll<number>().filterWhere(isCredited).as('credits'),
      fn.countAll<number>().filterWhere('status', '=', 429).as('rateLimited'),
    ])
    .where('run_id', '=', runId)
    .executeTakeFirstOrThrow();
}

export async function readSeriesOutcomes(db: Kysely<Tables>, runId: string): Promise<RecordedOutcome[]> {
  const rows = await db.selectFrom('ingestion_series').selectAll().where('run_id', '=', runId).execute();
  return rows.map(({ coin_id: coin, currency, status, days_written: daysWritten, error, error_kind: errorKind }) => ({
    ...{ coin, currency, status },
    ...{ daysWritten, error, errorKind },
  }));
}

/**
 * What a run came to in one series since it was recorded last.
 * @property requestedAt when the answer or the failure came; none where nothing was asked.
 */
export type NewOutcome = Series &
  Partial<Window> &
  Partial<Omit<SeriesFailure, keyof Series>> & {
    readonly status: RecordedOutcome['status'];
    readonly daysWritten?: number;
    readonly requestedAt?: Instant;
  };

/**
 * Attempts and days add up over the run's answers and hops; window and last request stay where there is no other. A series
 * that an earlier hop has stored is not `current` again: it stays `stored`.
 */
export async function recordOutcomes(
  db: Kysely<Tables>,
  runId: string,
  outcomes: readonly NewOutcome[],
): Promise<void> {
  const toMoment = (at: Instant | undefined) => (at === undefined ? null : toIso(at));
  const rows = outcomes.map(({ coin, currency, status, attempts = 0, daysWritten = 0, ...one }) => ({
    ...{ runId, coin, currency, status, attempts, daysWritten },
    ...{ windowFrom: toMoment(one.from), windowTo: toMoment(one.to), lastRequestAt: toMoment(one.requestedAt) },
    ...{ errorKind: one.kind ?? null, error: one.message ?? null },
  }));
  await insertRows(db, 'ingestion_series', rows, (conflict) =>
    conflict
      .columns(['run_id', 'coin_id', 'currency'])
      .doUpdateSet(({ eb, fn, ref }) => ({
        status: ref('excluded.status'),
        attempts: eb('ingestion_series.attempts', '+', ref('excluded.attempts')),
        window_from: fn.coalesce('excluded.window_from', 'ingestion_series.window_from'),
        window_to: fn.coalesce('excluded.window_to', 'ingestion_series.window_to'),
        days_written: eb('ingestion_series.days_written', '+', ref('excluded.days_written')),
        last_request_at: fn.coalesce('excluded.last_request_at', 'ingestion_series.last_request_at'),
        error_kind: ref('excluded.error_kind'),
        error: ref('excluded.error'),
      }))
      .where(({ eb, not, and }) =>
        not(and([eb('excluded.status', '=', 'current'), eb('ingestion_series.status', '=', 'stored')])),
      ),
  );
}
