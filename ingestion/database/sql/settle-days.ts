// What an answer says of days besides their prices.
import { type Kysely, sql } from 'kysely';
import { type Day, dayOf, HOUR_MS, type Instant } from '../../domain/day.ts';
import { type CrossRateBase, NO_STATES_MONEY, type Series, seriesName } from '../../domain/series.ts';
import type { AnsweredDays } from '../../ports.ts';
import { inChunks, onSameDay, onSameSeries, toIso, unnestRows } from '../statements.ts';
import type { Tables } from '../tables.ts';
import type { SeriesChange } from './upsert-daily-prices.ts';

/** Two answers closer together than this may share one outage of the source. */
const CONFIRMATION_AFTER_MS = 20 * HOUR_MS;

/** Where a day is recorded already, another run's answer confirms it. */
const CONFIRMING = sql`on conflict (coin_id, currency, day) do update set confirmed_run_id = excluded.first_run_id
  where recorded.confirmed_run_id is null and recorded.first_run_id <> excluded.first_run_id
    and recorded.recorded_at <= excluded.recorded_at - make_interval(secs => ${CONFIRMATION_AFTER_MS / 1000})`;

const DAY = { coin_id: 'text', currency: 'text', day: 'date' } as const;
const SETTLED = {
  ...DAY,
  is_written: 'boolean',
  is_judged: 'boolean',
  is_absent: 'boolean',
  is_priced: 'boolean',
  received_at: 'timestamptz',
} as const;
const REJECTED = { ...DAY, is_written: 'boolean', observed_at: 'timestamptz', price: 'text', reason: 'text' } as const;

type SettledAnswer = Pick<AnsweredDays, 'series' | 'rejected' | 'judgedDays' | 'absentDays' | 'pricedDays'> & {
  readonly receivedAt: Instant;
};

/** The day of a list of that name has no row. */
const hasNoRow = (list: string) =>
  sql`not exists (select from daily_prices as price where ${onSameDay('price', list)})`;

/**
 * - A provisional row of a day that the answer holds nothing of goes: no run could finish it. Without a row the day is unconfirmed,
 *   and unavailable after such an answer of another run, long enough after the first. A price of the day lifts that.
 * - Rejected samples are those of the answer that the day's row was made from, and go with it. Of a day without a row they are those
 *   of the last answer.
 *
 * @param changes what became of the rows just now.
 */
export async function settleDays(
  db: Kysely<Tables>,
  runId: string,
  answered: readonly SettledAnswer[],
  changes: readonly SeriesChange[],
): Promise<void> {
  const keyOf = (series: Series, day: Day) => `${seriesName(series)} ${day}`;
  const written = new Set(changes.flatMap((one) => (one.isWritten ? keyOf(one.series, one.day) : [])));
  const rowOf = (series: Series, day: Day) => ({ ...series, day, isWritten: written.has(keyOf(series, day)) });
  const days = answered.flatMap(({ series, judgedDays, absentDays, pricedDays, receivedAt }) => {
    const [judged, absent, priced] = [new Set(judgedDays), new Set(absentDays), new Set(pricedDays)];
    return [...new Set([...judgedDays, ...pricedDays])].map((day) => ({
      ...{ ...rowOf(series, day), receivedAt: toIso(receivedAt) },
      ...{ isJudged: judged.has(day), isAbsent: absent.has(day), isPriced: priced.has(day) },
    }));
  });
  const rejected = answered.flatMap(({ series, rejected }) =>
    rejected.map(({ observedAt, ...sample }) => ({
      ...rowOf(series, dayOf(observedAt)),
      ...sample,
      observedAt: toIso(observedAt),
    })),
  );
  for (const chunk of inChunks(days)) {
    const settled = unnestRows('settled', SETTLED, chunk);
    await sql`
      delete from daily_prices using ${settled}
      where ${onSameDay('daily_prices', 'settled')} and is_absent and not is_final
    `.execute(db);
    await sql`
      insert into unavailable_days as recorded (coin_id, currency, day, reason, first_run_id, recorded_at)
      select coin_id, currency, day, 'CoinGecko sent other days and nothing of this one.', ${runId}::uuid, received_at
      from ${settled} where is_absent and ${hasNoRow('settled')}
      ${CONFIRMING}
    `.execute(db);
    await sql`
      delete from unavailable_days using ${settled}
      where ${onSameDay('unavailable_days', 'settled')} and is_priced
    `.execute(db);
    await sql`
      delete from rejected_samples as rejected using ${settled}
      where ${onSameSeries('rejected', 'settled')}
        and observed_at >= day::timestamp at time zone 'UTC' and observed_at < (day + 1)::timestamp at time zone 'UTC'
        and is_judged and (is_written or ${hasNoRow('settled')})
    `.execute(db);
  }
  for (const chunk of inChunks(rejected))
    await sql`
      insert into rejected_samples (run_id, coin_id, currency, observed_at, price, reason)
      select ${runId}::uuid, coin_id, currency, observed_at, price, reason
      from ${unnestRows('sample', REJECTED, chunk)} where is_written or ${hasNoRow('sample')}
      on conflict do nothing
    `.execute(db);
}

/** A series is tracked from its first answer on. What a clock that was ahead has written comes down. */
export async function trackSince(db: Kysely<Tables>, day: Day, answered: readonly Series[]): Promise<void> {
  const columns = { coin_id: 'text', currency: 'text' } as const;
  for (const chunk of inChunks(answered))
    await sql`
      update series set tracked_since = ${day} from ${unnestRows('answered', columns, chunk)}
      where ${onSameSeries('series', 'answered')}
        and (tracked_since is null or tracked_since > ${day}::date)
    `.execute(db);
}

/**
 * A series is known to begin with the first sample of an answer whose window began 24 h or more earlier. Of what the run's
 * answers show, the earliest sample counts; one that is earlier than the known beginning makes it unknown again. A series
 * with an older row has begun before.
 */
export async function learnBeginnings(db: Kysely<Tables>, runId: string): Promise<void> {
  await sql`
    update series
    set begins_at = case when shown.is_beginning and not exists (
      select from daily_prices as price
      where (price.coin_id, price.currency) = (series.coin_id, series.currency)
        and price.day < (shown.first_sample_at at time zone 'UTC')::date
    ) then shown.first_sample_at end
    from (
      select distinct on (coin_id, currency) coin_id, currency, first_sample_at,
        first_sample_at >= window_from + interval '24 hours' as is_beginning
      from answers
      where run_id = ${runId} and first_sample_at is not null
      order by coin_id, currency, first_sample_at
    ) as shown
    where (series.coin_id, series.currency) = (shown.coin_id, shown.currency)
      and (shown.is_beginning and begins_at is null or begins_at > shown.first_sample_at)
  `.execute(db);
}

/**
 * An empty answer says of a day before the series' known beginning that it does not exist: it is unconfirmed, and
 * unavailable after a second such answer of another run, long enough after the first. Days younger than 72 h are left out.
 * Of a coin whose other currencies are derived it says so of them too.
 */
export async function recordDaysBeforeBeginning(
  db: Kysely<Tables>,
  { runId, base }: { runId: string; base: CrossRateBase | null },
): Promise<void> {
  await sql`
    insert into unavailable_days as recorded (coin_id, currency, day, reason, first_run_id, recorded_at)
    select series.coin_id, series.currency, empty.first_day + number,
      'CoinGecko sent nothing of this time, and the series begins later.', ${runId}, max(empty.received_at)
    from answers as empty
    join series as asked on (asked.coin_id, asked.currency) = (empty.coin_id, empty.currency)
    join series on series.coin_id = empty.coin_id and (series.currency = empty.currency
      or empty.currency = ${base?.currency ?? null}::text and empty.coin_id <> ${base?.coin ?? null}::text
        and series.is_tracked and series.currency <> all(${[...NO_STATES_MONEY]}::text[]))
    cross join lateral generate_series(0, empty.last_day - empty.first_day) as number
    where empty.run_id = ${runId} and empty.sample_count = 0
      and empty.first_day + number < (asked.begins_at at time zone 'UTC')::date
      and (empty.first_day + number + 4)::timestamp at time zone 'UTC' <= empty.received_at
      and not exists (
        select from daily_prices as price
        where (price.coin_id, price.currency, price.day) = (series.coin_id, series.currency, empty.first_day + number)
      )
    group by series.coin_id, series.currency, empty.first_day + number
    ${CONFIRMING}
  `.execute(db);
}
