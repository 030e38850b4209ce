import { expect, test } from '@jest/globals';
import { retryUntil } from '../../ingestion/retry-until.ts';

class NotYet extends Error {}

/** Tries every 5 s for 12 s. @param outcomes of the attempts; the last one repeats. */
async function attempts(...outcomes: (Error | string)[]) {
  let now = 0;
  const triedAt: number[] = [];
  const waitedFor: Error[] = [];
  const attempt = async () => {
    const outcome = outcomes[Math.min(triedAt.length, outcomes.length - 1)];
    triedAt.push(now);
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
  const outcome = await retryUntil(12_000, attempt, {
    everyMs: 5_000,
    clock: {
      monotonicMs: () => now,
      async sleep(durationMs) {
        now += durationMs;
      },
    },
    isWaitedFor: (failure) => failure instanceof NotYet,
    onWait: (failure) => waitedFor.push(failure),
  }).catch((error: unknown) => error);
  return { outcome, triedAt, waitedFor };
}

const notYet = new NotYet();

test('an attempt that succeeds ends the waiting with its result', async () => {
  expect(await attempts(notYet, notYet, 'done')).toEqual({
    outcome: 'done',
    triedAt: [0, 5_000, 10_000],
    waitedFor: [notYet, notYet],
  });
});

test('the last attempt is made when the time is up, and its failure is thrown', async () => {
  expect(await attempts(notYet)).toMatchObject({ outcome: notYet, triedAt: [0, 5_000, 10_000, 12_000] });
});

test('a failure that no time heals is thrown at once', async () => {
  const forGood = new Error('for good');
  expect(await attempts(notYet, forGood)).toEqual({ outcome: forGood, triedAt: [0, 5_000], waitedFor: [notYet] });
});
