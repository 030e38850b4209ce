import { type Kysely, sql } from 'kysely';
import { AGGREGATION_VERSION, type DailyPrice } from '../../domain/daily-price.ts';
import type { Day, Instant } from '../../domain/day.ts';
import type { PriceChange } from '../../domain/quality.ts';
import type { Series } from '../../domain/series.ts';
import { type ColumnTypes, columnNames, toIso, unnestRows } from '../statements.ts';
import type { Tables } from '../tables.ts';

/** What a row says of its day. Rows that agree in these are the same, whichever run wrote them. */
const VALUES = {
  open: 'numeric',
  high: 'numeric',
  low: 'numeric',
  close: 'numeric',
  average: 'numeric',
  volume: 'numeric',
  market_cap: 'numeric',
  sample_count: 'integer',
  hours_covered: 'integer',
  first_sample_at: 'timestamptz',
  last_sample_at: 'timestamptz',
  is_settled: 'boolean',
  is_final: 'boolean',
  aggregation_version: 'integer',
} satisfies ColumnTypes;

const list = (names: readonly string[], table?: string) =>
  sql.join(names.map((name) => sql.ref(table ? `${table}.${name}` : name)));
const values = (table?: string) => list(columnNames(VALUES), table);
const wholeRow = (table?: string) =>
  list(['coin_id', 'currency', 'day', ...columnNames(VALUES), 'revision', 'run_id', 'updated_at'], table);

/**
 * The one statement that writes daily prices. Rows only move forward:
 * - A provisional row gives way to a final one, and to a provisional one that covers as many hours or more.
 * - A final row gives way only to a final one that covers as many hours or more, computed by the same version or a newer
 *   one. Its old values go to `daily_price_revisions`.
 * - A row that says what is stored already is not written.
 *
 * A day that gets a row is no longer unavailable.
 *
 * `before` locks the stored rows and reads them as they are under the lock. The update asks for its row in `before`
 * first, so no row is written before it was read. A row that another transaction has added since the statement began is
 * not in `before`: it stays as it is, since its old values couldn't be kept.
 *
 * @returns what became of each price, in day order.
 */
export async function upsertDailyPrices(
  db: Kysely<Tables>,
  { runId, series, now }: { runId: string; series: Series; now: Instant },
  prices: readonly DailyPrice[],
): Promise<PriceChange[]> {
  const { rows } = await sql<Outcome>`
    with incoming as materialized (select * from ${unnestRows('price', { day: 'date', ...VALUES }, prices.map(toRow))}),
    before as materialized (
      select * from daily_prices
      where (coin_id, currency) = (${series.coin}, ${series.currency}) and day in (select day from incoming)
      for update
    ),
    written as (
      insert into daily_prices as stored (coin_id, currency, day, ${values()}, revision, run_id, updated_at)
      select ${series.coin}, ${series.currency}, day, ${values()}, 0, ${runId}, ${toIso(now)}::timestamptz from incoming
      on conflict (coin_id, currency, day) do update set
        (${values()}) = (${values('excluded')}),
        revision = stored.revision + stored.is_final::integer,
        run_id = excluded.run_id,
        updated_at = excluded.updated_at
      where stored.day in (select day from before)
        and (${values('stored')}) is distinct from (${values('excluded')})
        and case when stored.is_final
          then excluded.is_final and excluded.hours_covered >= stored.hours_covered
            and excluded.aggregation_version >= stored.aggregation_version
          else excluded.is_final or excluded.hours_covered >= stored.hours_covered
        end
      returning day
    ),
    revised as (
      insert into daily_price_revisions (${wholeRow()}, replaced_at, replaced_by_run_id)
      select ${wholeRow('before')}, ${toIso(now)}::timestamptz, ${runId} from before join written using (day)
      where before.is_final
    ),
    found as (
      delete from unavailable_days
      where (coin_id, currency) = (${series.coin}, ${series.currency}) and day in (select day from written)
    )
    select incoming.day, written.day is not null as is_written,
      before.is_final as was_final, before.average as old_average, before.hours_covered as old_hours,
      before.aggregation_version as old_version,
      incoming.average, incoming.hours_covered, incoming.aggregation_version
    from incoming left join written using (day) left join before using (day)
    order by incoming.day
  `.execute(db);
  return rows.map(toChange);
}

/** What was stored before is null where nothing was. */
type Outcome = {
  day: Day;
  is_written: boolean;
  was_final: boolean | null;
  old_average: number;
  old_hours: number;
  old_version: number;
  average: number;
  hours_covered: number;
  aggregation_version: number;
};

const toRow = (price: DailyPrice) => ({
  day: price.day,
  open: price.open,
  high: price.high,
  low: price.low,
  close: price.close,
  average: price.average,
  volume: price.volume,
  market_cap: price.marketCap,
  sample_count: price.sampleCount,
  hours_covered: price.hoursCovered,
  first_sample_at: toIso(price.firstSampleAt),
  last_sample_at: toIso(price.lastSampleAt),
  is_settled: price.isSettled,
  is_final: price.isFinal,
  aggregation_version: AGGREGATION_VERSION,
});

const toChange = (row: Outcome): PriceChange => ({
  day: row.day,
  isWritten: row.is_written,
  before:
    row.was_final === null
      ? null
      : {
          isFinal: row.was_final,
          average: row.old_average,
          hoursCovered: row.old_hours,
          aggregationVersion: row.old_version,
        },
  after: { average: row.average, hoursCovered: row.hours_covered, aggregationVersion: row.aggregation_version },
});
