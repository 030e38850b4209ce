// How dispositions are carried out on a real queue. Which one a message gets is tested in unit/worker-disposition.test.ts.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { processMessage } from '../../functions/worker/process-message.ts';
import type { Delivery, WorkerQueue } from '../../functions/worker/worker-queue.ts';
import { MAX_HOPS, MAX_RECEIVES } from '../../ingestion/contract/limits.ts';
import { METRICS } from '../../ingestion/contract/names.ts';
import { RefusedError } from '../../ingestion/domain/failure.ts';
import type { RunResult } from '../../ingestion/domain/verdict.ts';
import { runIdOf } from '../../ingestion/message/run-message.ts';
import type { RunOrder } from '../../ingestion/ports.ts';
import { createRecordedLog } from '../support/recorded-log.ts';
import { runMessage as message, runResult as result } from '../support/run-result.ts';
import { startTestQueue, type TestQueue } from '../support/test-queue.ts';
import { DEFAULT_UNIVERSE } from '../support/universe.ts';

const MINUTE_S = 60;

let queue: TestQueue;
/** What the runs were counted as, in the order of their hops. */
let counted: string[] = [];
let log = createRecordedLog();
beforeAll(async () => {
  queue = await startTestQueue();
});
afterEach(() => {
  queue.reset();
  counted = [];
  log = createRecordedLog();
});
afterAll(() => queue.close());

/** Works on the delivery. @param outcome what its hop comes to, or throws. */
const process = (delivery: Delivery, outcome: RunResult | Error, orders: RunOrder[], workerQueue: WorkerQueue) =>
  processMessage(delivery, {
    ...{ queue: workerQueue, universe: DEFAULT_UNIVERSE, log },
    emit: (values) => counted.push(...Object.keys(values)),
    async runHop(order) {
      orders.push(order);
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
  });

/** Works on the next message. */
async function work(outcome: RunResult | Error, workerQueue: WorkerQueue = queue.queue) {
  const orders: RunOrder[] = [];
  const isDone = await queue.deliver((delivery) => process(delivery, outcome, orders, workerQueue));
  return { isDone, orders };
}

async function sendAndWork(outcome: RunResult | Error, body: object = message(), workerQueue?: WorkerQueue) {
  queue.send(JSON.stringify(body));
  return await work(outcome, workerQueue);
}

const waiting = result('waiting', { stoppedBy: 'deadline' });
const again = result('partial', { failures: ['timeout'] });
const wrongKey = result('failed', { failures: ['wrong_key'] });

describe('a message', () => {
  test('is worked on as it was ordered, and deleted when its run is complete', async () => {
    const request = { from: '2026-11-01', to: '2026-11-02', coins: ['solana', 'bitcoin'], refetch: true };
    const { orders, isDone } = await sendAndWork(result('complete'), message({ request, hop: 3 }));
    expect(orders).toEqual([
      {
        ...{ runId: runIdOf('key:test'), triggerKey: 'key:test', trigger: 'http', hop: 3 },
        dueAt: Date.parse('2026-11-23T02:00:00Z'),
        request: { ...request, coins: ['bitcoin', 'solana'] },
        isRedelivery: false,
      },
    ]);
    expect(isDone).toBe(true);
    expect([queue.waiting(), queue.dead(), queue.hiddenFor()]).toEqual([[], [], undefined]);
  });

  test('of a run that is continued: the next hop is queued, then it is deleted', async () => {
    const request = { coins: ['bitcoin'] };
    await sendAndWork(waiting, message({ request }));
    expect(queue.waiting().map(({ body }) => JSON.parse(body))).toEqual([message({ request, hop: 1 })]);
    expect(queue.hiddenFor()).toBeUndefined();
  });

  test('comes back after 1, 5, 20 and 60 minutes, and at the 5th receive it is dead', async () => {
    queue.send(JSON.stringify(message()));
    for (const minutes of [1, 5, 20, 60]) {
      await work(again);
      expect(queue.hiddenFor()).toBe(minutes * MINUTE_S);
      await queue.hurry();
    }
    expect(await work(again)).toMatchObject({ isDone: false });
    // Visible at once: no run waits behind a message that has no try left.
    expect(queue.waiting()).toHaveLength(1);
    expect(await work(again)).toEqual({ isDone: null, orders: [] });
    expect(queue.dead()).toEqual([{ body: JSON.stringify(message()), reason: undefined }]);
    // It ends partial, which it did not before.
    expect(counted).toEqual([...Array(MAX_RECEIVES - 1).fill(METRICS.runsWaiting), METRICS.runsPartial]);
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('that a queue without its redrive policy delivers for ever waits a minute or more, and the log says so', async () => {
    queue.send('{');
    await queue.deliver((delivery) => process({ ...delivery, receiveCount: MAX_RECEIVES + 1 }, again, [], queue.queue));
    expect(queue.hiddenFor()).toBe(MINUTE_S);
    expect(log.lines).toContainEqual(
      expect.objectContaining({ level: 'error', message: expect.stringContaining('put its redrive policy back') }),
    );
  });

  test('of which only a permanent cause remains: a dead letter with the reason, again when it is moved back', async () => {
    for (const times of [1, 2]) {
      expect(await sendAndWork(wrongKey)).toMatchObject({ isDone: true });
      expect(queue.dead()).toEqual(Array(times).fill({ body: JSON.stringify(message()), reason: 'wrong_key' }));
    }
    expect(queue.waiting()).toEqual([]);
  });

  test('that asks for a coin which the universe has lost is refused without a run', async () => {
    const body = message({ request: { coins: ['luna'] } });
    expect(await sendAndWork(result('complete'), body)).toEqual({ isDone: true, orders: [] });
    expect(queue.dead()).toEqual([{ body: JSON.stringify(body), reason: 'refused' }]);
  });
});

describe('a queue that refuses', () => {
  test.each<[string, RunResult, () => WorkerQueue, number]>([
    ['the next hop: back in a minute', waiting, () => ({ ...queue.queue, send: queue.without('runs').send }), 1],
    ['the dead letter: back in a minute', wrongKey, () => queue.without('dead'), 1],
    ['everything: back when its visibility timeout is over', again, () => queue.without('runs'), 20],
  ])('%s', async (_, outcome, workerQueue, minutes) => {
    expect(await sendAndWork(outcome, message(), workerQueue())).toMatchObject({ isDone: false });
    expect(queue.hiddenFor()).toBe(minutes * MINUTE_S);
  });
});

test.each<[string, RunResult | Error, string]>([
  ['complete', result('complete'), METRICS.runsComplete],
  ['out of time, to be continued', waiting, METRICS.runsWaiting],
  ['partial, to be tried again', again, METRICS.runsWaiting],
  ['without a verdict, to be tried again', new TypeError('Oops.'), METRICS.runsWaiting],
  ['partial for good', result('partial', { failures: ['not_found'] }), METRICS.runsPartial],
  ['failed for good', wrongKey, METRICS.runsFailed],
  ['refused', new RefusedError('credits', 'No.'), METRICS.runsFailed],
])('a run is counted as what it came to: %s', async (_, outcome, metric) => {
  await sendAndWork(outcome);
  expect(counted).toEqual([metric]);
});

test.each([
  ['no JSON', '{'],
  ['no message', '[]'],
  ['a message without a run', JSON.stringify(message({ runId: undefined }))],
  ['a hop beyond the last', JSON.stringify(message({ hop: MAX_HOPS + 1 }))],
])('a poison message (%s) is a dead letter within seconds, and the run behind it is worked on', async (_, body) => {
  queue.send(body);
  queue.send(JSON.stringify(message()));
  for (let receive = 1; receive <= MAX_RECEIVES; receive += 1) {
    expect(await work(result('complete'))).toEqual({ isDone: false, orders: [] });
    if (receive === MAX_RECEIVES) break;
    expect(queue.hiddenFor()).toBeLessThanOrEqual(2);
    await queue.hurry();
  }
  expect((await work(result('complete'))).orders).toHaveLength(1);
  expect(queue.dead()).toEqual([{ body, reason: undefined }]);
  expect(queue.waiting()).toEqual([]);
});
