import { LockLostError } from './domain/failure.ts';
import type { RunResult } from './domain/verdict.ts';
import type { RunDependencies, RunOrder } from './ports.ts';
import { aggregateAnswer, storeAnswer } from './run/aggregate-and-store.ts';
import { fetchAnswer } from './run/fetch-answer.ts';
import { beginHop, workOff } from './run/hop.ts';
import { failRun, judgeRun } from './run/judge-run.ts';
import { closeRun, openRun } from './run/open-run.ts';
import { planRun } from './run/plan-run.ts';

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
    const hop = await beginHop(run, plan, deps);
    await workOff(hop, async (request) => {
      const days = aggregateAnswer(await fetchAnswer(request, hop), hop);
      await storeAnswer(days, hop);
    });
    return await judgeRun(hop);
  } catch (error) {
    if (!(error instanceof LockLostError)) await failRun(run, error, deps);
    throw error;
  } finally {
    await closeRun(run);
  }
}
