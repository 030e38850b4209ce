import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Day } from '../../domain/day.ts';
import type { DayState } from '../../domain/day-state.ts';
import type { DerivableRange } from '../../ports.ts';
import { unnestRows } from '../statements.ts';
import type { Tables } from '../tables.ts';

/**
 * One row for each day of each range, whether or not anything is stored of it; days with a final row are left out unless
 * `includeFinal`. `was_asked`: answers that this run has stored were asked for the day, of each source of the series.
 *
 * @returns one list per range, in the order given, each in day order.
 */
export async function readDayStates(
  db: Kysely<Tables>,
  runId: string,
  ranges: readonly DerivableRange[],
  includeFinal: boolean,
): Promise<DayState[][]> {
  const columns = {
    position: 'integer',
    coin: 'text',
    currency: 'text',
    asked_currency: 'text',
    reference: 'text',
    first: 'date',
    last: 'date',
  } as const;
  const rowsOfRanges = ranges.map((range, position) => {
    const [asked, reference] = range.sources ?? [range];
    return { ...range, position, asked_currency: asked.currency, reference: reference?.coin ?? null };
  });
  const range = unnestRows('range', columns, rowsOfRanges);
  const wasAsked = (coin: RawBuilder<unknown>, currency: RawBuilder<unknown>) => sql`exists (
    select from answers
    where (run_id, coin_id, currency) = (${runId}, ${coin}, ${currency})
      and expected.day between first_day and last_day
  )`;
  const [askedCurrency, ownCurrency, reference] = ['asked_currency', 'currency', 'reference'].map((column) =>
    sql.ref(`range.${column}`),
  ) as [RawBuilder<unknown>, RawBuilder<unknown>, RawBuilder<unknown>];
  const { rows } = await sql<StateRow>`
    select range.position, expected.day, price.is_final, price.is_thin,
      absent.recorded_at, absent.confirmed_run_id is not null as is_confirmed,
      ${wasAsked(sql.ref('range.coin'), askedCurrency)} and (range.reference is null
        or ${wasAsked(reference, askedCurrency)} and ${wasAsked(reference, ownCurrency)}) as was_asked
    from ${range}
    cross join lateral (
      select range.first + number as day from generate_series(0, range.last - range.first) as number
    ) as expected
    left join daily_prices as price
      on (price.coin_id, price.currency, price.day) = (range.coin, range.currency, expected.day)
    left join unavailable_days as absent
      on (absent.coin_id, absent.currency, absent.day) = (range.coin, range.currency, expected.day)
    where ${includeFinal} or price.is_final is not true
    order by range.position, expected.day
  `.execute(db);
  const byPosition = Map.groupBy(rows, ({ position }) => position);
  return ranges.map((_, position) => (byPosition.get(position) ?? []).map(toState));
}

/** @property is_final null where there is no row. @property recorded_at null where no answer lacked the day. */
type StateRow = {
  position: number;
  day: Day;
  is_final: boolean | null;
  is_thin: boolean;
  recorded_at: Date | null;
  is_confirmed: boolean;
  was_asked: boolean;
};

const toState = (row: StateRow): DayState => ({
  day: row.day,
  row: row.is_final === null ? null : { isFinal: row.is_final, isThin: row.is_thin },
  absence: row.recorded_at && { recordedAt: row.recorded_at.getTime(), isConfirmed: row.is_confirmed },
  wasAsked: row.was_asked,
});
