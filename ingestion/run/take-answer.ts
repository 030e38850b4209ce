import type { PlannedRequest } from '../domain/planning.ts';
import type { RunDependencies, SourceResponse } from '../ports.ts';
import type { CurrencyComparison } from './compare-currencies.ts';
import type { Derivation } from './derive-prices.ts';
import type { Stored } from './fetch-windows.ts';
import { makeDays } from './make-days.ts';
import type { OpenRun } from './open-run.ts';

/**
 * Aggregates an answer at once, for its own series and those that are derived from it, and lets it go.
 * @returns what stores all that it came to, told how many attempts it took.
 */
export function takeAnswer(
  request: PlannedRequest,
  answer: SourceResponse,
  {
    run,
    currencies,
    derivation,
    deps,
  }: { run: OpenRun; currencies: CurrencyComparison; derivation: Derivation; deps: RunDependencies },
): (attempts: number) => Promise<Stored> {
  const { series, window, serves } = request;
  const { samples, body, receivedAt } = answer;
  const own = makeDays(series, samples, { window, gapDays: serves[0]?.gapDays ?? [] }, receivedAt, deps);
  const { answered, withoutRate } = derivation.derive(request, answer);
  const keepAsReference = derivation.reference(request, answer);
  const toStore = {
    runId: run.order.runId,
    ...request,
    answer: { body, receivedAt },
    sampleCount: samples.prices.length,
    firstSampleAt: own.firstSampleAt,
    answered: [{ ...own, source: 'direct' as const, otherAnswerIds: [] }, ...answered],
  };
  return async (attempts) => {
    const stored = await deps.repositories.prices.storeAnswer({ ...toStore, attempts });
    currencies.add(request, own.hourlyMeans);
    keepAsReference(stored.id);
    return { ...stored, withoutRate };
  };
}
