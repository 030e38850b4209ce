// The stored answers: what every recent daily price can be explained and recomputed from.
import { createHash } from 'node:crypto';
import { type Kysely, type Selectable, sql } from 'kysely';
import { AGGREGATION_VERSION } from '../domain/daily-price.ts';
import { type Day, daysFrom, type Instant } from '../domain/day.ts';
import type { PlannedWindow } from '../domain/planning.ts';
import type { Series } from '../domain/series.ts';
import { unpack } from './prices.ts';
import { fromRow } from './statements.ts';
import type { Tables } from './tables.ts';

/** @property body as it was received; null where the stored one is another: its hash is not the one that was stored with it. */
export type KeptAnswer = Series &
  PlannedWindow & {
    readonly id: number;
    readonly runId: string;
    readonly receivedAt: Instant;
    readonly sha256: string;
    readonly body: Uint8Array | null;
  };

export async function isStoredSeries(db: Kysely<Tables>, { coin, currency }: Series): Promise<boolean> {
  const series = await db
    .selectFrom('series')
    .select('coin_id')
    .where(({ and }) => and({ coin_id: coin, currency }))
    .executeTakeFirst();
  return series !== undefined;
}

/** @returns the stored row and where it came from; null where nothing is stored of the day. */
export async function readDailyPrice(db: Kysely<Tables>, { coin, currency }: Series, day: Day) {
  const row = await db
    .selectFrom('daily_prices')
    .selectAll()
    .where(({ and }) => and({ coin_id: coin, currency, day }))
    .executeTakeFirst();
  return row ? withOrigin(row) : null;
}

/** @returns the values of the day that were replaced, the oldest first. */
export async function readRevisions(db: Kysely<Tables>, { coin, currency }: Series, day: Day) {
  const rows = await db
    .selectFrom('daily_price_revisions')
    .selectAll()
    .where(({ and }) => and({ coin_id: coin, currency, day }))
    .orderBy('revision')
    .execute();
  return rows.map(({ replaced_at, replaced_by_run_id, ...row }) => ({
    ...withOrigin(row),
    replacedAt: replaced_at.toISOString(),
  }));
}

function withOrigin(row: Selectable<Tables['daily_prices']>) {
  const { coin, currency, source, answerIds, updatedAt, ...price } = fromRow(row);
  return price;
}

/** @returns the record of a day that an answer lacked; null where there is none. */
export async function readAbsence(db: Kysely<Tables>, { coin, currency }: Series, day: Day) {
  const absence = await db
    .selectFrom('unavailable_days')
    .select(['reason', 'first_run_id as firstRunId', 'confirmed_run_id as confirmedRunId'])
    .where(({ and }) => and({ coin_id: coin, currency, day }))
    .executeTakeFirst();
  return absence ?? null;
}

/**
 * The answers that a row of `daily_prices as price` was made from. The first version named none, and a program of it that was
 * rolled back to leaves the ids of the row before: of its rows the run's answer counts whose window holds the day, first the
 * one that was asked for it. Prices by cross rates have three answers or more, of which the coin's own was stored last.
 */
const ANSWER_IDS = sql<(number | null)[]>`case when price.source = 'cross_rate' then price.answer_ids else array[(
  select answer.id from answers as answer
  where answer.coin_id = price.coin_id and answer.currency = price.currency and (
    price.aggregation_version > 1 and answer.id = any(price.answer_ids)
    or (price.aggregation_version = 1 or price.answer_ids is null) and answer.run_id = price.run_id
      and price.day::timestamp at time zone 'UTC' >= answer.window_from
      and price.day::timestamp at time zone 'UTC' < answer.window_to
  )
  order by price.day between answer.first_day and answer.last_day desc, answer.id desc
  limit 1
)] end`;

/** @returns the answers that the day's row was made from, its coin's own first; none where one of them is not kept any more. */
export async function readAnswersOf(db: Kysely<Tables>, { coin, currency }: Series, day: Day): Promise<KeptAnswer[]> {
  const row = await db
    .selectFrom('daily_prices as price')
    .select(ANSWER_IDS.as('answerIds'))
    .where(({ and }) => and({ coin_id: coin, currency, day }))
    .executeTakeFirst();
  return await readAnswers(db, coin, row?.answerIds ?? []);
}

/** @returns the latest answer that was asked for the day, whether or not it made a row; null where none is kept. */
export async function readAnswerFor(db: Kysely<Tables>, { coin, currency }: Series, day: Day) {
  const answer = await db
    .selectFrom('answers')
    .selectAll()
    .where(({ and }) => and({ coin_id: coin, currency }))
    .where('first_day', '<=', day)
    .where('last_day', '>=', day)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return answer ? await toKept(answer) : null;
}

/** @returns the rows of an older aggregation version, in day order: as what they were judged, null for an answer not kept. */
export async function readOutdated(db: Kysely<Tables>) {
  const rows = await db
    .selectFrom('daily_prices as price')
    .select(['coin_id as coin', 'currency', 'day', ANSWER_IDS.as('answerIds')])
    .select(['is_settled as isSettled', 'is_thin as isThin', 'is_final as isFinal'])
    .where('aggregation_version', '<', AGGREGATION_VERSION)
    .orderBy(sql`coin_id, currency, day`)
    .execute();
  return rows.map(({ isSettled, isThin, isFinal, ...row }) => ({ ...row, judged: { isSettled, isThin, isFinal } }));
}

/** @returns the answers, those for the coin first; none where one of them is not kept any more. */
export async function readAnswers(
  db: Kysely<Tables>,
  coin: string,
  ids: readonly (number | null)[],
): Promise<KeptAnswer[]> {
  if (ids.length === 0) return [];
  const rows = await db.selectFrom('answers').selectAll().where('id', 'in', ids).orderBy('id').execute();
  if (rows.length < ids.length) return [];
  const answers = await Promise.all(rows.map(toKept));
  return [...answers.filter((one) => one.coin === coin), ...answers.filter((one) => one.coin !== coin)];
}

const sha256 = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex');

async function toKept(row: Selectable<Tables['answers']>): Promise<KeptAnswer> {
  // A body that was changed may be no gzip any more.
  const body = await unpack(row.body).catch(() => null);
  const { windowFrom, windowTo, firstDay, lastDay, sampleCount, firstSampleAt, ...answer } = fromRow(row);
  const [first = firstDay, ...others] = daysFrom(firstDay, lastDay);
  return {
    ...answer,
    window: { from: windowFrom, to: windowTo },
    gapDays: [first, ...others],
    body: body && sha256(body) === row.sha256 ? body : null,
  };
}
