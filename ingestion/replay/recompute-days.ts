import { parseAnswer } from '../coingecko/parse-answer.ts';
import { type KeptAnswer, readAnswers, readOutdated } from '../database/answers.ts';
import type { Database } from '../database/connection.ts';
import { aggregate } from '../domain/aggregation.ts';
import { type Day, spansOf } from '../domain/day.ts';
import type { PriceChange } from '../domain/quality.ts';
import { distinctSeries, type Series, seriesName } from '../domain/series.ts';
import type { Repositories } from '../ports.ts';
import { addReference, conversionOn, noReferences } from '../run/references.ts';

/**
 * What became of the rows that older rules had made. @property largestMove of the averages, as a share of the old one.
 * @property kept today's rules make no row that may replace the stored one.
 * @property undecided the stored answer ends too near to the day to tell faults from moves.
 * @property withoutAnswer no answer is kept, or its body is not the one that was received. @property untried after an interrupt.
 */
export type Recomputed = Awaited<ReturnType<typeof recompute>>;

type Row = Series & { readonly day: Day };

/**
 * Makes the rows of an older aggregation version again, from their stored answers. Asks CoinGecko nothing, and opens no run:
 * one that asks for nothing in particular would count as a full run.
 * @param interrupt aborts when no further answer may be begun.
 * @throws LockTakenError while an ingestion is at work.
 */
export async function recompute({ db }: Database, { lock, prices }: Repositories, interrupt: AbortSignal) {
  const held = await lock.acquire(0);
  try {
    const outdated = await readOutdated(db);
    const renewed: (Row & PriceChange)[] = [];
    const kept: Row[] = [];
    const undecided: Row[] = [];
    const withoutAnswer: Row[] = [];
    const keyOf = ({ coin, currency, answerIds }: (typeof outdated)[number]) => `${coin}/${currency} ${answerIds}`;
    for (const rows of Map.groupBy(outdated, keyOf).values()) {
      if (interrupt.aborted) break;
      const [{ coin, currency, answerIds }] = rows as [(typeof outdated)[number]];
      const answers = await readAnswers(db, coin, answerIds);
      const remade = remakeSamples(currency, answers);
      const [own] = answers;
      if (!remade || !own) {
        withoutAnswer.push(...rows);
        continue;
      }
      const gapDays = rows.map(({ day }) => day);
      const made = aggregate(remade.samples, { ...remade, gapDays }, remade.receivedAt, remade.conversionOn);
      const stored = new Map(rows.map((row) => [row.day, row]));
      const changes = await prices.renewPrices({
        ...{ runId: own.runId, series: { coin, currency }, answerIds: answers.map(({ id }) => id) },
        source: answers.length === 1 ? 'direct' : 'cross_rate',
        // What the day was judged as stays: the stored answer may have had less margin than today's have.
        prices: made.prices.flatMap((price) => {
          const row = stored.get(price.day);
          return !row || made.undecidedDays.includes(price.day) ? [] : [{ ...price, ...row.judged }];
        }),
        rejected: made.rejected,
      });
      const written = new Map(changes.filter(({ isWritten }) => isWritten).map((change) => [change.day, change]));
      for (const row of rows) {
        const change = written.get(row.day);
        if (change) renewed.push({ ...row, ...change });
        else if (made.undecidedDays.includes(row.day)) undecided.push(row);
        else kept.push(row);
      }
    }
    const moves = renewed
      .map(({ coin, currency, day, before, after }) => ({ coin, currency, day, share: moveOf(before, after) }))
      .filter(({ share }) => share > 0)
      .sort((a, b) => b.share - a.share);
    return {
      outdated: outdated.length,
      renewed: renewed.length,
      averagesMoved: moves.length,
      largestMove: moves[0] ?? null,
      kept: bySeries(kept),
      undecided: bySeries(undecided),
      withoutAnswer: bySeries(withoutAnswer),
      untried: outdated.length - renewed.length - kept.length - undecided.length - withoutAnswer.length,
    };
  } finally {
    await held.release();
  }
}

const moveOf = (before: PriceChange['before'], after: PriceChange['after']): number =>
  before === null ? 0 : Math.abs(after.average - before.average) / before.average;

function bySeries(rows: readonly Row[]) {
  const rowsOf = Map.groupBy(rows, seriesName);
  return distinctSeries(rows).map(({ coin, currency }) => ({
    ...{ coin, currency },
    spans: spansOf(rowsOf.get(seriesName({ coin, currency }))?.map(({ day }) => day) ?? []),
  }));
}

/** What days of a series are made from again. @property conversionOn undefined where prices are as they were sent. */
export type Remade = NonNullable<ReturnType<typeof remakeSamples>>;

/**
 * @param currency of the series.
 * @param answers its coin's own first; where there are others, its prices are derived from all of them.
 * @returns null where an answer is not kept any more, or was changed after it was stored.
 */
export function remakeSamples(currency: string, answers: readonly KeptAnswer[]) {
  const [own, ...others] = answers;
  if (!own?.body) return null;
  const { window, receivedAt } = own;
  const samples = parseAnswer(own.body);
  const references = noReferences();
  for (const { body, gapDays, ...other } of others) {
    if (!body) return null;
    const [firstDay, lastDay] = [gapDays[0], gapDays.at(-1) ?? gapDays[0]];
    addReference(references, other.currency, { ...other, firstDay, lastDay, prices: parseAnswer(body).prices });
  }
  const convert = (day: Day) => conversionOn(references, own.currency, currency, day)?.conversion ?? null;
  return { window, receivedAt, samples, conversionOn: others.length === 0 ? undefined : convert };
}
