// What a run came to in each of its series.
import type { Kysely } from 'kysely';
import type { Instant } from '../domain/day.ts';
import type { Window } from '../domain/planning.ts';
import type { Series } from '../domain/series.ts';
import type { RecordedOutcome, SeriesFailure } from '../ports.ts';
import { insertRows, toIso } from './statements.ts';
import type { Tables } from './tables.ts';

export async function readSeriesOutcomes(db: Kysely<Tables>, runId: string): Promise<RecordedOutcome[]> {
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
  const rows = outcomes.map((one) => ({
    run_id: runId,
    coin_id: one.coin,
    currency: one.currency,
    status: one.status,
    attempts: one.attempts ?? 0,
    window_from: one.from === undefined ? null : toIso(one.from),
    window_to: one.to === undefined ? null : toIso(one.to),
    days_written: one.daysWritten ?? 0,
    last_request_at: one.requestedAt === undefined ? null : toIso(one.requestedAt),
    error_kind: one.kind ?? null,
    error: one.message ?? null,
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
