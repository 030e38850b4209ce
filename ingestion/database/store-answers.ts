// Stores what answers come to: several of them in one transaction, by set-based statements.
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { sql, type Transaction } from 'kysely';
import { type Day, dayOf, HOUR_MS, type Instant } from '../domain/day.ts';
import { SourceError } from '../domain/failure.ts';
import { findChanges } from '../domain/quality.ts';
import { type Series, seriesName } from '../domain/series.ts';
import type { AnsweredDays, AnswerToStore, Clock, DaysToRenew, StoredAnswer } from '../ports.ts';
import type { Fence } from './fence.ts';
import { insertFindings } from './findings.ts';
import { inBatches } from './in-batches.ts';
import { recordOutcomes } from './runs.ts';
import { type IncomingPrice, type SeriesChange, upsertDailyPrices } from './sql/upsert-daily-prices.ts';
import { columnNames, inChunks, insertRows, onSameDay, onSameSeries, toIso, unnestRows } from './statements.ts';
import { COLUMNS, type Tables } from './tables.ts';

/** Two answers closer together than this may share one outage of the source. */
export const CONFIRMATION_AFTER_MS = 20 * HOUR_MS;

/** What one transaction stores at most: of 30 days each, some 1,000 rows. */
const MOST_ANSWERS = 32;

/** Half the time of gzip's usual effort, for 3 % more bytes. A chunk holds most answers whole. */
const GZIP = { level: 1, chunkSize: 64 * 1024 } as const;

/** @returns `storeAnswer` of a price repository. */
export function createAnswerWriter(fence: Fence, clock: Clock): (answer: AnswerToStore) => Promise<StoredAnswer> {
  const store = inBatches<PackedAnswer, StoredAnswer>(
    (answers) => fence.writing((transaction) => storeAnswers(transaction, answers, clock.now())),
    {
      most: MOST_ANSWERS,
      // While the server works on one, the next is made ready.
      atOnce: 2,
      // Two answers of one series share a day at the edges of their windows, and a statement can write a row only once.
      keysOf: ({ toStore }) => toStore.answered.map(({ series }) => seriesName(series)),
      isFaultOfItem: isFaultOfValues,
    },
  );
  return (toStore) => {
    const name = seriesName(toStore.series);
    return pack(toStore)
      .then(store)
      .catch((error: unknown) => {
        if (!isFaultOfValues(error)) throw error;
        const message = `CoinGecko's answer for ${name} comes to what the database refuses: ${error.message}`;
        throw new SourceError('malformed', `${message}. Nothing of it was stored`, { status: 200, cause: error });
      });
  };
}

/** @returns what is to be stored, without the body as it came, which is larger than all the rest. */
async function pack({ answer: { body, receivedAt }, ...rest }: AnswerToStore): Promise<PackedAnswer> {
  const sha256 = createHash('sha256').update(body).digest('hex');
  return { toStore: { ...rest, answer: { receivedAt } }, sha256, packed: await promisify(gzip)(body, GZIP) };
}

type Packed = Omit<AnswerToStore, 'answer'> & { readonly answer: Pick<AnswerToStore['answer'], 'receivedAt'> };
type PackedAnswer = { readonly toStore: Packed; readonly sha256: string; readonly packed: Buffer };

/** A value out of range (class 22), or one that breaks a rule of the tables (class 23). */
const isFaultOfValues = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && /^2[23]/.test(String(error.code));

async function storeAnswers(
  transaction: Transaction<Tables>,
  answers: readonly PackedAnswer[],
  now: Instant,
): Promise<StoredAnswer[]> {
  const [first] = answers;
  if (!first) return [];
  const { runId } = first.toStore;
  const ids = await insertAnswers(transaction, answers);
  const answered = answers.flatMap(({ toStore }, index) =>
    toStore.answered.map((days) => ({
      ...{ ...days, toStore },
      answerIdsOf: (day: Day) => [ids[index] ?? 0, ...days.otherAnswerIds(day)],
    })),
  );
  const changes = await writePrices(transaction, { runId, now }, answered);
  await insertAbsentDays(transaction, answered);
  await liftMarks(transaction, answered);
  await replaceRejected(transaction, runId, answered, changes);
  await trackSince(transaction, answered);
  await insertFindings(transaction, runId, [
    ...answered.flatMap(({ findings }) => findings),
    ...changes.flatMap((change) => findChanges(change.series, [change])),
  ]);
  const bySeries = Map.groupBy(changes, ({ series }) => seriesName(series));
  const changesOf = ({ series }: { series: Series }) => bySeries.get(seriesName(series)) ?? [];
  const daysWritten = (days: { series: Series }) => changesOf(days).filter(({ isWritten }) => isWritten).length;
  await recordOutcomes(
    transaction,
    runId,
    answered.map(({ toStore: { attempts, answer }, ...days }) => ({
      ...days.series,
      status: 'stored',
      // What is derived was not asked for itself.
      attempts: days.source === 'direct' ? attempts : 0,
      daysWritten: daysWritten(days),
      requestedAt: answer.receivedAt,
    })),
  );
  if (changes.some(({ isWritten }) => isWritten)) await noteWrite(transaction, runId, now);
  const sumOf = (days: readonly AnsweredDays[], count: (one: AnsweredDays) => number) =>
    days.reduce((sum, one) => sum + count(one), 0);
  return answers.map(({ toStore }, index) => {
    const rows = sumOf(toStore.answered, (days) => changesOf(days).length);
    const rowsWritten = sumOf(toStore.answered, daysWritten);
    const derived = toStore.answered.filter(({ source }) => source === 'cross_rate');
    const rowsDerived = sumOf(derived, daysWritten);
    return { id: ids[index] ?? 0, rowsWritten, rowsUnchanged: rows - rowsWritten, rowsDerived };
  });
}

/** Rows only move forward, as ever, and keep the run that fetched them. @returns what became of each price. */
export async function renewDays(
  transaction: Transaction<Tables>,
  days: DaysToRenew,
  now: Instant,
): Promise<SeriesChange[]> {
  const { runId } = days;
  const gapDays = days.prices.map(({ day }) => day);
  const changes = await writePrices(transaction, { runId, now }, [
    { ...days, gapDays, answerIdsOf: () => days.answerIds },
  ]);
  await replaceRejected(transaction, runId, [{ ...days, judgedDays: gapDays }], changes);
  return changes;
}

async function writePrices(
  transaction: Transaction<Tables>,
  origin: { runId: string; now: Instant },
  answered: readonly (Pick<AnsweredDays, 'series' | 'source' | 'gapDays' | 'prices'> & {
    readonly answerIdsOf: (day: Day) => readonly number[];
  })[],
): Promise<SeriesChange[]> {
  const incoming = answered.flatMap(({ prices, gapDays, series, source, answerIdsOf }): IncomingPrice[] => {
    const asked = new Set(gapDays);
    return prices.map((price) => ({
      ...{ series, source, price },
      ...{ answerIds: answerIdsOf(price.day), isAsked: asked.has(price.day) },
    }));
  });
  const changes: SeriesChange[] = [];
  for (const chunk of inChunks(incoming)) changes.push(...(await upsertDailyPrices(transaction, origin, chunk)));
  return changes;
}

/** @returns the id of each, in their order. */
async function insertAnswers(transaction: Transaction<Tables>, answers: readonly PackedAnswer[]): Promise<number[]> {
  const rows = answers.map(({ toStore, sha256, packed }) => {
    const { runId, series, window, gapDays, answer, firstSampleAt, sampleCount } = toStore;
    return {
      run_id: runId,
      coin_id: series.coin,
      currency: series.currency,
      window_from: toIso(window.from),
      window_to: toIso(window.to),
      first_day: gapDays[0],
      last_day: gapDays.at(-1) ?? gapDays[0],
      received_at: toIso(answer.receivedAt),
      sample_count: sampleCount,
      first_sample_at: firstSampleAt === null ? null : toIso(firstSampleAt),
      sha256,
      body: packed,
    };
  });
  // Arrays of bytes travel as text of twice the size; values of their own don't.
  const inserted = await transaction.insertInto('answers').values(rows).returning('id').execute();
  // Rows are numbered in the order that they come in; they may be returned in any.
  return inserted.map(({ id }) => id).sort((one, other) => one - other);
}

/** A day becomes unavailable when a second run, long enough after the first, finds nothing of it either. */
async function insertAbsentDays(
  transaction: Transaction<Tables>,
  answered: readonly (AnsweredDays & { readonly toStore: Packed })[],
): Promise<void> {
  const rows = answered.flatMap(({ absentDays, series, toStore }) =>
    absentDays.map((day) => ({
      ...{ ...series, day },
      reason: 'CoinGecko sent other days and nothing of this one.',
      firstRunId: toStore.runId,
      recordedAt: toIso(toStore.answer.receivedAt),
    })),
  );
  for (const chunk of inChunks(rows)) {
    // No run could finish what the source no longer holds.
    await transaction
      .deleteFrom('daily_prices as price')
      .using(unnestRows('absent', COLUMNS.unavailable_days, chunk))
      .where(onSameDay('price', 'absent'))
      .where('is_final', '=', false)
      .execute();
    const withoutRow = transaction
      .selectFrom(unnestRows('absent', COLUMNS.unavailable_days, chunk))
      .leftJoin('daily_prices as price', (join) => join.on(onSameDay('price', 'absent')))
      .where('price.day', 'is', null)
      .selectAll('absent');
    await transaction
      .insertInto('unavailable_days')
      .columns(columnNames(COLUMNS.unavailable_days))
      .expression(withoutRow)
      .onConflict((conflict) =>
        conflict
          .columns(['coin_id', 'currency', 'day'])
          .doUpdateSet(({ ref }) => ({ confirmed_run_id: ref('excluded.first_run_id') }))
          .where('unavailable_days.confirmed_run_id', 'is', null)
          .whereRef('unavailable_days.first_run_id', '<>', 'excluded.first_run_id')
          .where(
            sql<boolean>`unavailable_days.recorded_at
              <= excluded.recorded_at - make_interval(secs => ${CONFIRMATION_AFTER_MS / 1000})`,
          ),
      )
      .execute();
  }
}

const DAY_OF_SERIES = { coin_id: 'text', currency: 'text', day: 'date' } as const;
type DayOfSeries = Series & { readonly day: Day };
const daysOfSeries = (series: Series, days: readonly Day[]): DayOfSeries[] => days.map((day) => ({ ...series, day }));

/** A day that an answer holds a price of is none that the source never had. */
async function liftMarks(
  transaction: Transaction<Tables>,
  answered: readonly Pick<AnsweredDays, 'series' | 'pricedDays'>[],
): Promise<void> {
  for (const chunk of inChunks(answered.flatMap(({ series, pricedDays }) => daysOfSeries(series, pricedDays))))
    await transaction
      .deleteFrom('unavailable_days as absent')
      .using(unnestRows('priced', DAY_OF_SERIES, chunk))
      .where(onSameDay('absent', 'priced'))
      .execute();
}

/**
 * Rejected samples are those of the answer that a day's row was made from: they go with the row that is replaced. Those of a
 * day without a row are of the last answer that holds it.
 */
async function replaceRejected(
  transaction: Transaction<Tables>,
  runId: string,
  answered: readonly Pick<AnsweredDays, 'series' | 'rejected' | 'judgedDays' | 'prices'>[],
  changes: readonly SeriesChange[],
): Promise<void> {
  const keyOf = (one: DayOfSeries) => `${seriesName(one)} ${one.day}`;
  const priced = new Set(answered.flatMap(({ series, prices }) => prices.map(({ day }) => keyOf({ ...series, day }))));
  const judged = answered.flatMap(({ series, judgedDays }) => daysOfSeries(series, judgedDays));
  const written = changes.filter(({ isWritten }) => isWritten).map(({ series, day }) => ({ ...series, day }));
  const withoutRow = await readWithoutRow(
    transaction,
    judged.filter((one) => !priced.has(keyOf(one))),
  );
  const replaced = new Set([...written, ...withoutRow].map(keyOf));
  const days = judged.filter((one) => replaced.has(keyOf(one)));
  for (const chunk of inChunks(days)) await removeRejected(transaction, chunk);
  const rows = answered.flatMap(({ series, rejected, judgedDays }) =>
    rejected
      .map(({ observedAt, ...sample }) => ({
        ...series,
        ...sample,
        runId,
        observedAt: toIso(observedAt),
        day: dayOf(observedAt),
      }))
      .filter((one) => judgedDays.includes(one.day) && replaced.has(keyOf(one))),
  );
  await insertRows(transaction, 'rejected_samples', rows);
}

/** Those of UTC days, whatever the session's time zone. */
async function removeRejected(transaction: Transaction<Tables>, days: readonly DayOfSeries[]): Promise<void> {
  await transaction
    .deleteFrom('rejected_samples as rejected')
    .using(unnestRows('replaced', DAY_OF_SERIES, days))
    .where(onSameSeries('rejected', 'replaced'))
    .where(sql<boolean>`rejected.observed_at >= replaced.day::timestamp at time zone 'UTC'`)
    .where(sql<boolean>`rejected.observed_at < (replaced.day + 1)::timestamp at time zone 'UTC'`)
    .execute();
}

/** @returns the days that nothing is stored of. */
async function readWithoutRow(transaction: Transaction<Tables>, days: readonly DayOfSeries[]): Promise<DayOfSeries[]> {
  const found: DayOfSeries[] = [];
  for (const chunk of inChunks(days)) {
    const withoutRow = transaction
      .selectFrom(unnestRows('asked', DAY_OF_SERIES, chunk))
      .leftJoin('daily_prices as price', (join) => join.on(onSameDay('price', 'asked')))
      .where('price.day', 'is', null)
      .select(['asked.coin_id as coin', 'asked.currency', 'asked.day']);
    found.push(...(await withoutRow.execute()));
  }
  return found;
}

/** Of a clock that was ahead the first day lies too late: it comes down. */
async function trackSince(
  transaction: Transaction<Tables>,
  answered: readonly { readonly series: Series; readonly toStore: Packed }[],
): Promise<void> {
  const rows = answered.flatMap(({ series, toStore }) => daysOfSeries(series, [toStore.trackedSince]));
  for (const chunk of inChunks(rows))
    await transaction
      .updateTable('series')
      .from(unnestRows('answered', DAY_OF_SERIES, chunk))
      .set(({ ref }) => ({ tracked_since: ref('answered.day') }))
      .where(onSameSeries('series', 'answered'))
      .where(({ eb, or, ref }) => or([eb('tracked_since', 'is', null), eb('tracked_since', '>', ref('answered.day'))]))
      .execute();
}

async function noteWrite(transaction: Transaction<Tables>, runId: string, now: Instant): Promise<void> {
  await transaction
    .updateTable('ingestion_runs')
    .set({ last_write_at: toIso(now) })
    .where('id', '=', runId)
    .execute();
}
