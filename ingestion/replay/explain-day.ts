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
import { AGGREGATION_VERSION } from '../domain/daily-price.ts';
import type { Day } from '../domain/day.ts';
import type { Series } from '../domain/series.ts';
import { type Difference, differences, type Explanation, explainDay } from '../domain/trace-day.ts';
import { remakeSamples } from './remake-samples.ts';

/** An answer that prices were made from. Moments are ISO 8601. */
export type ExplainedAnswer = Series & {
  readonly id: number;
  readonly runId: string;
  readonly receivedAt: string;
  readonly windowFrom: string;
  readonly windowTo: string;
  readonly sha256: string;
  readonly isIntact: boolean;
};

/**
 * One stored daily price beside what its stored answer comes to today.
 * @property aggregationVersion the rules that the row was made by, and today's.
 * @property answer the one that the row was made from, or without a row the latest that was asked for the day; null where it
 * is not kept any more.
 * @property references where the price is by a cross rate, the answers that the rate comes from.
 * @property explanation null without an intact answer.
 * @property absence set where answers lacked the day.
 * @property agrees whether the row is, to the last digit, what the answer comes to.
 */
export type ExplainedRow = Series & {
  readonly day: Day;
  readonly stored: Awaited<ReturnType<typeof readDailyPrice>>;
  readonly aggregationVersion: { readonly stored: number | null; readonly current: number };
  readonly answer: ExplainedAnswer | null;
  readonly references: readonly ExplainedAnswer[];
  readonly explanation: Explanation | null;
  readonly differences: readonly Difference[];
  readonly revisions: Awaited<ReturnType<typeof readRevisions>>;
  readonly absence: Awaited<ReturnType<typeof readAbsence>>;
  readonly agrees: boolean;
};

export async function explainStored(db: Kysely<Tables>, series: Series, day: Day): Promise<ExplainedRow> {
  const stored = await readDailyPrice(db, series, day);
  const latest = stored ? null : await readAnswerFor(db, series, day);
  const answers = stored ? await readAnswersOf(db, series, day) : latest ? [latest] : [];
  const [answer, ...others] = answers;
  // Those in the coin's own currency first, whichever was stored first.
  const isInOwn = ({ currency }: Series) => currency === answer?.currency;
  const references = [...others.filter(isInOwn), ...others.filter((one) => !isInOwn(one))];
  const remade = remakeSamples(series.currency, answers);
  const explanation = remade && explainDay(remade.samples, remade, remade.receivedAt, day);
  const differing = stored && explanation?.price ? differences(stored, explanation.price) : [];
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

const describe = (answer: KeptAnswer): ExplainedAnswer => ({
  coin: answer.coin,
  currency: answer.currency,
  id: answer.id,
  runId: answer.runId,
  receivedAt: new Date(answer.receivedAt).toISOString(),
  windowFrom: new Date(answer.window.from).toISOString(),
  windowTo: new Date(answer.window.to).toISOString(),
  sha256: answer.sha256,
  isIntact: answer.body !== null,
});
