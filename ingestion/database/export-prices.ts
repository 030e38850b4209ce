import { type Kysely, sql } from 'kysely';
import type { Universe } from '../contract/universe-schema.ts';
import type { Day } from '../domain/day.ts';
import type { Tables } from './tables.ts';

/** What to export; all of it where nothing is said. */
export type ExportSelection = {
  readonly from?: Day | undefined;
  readonly to?: Day | undefined;
  readonly coins?: readonly string[] | undefined;
  readonly currencies?: readonly string[] | undefined;
};

/** Columns as in `daily_prices`, in the order of their use. */
const COLUMNS = [
  'coin_id',
  'currency',
  'day',
  'open',
  'high',
  'low',
  'close',
  'average',
  'volume',
  'market_cap',
  'sample_count',
  'hours_covered',
  'is_final',
  'is_thin',
  'source',
  'revision',
] as const;

/** @returns the statement that gives daily prices by coin, currency and day, provisional ones too. */
export function exportStatement(db: Kysely<Tables>, { from, to, coins, currencies }: ExportSelection) {
  let query = db
    .selectFrom('daily_prices')
    .select(COLUMNS)
    // ISO 8601: PostgreSQL's own text of a moment is read by fewer programs.
    .select(sql`to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`.as('updated_at'))
    .orderBy('coin_id')
    .orderBy('currency')
    .orderBy('day');
  if (from !== undefined) query = query.where('day', '>=', from);
  if (to !== undefined) query = query.where('day', '<=', to);
  if (coins) query = query.where('coin_id', 'in', coins);
  if (currencies) query = query.where('currency', 'in', currencies);
  const { sql: text, parameters: values } = query.compile();
  return { text, values };
}

/** @returns the coins and currencies that prices may be stored of, tracked or not. */
export async function readStoredNames(db: Kysely<Tables>): Promise<Universe> {
  return {
    coins: await db.selectFrom('coins').selectAll().execute(),
    currencies: await db.selectFrom('currencies').selectAll().execute(),
  };
}
