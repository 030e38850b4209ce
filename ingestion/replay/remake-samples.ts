import { parseAnswer } from '../coingecko/parse-answer.ts';
import type { KeptAnswer } from '../database/answers.ts';
import { deriveSamples, ratesBetween } from '../domain/cross-rates.ts';
import type { Samples } from '../domain/daily-price.ts';
import type { Instant } from '../domain/day.ts';
import type { PlannedWindow } from '../domain/planning.ts';

/** What days of a series are made from again. @property receivedAt of the earliest answer. */
export type Remade = PlannedWindow & { readonly samples: Samples; readonly receivedAt: Instant };

/**
 * @param currency of the series.
 * @param answers its coin's own first; where there are others, its prices are derived from all of them.
 * @returns null where an answer is not kept any more, or was changed after it was stored.
 */
export function remakeSamples(currency: string, answers: readonly KeptAnswer[]): Remade | null {
  const [own, ...references] = answers;
  const parsed = answers.flatMap((answer) => (answer.body ? [{ ...answer, samples: parseAnswer(answer.body) }] : []));
  if (!own || parsed.length < answers.length) return null;
  const { window, gapDays } = own;
  const receivedAt = Math.min(...answers.map((answer) => answer.receivedAt));
  const samples = parsed[0]?.samples ?? { prices: [], marketCaps: [], volumes: [] };
  if (references.length === 0) return { window, gapDays, receivedAt, samples };
  const pricesIn = (code: string) =>
    parsed.slice(1).flatMap((one) => (one.currency === code ? one.samples.prices : []));
  const { rates } = ratesBetween(currency, pricesIn(own.currency), pricesIn(currency));
  return { window, gapDays, receivedAt, samples: deriveSamples(samples, rates) };
}
