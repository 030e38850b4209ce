import { type Kysely, sql } from 'kysely';
import { AGGREGATION_VERSION, type DailyPrice, type PriceOrigin } from '../../domain/daily-price.ts';
import type { Day, Instant } from '../../domain/day.ts';
import type { PriceChange } from '../../domain/quality.ts';
import type { Series } from '../../domain/series.ts';
import { columnNames, fromRow, toIso, unnestRows } from '../statements.ts';
import type { ColumnTypes, Tables } from '../tables.ts';

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
  is_thin: 'boolean',
  is_final: 'boolean',
  source: 'text',
  aggregation_version: 'integer',
} satisfies ColumnTypes;

const list = (names: readonly string[], table?: string) =>
  sql.join(names.map((name) => sql.ref(table ? `${table}.${name}` : name)));
const values = (table?: string) => list(columnNames(VALUES), table);
const wholeRow = (table?: string) =>
  list(['coin_id', 'currency', 'day', ...columnNames(VALUES), 'revision', 'run_id', 'answer_ids', 'updated_at'], table);

/** A list of answers travels as the text of its array: lists of lists would be unnested to the ground. */
const INCOMING = {
  coin_id: 'text',
  currency: 'text',
  day: 'date',
  ...VALUES,
  hours_answered: 'integer',
  is_asked: 'boolean',
  answer_ids: 'text',
} satisfies ColumnTypes;

/**
 * The one statement that writes daily prices. Rows only move forward:
 * - A provisional row gives way to a final one, and to a provisional one that covers as many hours or more.
 * - A final row gives way only to a final one that was asked for and covers as many hours or more, computed by the same
 *   version or a newer one. A newer version may have rejected samples that the older one counted: of it, the hours with
 *   rejected samples count too. A direct one replaces one by cross rates whatever the hours, and never the reverse. The old
 *   values go to `daily_price_revisions`.
 * - A row that says what is stored already is not written.
 *
 * A day that gets a row is no longer unavailable.
 *
 * `before` looks each row up by its key (a plain join reads the whole table while its statistics lag behind), locks it and
 * reads it as it is under the lock. A row that another transaction has added since the
 * statement began is not in it: adding it once more fails, and the transaction is to be repeated. An upsert (`on conflict`)
 * would take twice the time for rows that are new, as most are.
 *
 * @returns what became of each price that was asked for or written, of each series in day order.
 */
export async function upsertDailyPrices(
  db: Kysely<Tables>,
  { runId, now }: { runId: string; now: Instant },
  prices: readonly IncomingPrice[],
): Promise<SeriesChange[]> {
  const { rows } = await sql<Outcome>`
    with incoming as materialized (
      select * from ${unnestRows('price', INCOMING, prices.map(toRow))}
    ),
    before as materialized (
      select stored.* from incoming cross join lateral (
        select * from daily_prices as price
        where (price.coin_id, price.currency, price.day) = (incoming.coin_id, incoming.currency, incoming.day)
        for update
      ) as stored
    ),
    added as (
      insert into daily_prices (coin_id, currency, day, ${values()}, revision, run_id, answer_ids, updated_at)
      select coin_id, currency, day, ${values()}, 0, ${runId}, answer_ids::bigint[], ${toIso(now)}::timestamptz
      from incoming
      where not exists (
        select from before
        where (before.coin_id, before.currency, before.day) = (incoming.coin_id, incoming.currency, incoming.day)
      )
      returning coin_id, currency, day
    ),
    moved as (
      update daily_prices as stored set
        (${values()}) = row(${values('incoming')}),
        revision = stored.revision + stored.is_final::integer,
        run_id = ${runId},
        answer_ids = incoming.answer_ids::bigint[],
        updated_at = ${toIso(now)}
      from before join incoming using (coin_id, currency, day)
      where (stored.coin_id, stored.currency, stored.day) = (before.coin_id, before.currency, before.day)
        and (${values('before')}) is distinct from (${values('incoming')})
        and case when before.is_final
          then incoming.is_asked and incoming.is_final and case when before.source = incoming.source
            then incoming.aggregation_version >= before.aggregation_version
              and before.hours_covered <= case when incoming.aggregation_version > before.aggregation_version
                then incoming.hours_answered
                else incoming.hours_covered
              end
            else incoming.source = 'direct'
          end
          else incoming.is_final or incoming.hours_covered >= before.hours_covered
        end
      returning stored.coin_id, stored.currency, stored.day
    ),
    written as (select * from added union all select * from moved),
    revised as (
      insert into daily_price_revisions (${wholeRow()}, replaced_at, replaced_by_run_id)
      select ${wholeRow('before')}, ${toIso(now)}::timestamptz, ${runId}
      from before join written using (coin_id, currency, day)
      where before.is_final
    ),
    found as (
      delete from unavailable_days where (coin_id, currency, day) in (select coin_id, currency, day from written)
    )
    select incoming.coin_id, incoming.currency, incoming.day, written.day is not null as is_written,
      before.is_final as was_final, before.average as old_average, before.hours_covered as old_hours,
      before.aggregation_version as old_version,
      incoming.average, incoming.hours_covered, incoming.aggregation_version
    from incoming left join written using (coin_id, currency, day) left join before using (coin_id, currency, day)
    where is_asked or written.day is not null
    order by incoming.coin_id, incoming.currency, incoming.day
  `.execute(db);
  return rows.map(toChange);
}

/**
 * A price on its way. No series and day may come twice in one statement.
 * @property isAsked whether the request was made for the day; otherwise no final row is replaced.
 * @property answerIds of the answers that it was made from.
 */
export type IncomingPrice = {
  readonly series: Series;
  readonly price: DailyPrice;
  readonly source: PriceOrigin;
  readonly isAsked: boolean;
  readonly answerIds: readonly number[];
};

export type SeriesChange = PriceChange & { readonly series: Series };

/** What was stored before is null where nothing was. */
type Outcome = { coin_id: string; currency: string; day: Day; is_written: boolean; was_final: boolean | null } & Record<
  'old_average' | 'old_hours' | 'old_version' | 'average' | 'hours_covered' | 'aggregation_version',
  number
>;

const toRow = ({ series, price, answerIds, ...origin }: IncomingPrice) => ({
  ...{ ...series, ...price, ...origin },
  answerIds: `{${answerIds.join(',')}}`,
  firstSampleAt: toIso(price.firstSampleAt),
  lastSampleAt: toIso(price.lastSampleAt),
  aggregationVersion: AGGREGATION_VERSION,
});

function toChange(row: Outcome): SeriesChange {
  const { coin, currency, day, isWritten, wasFinal, oldAverage, oldHours, oldVersion, ...after } = fromRow(row);
  const old = { average: oldAverage, hoursCovered: oldHours, aggregationVersion: oldVersion };
  const before = wasFinal === null ? null : { isFinal: wasFinal, ...old };
  return { series: { coin, currency }, day, isWritten, before, after };
}
