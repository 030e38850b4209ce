import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { processMessage } from '../../functions/worker/process-message.ts';
import type { Delivery, WorkerQueue } from '../../functions/worker/worker-queue.ts';
import { MAX_HOPS, MAX_RECEIVES } from '../../ingestion/contract/limits.ts';
import { METRICS } from '../../ingestion/contract/names.ts';
import type { RunMessage } from '../../ingestion/contract/run-request.ts';
import { DatabaseUnreachableError } from '../../ingestion/database/connection.ts';
import { type FailureKind, LockLostError, LockTakenError, RefusedError } from '../../ingestion/domain/failure.ts';
import type { RunResult, RunStatus } from '../../ingestion/domain/verdict.ts';
import { runIdOf } from '../../ingestion/message/run-id.ts';
import type { RunOrder } from '../../ingestion/ports.ts';
import { silentLog } from '../support/silent-log.ts';
import { startTestQueue, type TestQueue } from '../support/test-queue.ts';
import { DEFAULT_UNIVERSE } from '../support/universe.ts';

const MINUTE_S = 60;
const HOUR_MS = 3_600_000;

let queue: TestQueue;
beforeAll(async () => {
  queue = await startTestQueue();
});
afterEach(() => queue.reset());
afterAll(() => queue.close());

const message = (changes: object = {}): RunMessage => ({
  version: 1,
  runId: runIdOf('key:test'),
  triggerKey: 'key:test',
  trigger: 'http',
  dueAt: '2026-11-23T02:00:00.000Z',
  request: {},
  hop: 0,
  ...changes,
});

const result = (
  status: RunStatus,
  { failures = [], ...rest }: Partial<Omit<RunResult, 'failures'>> & { failures?: FailureKind[] } = {},
): RunResult => ({
  verdict: {
    ...{
      runId: runIdOf('key:test'),
      status,
      isFullRun: true,
      expectedDays: 3,
      storedDays: 1,
      missingDays: 2,
      thinDays: 0,
    },
    ...{
      unconfirmedDays: 0,
      unavailableDays: 0,
      rowsWritten: 1,
      rowsUnchanged: 0,
      requests: 1,
      credits: 1,
      retries: 0,
      rateLimited: 0,
      crossRateDays: 0,
      latestPrices: null,
    },
    ...{ durationMs: 1, series: [], findings: [], error: null },
  },
  hop: { requests: 1, retries: 0, rateLimited: 0 },
  ...{ madeProgress: true, stoppedBy: null, retryAfterMs: null, failures },
  ...rest,
});

/** What the runs were counted as, in the order of their hops. */
let counted: string[] = [];
afterEach(() => {
  counted = [];
});

/** Works on the next message. @param outcome what its hop comes to, or throws. */
async function work(outcome: RunResult | Error, workerQueue: WorkerQueue = queue.queue) {
  const orders: RunOrder[] = [];
  const isDone = await queue.deliver((delivery: Delivery) =>
    processMessage(delivery, {
      ...{
        queue: workerQueue,
        universe: DEFAULT_UNIVERSE,
        log: silentLog,
        emit: (values) => counted.push(...Object.keys(values)),
      },
      async runHop(order) {
        orders.push(order);
        if (outcome instanceof Error) throw outcome;
        return outcome;
      },
    }),
  );
  return { isDone, orders };
}

async function sendAndWork(outcome: RunResult | Error, body: unknown = message()) {
  queue.send(typeof body === 'string' ? body : JSON.stringify(body));
  return await work(outcome);
}

const isEverythingEmpty = () =>
  queue.waiting().length === 0 && queue.dead().length === 0 && queue.hiddenFor() === undefined;

describe('a hop that came to a verdict', () => {
  test('is given the run as it was ordered', async () => {
    const request = { from: '2026-11-01', to: '2026-11-02', coins: ['solana', 'bitcoin'], refetch: true };
    const { orders } = await sendAndWork(result('complete'), message({ request, hop: 3 }));
    expect(orders).toEqual([
      {
        ...{ runId: runIdOf('key:test'), triggerKey: 'key:test', trigger: 'http', hop: 3 },
        dueAt: Date.parse('2026-11-23T02:00:00Z'),
        request: { ...request, coins: ['bitcoin', 'solana'] },
        isRedelivery: false,
      },
    ]);
  });

  test('complete: the message is deleted', async () => {
    expect(await sendAndWork(result('complete'))).toMatchObject({ isDone: true });
    expect(isEverythingEmpty()).toBe(true);
  });

  test('out of time with progress: the next hop is queued, then the message is deleted', async () => {
    await sendAndWork(result('waiting', { stoppedBy: 'deadline' }), message({ request: { coins: ['bitcoin'] } }));
    expect(queue.waiting().map(({ body }) => JSON.parse(body))).toEqual([
      message({ request: { coins: ['bitcoin'] }, hop: 1 }),
    ]);
    expect(queue.hiddenFor()).toBeUndefined();
  });

  test('out of time with progress, and the queue refuses the next hop: the message comes back in a minute', async () => {
    queue.send(JSON.stringify(message()));
    const { send } = queue.without('runs');
    const { isDone } = await work(result('waiting', { stoppedBy: 'deadline' }), { ...queue.queue, send });
    expect(isDone).toBe(false);
    expect(queue.hiddenFor()).toBe(MINUTE_S);
  });

  test('out of time with progress at the last hop: a dead letter that says so', async () => {
    await sendAndWork(result('waiting', { stoppedBy: 'deadline' }), message({ hop: MAX_HOPS }));
    expect(queue.dead()).toEqual([{ body: JSON.stringify(message({ hop: MAX_HOPS })), reason: 'too_many_hops' }]);
    expect(queue.waiting()).toEqual([]);
  });

  test('out of time without progress: the message comes back in a minute', async () => {
    const noProgress = result('partial', { stoppedBy: 'deadline', madeProgress: false, failures: ['incomplete'] });
    expect(await sendAndWork(noProgress)).toMatchObject({ isDone: false });
    expect(queue.hiddenFor()).toBe(MINUTE_S);
  });

  test('a transient cause remains: it comes back after 1, 5, 20 and 60 minutes, and at the 5th receive it is dead', async () => {
    queue.send(JSON.stringify(message()));
    const partial = result('partial', { failures: ['timeout', 'not_found'] });
    for (const minutes of [1, 5, 20, 60]) {
      await work(partial);
      expect(queue.hiddenFor()).toBe(minutes * MINUTE_S);
      await queue.hurry();
    }
    expect(await work(partial)).toMatchObject({ isDone: false });
    // Visible at once: no run waits behind a message that has no try left.
    expect(queue.waiting()).toHaveLength(1);
    expect(await work(partial)).toEqual({ isDone: null, orders: [] });
    expect(queue.dead()).toEqual([{ body: JSON.stringify(message()), reason: undefined }]);
  });

  test.each([
    ['2 hours, which are waited out', 2 * HOUR_MS, 7_200],
    ['30 s, which are less than the usual minute', 30_000, MINUTE_S],
    ['a day, which is cut to 6 hours', 24 * HOUR_MS, 21_600],
  ])('the source asks for %s', async (_, retryAfterMs, seconds) => {
    await sendAndWork(result('partial', { failures: ['rate_limited'], retryAfterMs }));
    expect(queue.hiddenFor()).toBe(seconds);
  });

  test.each<FailureKind>(['not_found', 'wrong_key', 'plan', 'history', 'credits'])(
    'only %s remains: a dead letter with the reason, then the message is deleted',
    async (kind) => {
      expect(await sendAndWork(result('partial', { failures: [kind] }))).toMatchObject({ isDone: true });
      expect(queue.dead()).toEqual([{ body: JSON.stringify(message()), reason: kind }]);
      expect(queue.waiting()).toEqual([]);
    },
  );

  test('a message that is moved back and dies again within minutes is a dead letter again', async () => {
    await sendAndWork(result('failed', { failures: ['wrong_key'] }));
    await sendAndWork(result('failed', { failures: ['wrong_key'] }));
    expect(queue.dead()).toHaveLength(2);
  });

  test('the dead-letter queue refuses: the message stays, and comes back in a minute', async () => {
    queue.send(JSON.stringify(message()));
    const { isDone } = await work(result('failed', { failures: ['wrong_key'] }), queue.without('dead'));
    expect(isDone).toBe(false);
    expect(queue.hiddenFor()).toBe(MINUTE_S);
  });

  test('the queue refuses everything: the message stays, until its own visibility timeout is over', async () => {
    queue.send(JSON.stringify(message()));
    const { isDone } = await work(result('partial', { failures: ['timeout'] }), queue.without('runs'));
    expect(isDone).toBe(false);
    expect(queue.hiddenFor()).toBe(20 * MINUTE_S);
  });
});

describe('what a run is counted as', () => {
  test.each<[string, RunResult | Error, string]>([
    ['complete', result('complete'), METRICS.runsComplete],
    ['out of time, to be continued', result('waiting', { stoppedBy: 'deadline' }), METRICS.runsWaiting],
    ['partial, to be tried again', result('partial', { failures: ['timeout'] }), METRICS.runsWaiting],
    ['without a verdict, to be tried again', new TypeError('Oops.'), METRICS.runsWaiting],
    ['partial for good', result('partial', { failures: ['not_found'] }), METRICS.runsPartial],
    ['failed for good', result('failed', { failures: ['wrong_key'] }), METRICS.runsFailed],
    ['refused', new RefusedError('credits', 'No.'), METRICS.runsFailed],
  ])('%s', async (_, outcome, metric) => {
    await sendAndWork(outcome);
    expect(counted).toEqual([metric]);
  });

  test('partial at the last receive: it ends partial, which it did not before', async () => {
    queue.send(JSON.stringify(message()));
    for (let receive = 1; receive <= MAX_RECEIVES; receive += 1) {
      if (receive > 1) await queue.hurry();
      await work(result('partial', { failures: ['timeout'] }));
    }
    expect(counted).toEqual([...Array(MAX_RECEIVES - 1).fill(METRICS.runsWaiting), METRICS.runsPartial]);
  });
});

describe('a hop without a verdict', () => {
  test.each(['history', 'credits', 'refused'] as const)(
    'refused for %s: a dead letter with that reason',
    async (kind) => {
      await sendAndWork(new RefusedError(kind, 'No.'));
      expect(queue.dead()).toEqual([{ body: JSON.stringify(message()), reason: kind }]);
    },
  );

  test('the universe has lost a coin of the request: refused without a run', async () => {
    const body = message({ request: { coins: ['luna'] } });
    expect(await sendAndWork(result('complete'), body)).toEqual({ isDone: true, orders: [] });
    expect(queue.dead()).toEqual([{ body: JSON.stringify(body), reason: 'refused' }]);
  });

  test('another ingestion holds the lock: it comes back in 2 minutes', async () => {
    await sendAndWork(new LockTakenError('Taken.'));
    expect(queue.hiddenFor()).toBe(2 * MINUTE_S);
  });

  test.each([
    ['the database is away', new DatabaseUnreachableError('Away.', true, null)],
    ['the lock is lost', new LockLostError('Lost.')],
    ['something unforeseen', new TypeError('Oops.')],
  ])('%s: it comes back in a minute', async (_, error) => {
    expect(await sendAndWork(error)).toMatchObject({ isDone: false });
    expect(queue.hiddenFor()).toBe(MINUTE_S);
  });
});

describe('a poison message', () => {
  test.each([
    ['no JSON', '{'],
    ['no message', '[]'],
    ['a message without a run', JSON.stringify(message({ runId: undefined }))],
    ['a hop beyond the last', JSON.stringify(message({ hop: MAX_HOPS + 1 }))],
  ])('%s: it ends as a dead letter within seconds, and the run behind it is worked on', async (_, body) => {
    queue.send(body);
    queue.send(JSON.stringify(message()));
    for (let receive = 1; receive <= 5; receive += 1) {
      expect(await work(result('complete'))).toEqual({ isDone: false, orders: [] });
      if (receive === 5) break;
      expect(queue.hiddenFor()).toBeLessThanOrEqual(2);
      await queue.hurry();
    }
    expect((await work(result('complete'))).orders).toHaveLength(1);
    expect(queue.dead()).toEqual([{ body, reason: undefined }]);
    expect(queue.waiting()).toEqual([]);
  });

  test('an unknown version waits for a program that reads it, with the usual delays', async () => {
    expect(await sendAndWork(result('complete'), message({ version: 2 }))).toEqual({ isDone: false, orders: [] });
    expect(queue.hiddenFor()).toBe(MINUTE_S);
  });
});
