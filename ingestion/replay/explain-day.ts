import type { Kysely } from 'kysely';
import {
  type KeptAnswer,
  readAbsence,
  readAnswerFor,
  readAnswersOf,
  readDailyPrice,
  readRevisions,
} from '../database/answers.ts';
import type { Tables } from '../database/tables.ts';
import { aggregate, countedSamples, mean, meansByHour } from '../domain/aggregation.ts';
import { AGGREGATION_VERSION, type DailyPrice } from '../domain/daily-price.ts';
import { type Day, dayOf, HOUR_MS, startOf } from '../domain/day.ts';
import { SURROUNDINGS_MS } from '../domain/outliers.ts';
import type { Series } from '../domain/series.ts';
import { type Remade, remakeSamples } from './recompute-days.ts';

/**
 * One stored daily price beside what its stored answer comes to today.
 * @property answer the one that the row was made from, or without a row the latest that was asked for the day; null where it
 * is not kept any more. @property references the answers that its rate comes from, if any.
 * @property explanation null without an intact answer. @property absence set where answers lacked the day.
 * @property agrees whether the row is, to the last digit, what the answer comes to.
 */
export type ExplainedRow = Awaited<ReturnType<typeof explainStored>>;

export async function explainStored(db: Kysely<Tables>, series: Series, day: Day) {
  const stored = await readDailyPrice(db, series, day);
  const latest = stored ? null : await readAnswerFor(db, series, day);
  const answers = stored ? await readAnswersOf(db, series, day) : latest ? [latest] : [];
  const [answer, ...others] = answers;
  // Those in the coin's own currency first, whichever was stored first.
  const isInOwn = ({ currency }: Series) => currency === answer?.currency;
  const references = [...others.filter(isInOwn), ...others.filter((one) => !isInOwn(one))];
  const remade = remakeSamples(series.currency, answers);
  const explanation = remade && explainDay(remade, day);
  // Answers of older programs have less margin than a final row needs today: what the row was judged as stands.
  const judged = stored && remade && remade.window.from > startOf(day) - SURROUNDINGS_MS ? judgedAs(stored) : {};
  const differing = stored && explanation?.price ? differences(stored, { ...explanation.price, ...judged }) : [];
  return {
    ...series,
    day,
    stored,
    aggregationVersion: { stored: stored?.aggregationVersion ?? null, current: AGGREGATION_VERSION },
    answer: answer ? describe(answer) : null,
    references: references.map(describe),
    explanation,
    differences: differing,
    revisions: await readRevisions(db, series, day),
    absence: await readAbsence(db, series, day),
    agrees: Boolean(stored && explanation?.price) && differing.length === 0,
  };
}

const judgedAs = ({ isSettled, isThin, isFinal }: Judged): Judged => ({ isSettled, isThin, isFinal });
type Judged = Pick<DailyPrice, 'isSettled' | 'isThin' | 'isFinal'>;

/** An answer that prices were made from. Moments are ISO 8601. */
export type ExplainedAnswer = ReturnType<typeof describe>;

const describe = ({ id, coin, currency, runId, receivedAt, window, sha256, body }: KeptAnswer) => ({
  ...{ coin, currency, id, runId },
  receivedAt: new Date(receivedAt).toISOString(),
  windowFrom: new Date(window.from).toISOString(),
  windowTo: new Date(window.to).toISOString(),
  ...{ sha256, isIntact: body !== null },
});

/**
 * How a daily price comes about, from the samples of one answer. @property hours 0 to 23, in UTC, with their counted samples.
 * @property meanOfHours before it is clamped to [low, high]; null where no sample is counted.
 */
export type Explanation = ReturnType<typeof explainDay>;

export function explainDay({ samples, window, receivedAt, conversionOn }: Remade, day: Day) {
  const { prices, rejected } = aggregate(samples, { window, gapDays: [day] }, receivedAt, conversionOn);
  const counted = countedSamples(samples, day, window, conversionOn?.(day) ?? undefined);
  const means = meansByHour(counted);
  const hours = [...means].map(([sinceEpoch, mean]) => ({
    hour: sinceEpoch - startOf(day) / HOUR_MS,
    mean,
    samples: counted.filter(({ at }) => Math.floor(at / HOUR_MS) === sinceEpoch),
  }));
  return {
    hours,
    meanOfHours: hours.length === 0 ? null : mean([...means.values()]),
    rejected: rejected.filter(({ observedAt }) => dayOf(observedAt) === day),
    price: prices.find((price) => price.day === day) ?? null,
  };
}

/** @returns the fields that differ, by the names of `DailyPrice`. Doubles are compared to the last bit. */
export function differences(stored: Omit<DailyPrice, 'hoursAnswered'>, explained: DailyPrice) {
  const { hoursAnswered: _, ...expected } = explained;
  return Object.entries(expected)
    .map(([field, value]) => ({ field, stored: stored[field as keyof typeof stored], explained: value }))
    .filter((one) => one.stored !== one.explained);
}
