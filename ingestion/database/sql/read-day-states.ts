import { type Kysely, sql } from 'kysely';
import type { Day } from '../../domain/day.ts';
import type { DayState } from '../../domain/day-state.ts';
import type { DayRange } from '../../ports.ts';
import { unnestRows } from '../statements.ts';
import type { Tables } from '../tables.ts';

/**
 * One row for each day of each range, whether or not anything is stored of it; days with a final row are left out unless
 * `includeFinal`. `was_asked`: an answer that this run has stored was asked for the day.
 *
 * @returns one list per range, in the order given, each in day order.
 */
export async function readDayStates(
  db: Kysely<Tables>,
  runId: string,
  ranges: readonly DayRange[],
  includeFinal: boolean,
): Promise<DayState[][]> {
  const columns = { position: 'integer', coin: 'text', currency: 'text', first: 'date', last: 'date' } as const;
  const range = unnestRows(
    'range',
    columns,
    ranges.map((one, position) => ({ ...one, position })),
  );
  const { rows } = await sql<StateRow>`
    select range.position, expected.day, price.is_final, price.is_settled, price.hours_covered,
      unavailable.confirmed_run_id is not null as is_unavailable,
      exists (
        select from answers
        where (run_id, coin_id, currency) = (${runId}, range.coin, range.currency)
          and expected.day between first_day and last_day
      ) as was_asked
    from ${range}
    cross join lateral (
      select range.first + number as day from generate_series(0, range.last - range.first) as number
    ) as expected
    left join daily_prices as price
      on (price.coin_id, price.currency, price.day) = (range.coin, range.currency, expected.day)
    left join unavailable_days as unavailable
      on (unavailable.coin_id, unavailable.currency, unavailable.day) = (range.coin, range.currency, expected.day)
    where ${includeFinal} or price.is_final is not true
    order by range.position, expected.day
  `.execute(db);
  const byPosition = Map.groupBy(rows, ({ position }) => position);
  return ranges.map((_, position) => (byPosition.get(position) ?? []).map(toState));
}

/** @property is_final null where there is no row. */
type StateRow = {
  position: number;
  day: Day;
  is_final: boolean | null;
  is_settled: boolean;
  hours_covered: number;
  is_unavailable: boolean;
  was_asked: boolean;
};

const toState = (row: StateRow): DayState => ({
  day: row.day,
  row:
    row.is_final === null
      ? null
      : { isFinal: row.is_final, isSettled: row.is_settled, hoursCovered: row.hours_covered },
  isUnavailable: row.is_unavailable,
  wasAsked: row.was_asked,
});
