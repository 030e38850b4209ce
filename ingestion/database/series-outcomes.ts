// What a run came to in each of its series.
import type { Kysely } from 'kysely';
import type { Instant } from '../domain/day.ts';
import type { FailureKind } from '../domain/failure.ts';
import type { Window } from '../domain/planning.ts';
import type { Series } from '../domain/series.ts';
import { type ColumnTypes, inChunks, insertRows, toIso, unnestRows } from './statements.ts';
import type { Tables } from './tables.ts';

const KEY = ['run_id', 'coin_id', 'currency'] as const;

const COLUMNS = { run_id: 'uuid', coin_id: 'text', currency: 'text', status: 'text' } satisfies ColumnTypes;

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

export async function markPending(
  db: Kysely<Tables>,
  runId: string,
  planned: readonly (Series & Window)[],
): Promise<void> {
  const columns = { ...COLUMNS, window_from: 'timestamptz', window_to: 'timestamptz' } as const;
  const rows = planned.map(({ coin, currency, from, to }) => ({
    run_id: runId,
    coin_id: coin,
    currency,
    status: 'pending' as const,
    window_from: toIso(from),
    window_to: toIso(to),
  }));
  for (const chunk of inChunks(rows)) {
    await insertRows(db, 'ingestion_series', columns, chunk)
      .onConflict((conflict) =>
        conflict.columns(KEY).doUpdateSet(({ ref }) => ({
          status: 'pending',
          error_kind: null,
          error: null,
          window_from: ref('excluded.window_from'),
          window_to: ref('excluded.window_to'),
        })),
      )
      .execute();
  }
}

/** Series that an earlier hop has stored stay `stored`. */
export async function markCurrent(db: Kysely<Tables>, runId: string, current: readonly Series[]): Promise<void> {
  const rows = current.map(({ coin, currency }) => ({
    run_id: runId,
    coin_id: coin,
    currency,
    status: 'current' as const,
  }));
  for (const chunk of inChunks(rows)) {
    await insertRows(db, 'ingestion_series', COLUMNS, chunk)
      .onConflict((conflict) =>
        conflict
          .columns(KEY)
          .doUpdateSet({ status: 'current', error_kind: null, error: null })
          .where('ingestion_series.status', '<>', 'stored'),
      )
      .execute();
  }
}

/** What failed and lacks nothing after all is as good as stored. */
export async function clearFailures(db: Kysely<Tables>, runId: string, series: readonly Series[]): Promise<void> {
  const keys = series.map(({ coin, currency }) => ({ coin_id: coin, currency }));
  for (const chunk of inChunks(keys)) {
    await db
      .updateTable('ingestion_series')
      .from(unnestRows('forgiven', { coin_id: 'text', currency: 'text' }, chunk))
      .set({ status: 'stored', error_kind: null, error: null })
      .where('run_id', '=', runId)
      .whereRef('ingestion_series.coin_id', '=', 'forgiven.coin_id')
      .whereRef('ingestion_series.currency', '=', 'forgiven.currency')
      .execute();
  }
}

/** Attempts and days add up over the run's answers and hops. */
export async function markStored(
  db: Kysely<Tables>,
  runId: string,
  stored: readonly (Series & { window: Window; attempts: number; daysWritten: number; receivedAt: Instant })[],
): Promise<void> {
  const columns = {
    ...COLUMNS,
    attempts: 'integer',
    window_from: 'timestamptz',
    window_to: 'timestamptz',
    days_written: 'integer',
    last_request_at: 'timestamptz',
  } as const;
  const rows = stored.map(({ coin, currency, window, attempts, daysWritten, receivedAt }) => ({
    run_id: runId,
    coin_id: coin,
    currency,
    status: 'stored' as const,
    attempts,
    window_from: toIso(window.from),
    window_to: toIso(window.to),
    days_written: daysWritten,
    last_request_at: toIso(receivedAt),
  }));
  for (const chunk of inChunks(rows)) {
    await insertRows(db, 'ingestion_series', columns, chunk)
      .onConflict((conflict) =>
        conflict.columns(KEY).doUpdateSet(({ eb, ref }) => ({
          status: 'stored',
          error_kind: null,
          error: null,
          attempts: eb('ingestion_series.attempts', '+', ref('excluded.attempts')),
          days_written: eb('ingestion_series.days_written', '+', ref('excluded.days_written')),
          last_request_at: ref('excluded.last_request_at'),
        })),
      )
      .execute();
  }
}

export async function markFailed(
  db: Kysely<Tables>,
  runId: string,
  failures: readonly (Series & { kind: FailureKind; message: string; attempts: number })[],
  failedAt: Instant,
): Promise<void> {
  const columns = {
    ...COLUMNS,
    attempts: 'integer',
    last_request_at: 'timestamptz',
    error_kind: 'text',
    error: 'text',
  } as const;
  const rows = failures.map(({ coin, currency, kind, message, attempts }) => ({
    run_id: runId,
    coin_id: coin,
    currency,
    status: 'failed' as const,
    attempts,
    last_request_at: toIso(failedAt),
    error_kind: kind,
    error: message,
  }));
  for (const chunk of inChunks(rows)) {
    await insertRows(db, 'ingestion_series', columns, chunk)
      .onConflict((conflict) =>
        conflict.columns(KEY).doUpdateSet(({ eb, ref }) => ({
          status: 'failed',
          attempts: eb('ingestion_series.attempts', '+', ref('excluded.attempts')),
          last_request_at: ref('excluded.last_request_at'),
          error_kind: ref('excluded.error_kind'),
          error: ref('excluded.error'),
        })),
      )
      .execute();
  }
}
