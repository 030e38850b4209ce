import { LockLostError } from './domain/failure.ts';
import type { RunResult } from './domain/verdict.ts';
import type { RunDependencies, RunOrder } from './ports.ts';
import { createCurrencyComparison } from './run/compare-currencies.ts';
import { createDerivation } from './run/derive-prices.ts';
import { fetchWindows } from './run/fetch-windows.ts';
import { failRun, judgeRun } from './run/judge-run.ts';
import { openRun } from './run/open-run.ts';
import { planRun } from './run/plan-run.ts';
import { takeAnswer } from './run/take-answer.ts';

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
    const derivation = createDerivation(run, plan, deps);
    const fetched = await fetchWindows(plan, run, deps, (request, answer) =>
      takeAnswer(request, answer, { run, currencies, derivation, deps }),
    );
    return await judgeRun(run, plan, fetched, { currencies, derivation }, deps);
  } catch (error) {
    if (!(error instanceof LockLostError)) await failRun(run, error, deps);
    throw error;
  } finally {
    await run.lock.release();
  }
}
