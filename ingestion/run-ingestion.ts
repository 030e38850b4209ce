import { aggregate } from './domain/aggregation.ts';
import { LockLostError } from './domain/failure.ts';
import { judgeAnswer } from './domain/quality.ts';
import { isCoinInItself } from './domain/series.ts';
import type { RunResult } from './domain/verdict.ts';
import type { RunDependencies, RunOrder } from './ports.ts';
import { createCurrencyComparison } from './steps/compare-currencies.ts';
import { fetchWindows } from './steps/fetch-windows.ts';
import { failRun, judgeRun } from './steps/judge-run.ts';
import { openRun } from './steps/open-run.ts';
import { planRun } from './steps/plan-run.ts';

/**
 * One attempt to bring the universe up to date: open → plan → fetch → aggregate → store → judge. What is missing is
 * read from the database, so a first run, a continuation, a redelivery and the run after a crash are the same case.
 *
 * @returns the verdict: `complete` only if no expected day is missing.
 * @throws LockTakenError when another ingestion works, RefusedError when the request cannot be kept, LockLostError when
 * another may have begun; in the first case nothing was written.
 */
export async function runIngestion(order: RunOrder, deps: RunDependencies): Promise<RunResult> {
  const run = await openRun(order, deps);
  try {
    const plan = await planRun(run, deps);
    const currencies = createCurrencyComparison(run, plan, deps);
    const fetched = await fetchWindows(plan, run, deps, async (request, answer, attempts) => {
      const { series, gapDays } = request;
      const { samples } = answer;
      const { hourlyMeans, firstSampleAt, ...made } = aggregate(samples, request, answer.receivedAt);
      const isItself = isCoinInItself(deps.universe, series);
      const findings = judgeAnswer({ series, isItself, samples, gapDays, ...made });
      const stored = await deps.repositories.prices.storeAnswer({
        runId: order.runId,
        ...request,
        answer,
        sampleCount: samples.prices.length,
        firstSampleAt,
        attempts,
        answered: [{ series, source: 'direct', gapDays, otherAnswerIds: [], ...made, findings }],
      });
      currencies.add(request, hourlyMeans);
      return stored;
    });
    return await judgeRun(run, plan, fetched, currencies, deps);
  } catch (error) {
    if (!(error instanceof LockLostError)) await failRun(run, error, deps);
    throw error;
  } finally {
    await run.lock.release();
  }
}
