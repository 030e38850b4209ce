import { type Kysely, sql } from 'kysely';
import type { Universe } from '../contract/universe.ts';
import type { Day, Instant } from '../domain/day.ts';
import { IngestionError, RefusedError } from '../domain/failure.ts';
import { type Series, seriesName } from '../domain/series.ts';
import type { Clock, RunOrder, RunRepository } from '../ports.ts';
import { inChunks, toIso, unnestRows } from './statements.ts';
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
      for (const chunk of inChunks(planned)) {
        const rows = chunk.map(({ coin, currency, from, to }) => ({
          ...{ coin, currency },
          ...{ from: toIso(from), to: toIso(to) },
        }));
        const columns = { coin: 'text', currency: 'text', from: 'timestamptz', to: 'timestamptz' };
        await sql`
          insert into ingestion_series (run_id, coin_id, currency, status, window_from, window_to)
          select ${runId}, coin, currency, 'pending', "from", "to" from ${unnestRows('planned', columns, rows)}
          on conflict (run_id, coin_id, currency) do update set
            status = 'pending', error_kind = null, error = null,
            window_from = excluded.window_from, window_to = excluded.window_to
        `.execute(db);
      }
      for (const chunk of inChunks(current)) {
        await sql`
          insert into ingestion_series as series (run_id, coin_id, currency, status)
          select ${runId}, coin, currency, 'current' from ${unnestRows('current', { coin: 'text', currency: 'text' }, chunk)}
          on conflict (run_id, coin_id, currency) do update set status = 'current', error_kind = null, error = null
          where series.status <> 'stored'
        `.execute(db);
      }
    },

    async failSeries(runId, { coin, currency }, { kind, message, attempts }) {
      await sql`
        insert into ingestion_series as series
          (run_id, coin_id, currency, status, attempts, last_request_at, error_kind, error)
        values (${runId}, ${coin}, ${currency}, 'failed', ${attempts}, ${toIso(clock.now())}, ${kind}, ${message})
        on conflict (run_id, coin_id, currency) do update set
          status = 'failed', attempts = series.attempts + excluded.attempts,
          last_request_at = excluded.last_request_at, error_kind = excluded.error_kind, error = excluded.error
      `.execute(db);
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
  const { rows } = await sql<{ due_at: Date }>`
    insert into ingestion_runs as run (id, trigger_key, trigger, due_at, request, status, started_at, hops)
    values (${runId}, ${triggerKey}, ${trigger}, ${toIso(dueAt)}, ${JSON.stringify(request)}, 'running', ${startedAt},
      ${hop + 1})
    on conflict (trigger_key) do update set
      status = 'running', finished_at = null, error = null, hops = greatest(run.hops, excluded.hops)
    where run.request = excluded.request
    returning due_at
  `.execute(db);
  const [run] = rows;
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
    await sql`
      insert into coins (id, symbol, name)
      select id, symbol, name from ${unnestRows('coin', { id: 'text', symbol: 'text', name: 'text' }, chunk)}
      on conflict (id) do update set symbol = excluded.symbol, name = excluded.name
      where (coins.symbol, coins.name) is distinct from (excluded.symbol, excluded.name)
    `.execute(db);
  }
  for (const chunk of inChunks(currencies)) {
    await sql`
      insert into currencies (code, name)
      select code, name from ${unnestRows('currency', { code: 'text', name: 'text' }, chunk)}
      on conflict (code) do update set name = excluded.name where currencies.name <> excluded.name
    `.execute(db);
  }
}

/** @returns since when each is tracked, in the order given. */
async function openSeries(db: Kysely<Tables>, series: readonly Series[], trackedSince: Day): Promise<Day[]> {
  for (const chunk of inChunks(series)) {
    await sql`
      insert into series (coin_id, currency, tracked_since)
      select coin, currency, ${trackedSince} from ${unnestRows('opened', { coin: 'text', currency: 'text' }, chunk)}
      on conflict do nothing
    `.execute(db);
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
