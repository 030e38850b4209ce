import { type Kysely, sql } from 'kysely';
import type { Day } from '../../domain/day.ts';
import { unnestRows } from '../statements.ts';
import type { Tables } from '../tables.ts';

/** Deletes the rejected samples of UTC days, whatever the session's time zone. */
export async function removeRejected(
  db: Kysely<Tables>,
  days: readonly { readonly coin_id: string; readonly currency: string; readonly day: Day }[],
): Promise<void> {
  await sql`
    delete from rejected_samples as rejected
    using ${unnestRows('replaced', { coin_id: 'text', currency: 'text', day: 'date' }, days)}
    where (rejected.coin_id, rejected.currency) = (replaced.coin_id, replaced.currency)
      and rejected.observed_at >= replaced.day::timestamp at time zone 'UTC'
      and rejected.observed_at < (replaced.day + 1)::timestamp at time zone 'UTC'
  `.execute(db);
}
