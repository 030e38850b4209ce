// Stores what answers come to: several of them in one transaction, by set-based statements.
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Transaction } from 'kysely';
import type { Day, Instant } from '../domain/day.ts';
import { SourceError } from '../domain/failure.ts';
import { findChanges } from '../domain/quality.ts';
import { type Series, seriesName } from '../domain/series.ts';
import type { AnsweredDays, AnswerToStore, Clock, DaysToRenew, StoredAnswer } from '../ports.ts';
import type { Fence } from './fence.ts';
import { insertFindings } from './findings.ts';
import { inBatches } from './in-batches.ts';
import { recordOutcomes } from './runs.ts';
import { settleDays, trackSince } from './sql/settle-days.ts';
import { type IncomingPrice, type SeriesChange, upsertDailyPrices } from './sql/upsert-daily-prices.ts';
import { inChunks, toIso } from './statements.ts';
import type { Tables } from './tables.ts';

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
        const message = `CoinGecko's answer for ${name} was rejected by the database: ${error.message}`;
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
  const settled = answered.map(({ toStore, ...days }) => ({ ...days, receivedAt: toStore.answer.receivedAt }));
  await settleDays(transaction, runId, settled, changes);
  await trackSince(
    transaction,
    first.toStore.trackedSince,
    answered.map(({ series }) => series),
  );
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
  const settled = { ...days, judgedDays: gapDays, absentDays: [], pricedDays: [], receivedAt: now };
  await settleDays(transaction, runId, [settled], changes);
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

async function noteWrite(transaction: Transaction<Tables>, runId: string, now: Instant): Promise<void> {
  await transaction
    .updateTable('ingestion_runs')
    .set({ last_write_at: toIso(now) })
    .where('id', '=', runId)
    .execute();
}
