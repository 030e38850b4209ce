import { describe, expect, test } from '@jest/globals';
import { firstHop } from '../../functions/common/run-queue.ts';
import { MAX_HOPS } from '../../ingestion/contract/limits.ts';
import type { RunMessage } from '../../ingestion/contract/run-request.ts';
import { parseRunMessage, RunMessageError, runIdOf } from '../../ingestion/message/run-message.ts';

const message: RunMessage = firstHop({
  trigger: 'schedule',
  triggerKey: 'schedule:2026-03-15T02:00:00Z',
  dueAt: '2026-03-15T02:00:00Z',
  request: { coins: ['bitcoin'] },
});

function refusal(body: string): RunMessageError {
  try {
    parseRunMessage(body);
  } catch (error) {
    if (error instanceof RunMessageError) return error;
    throw error;
  }
  throw new Error('It was read.');
}

test('a run id is the same for the same trigger, today and in every later program', () => {
  expect(runIdOf('schedule:2026-03-15T02:00:00Z')).toBe('068cbb43-c687-5848-aa8b-dd6d214887df');
  expect(runIdOf('schedule:2026-03-16T02:00:00Z')).not.toBe(runIdOf('schedule:2026-03-15T02:00:00Z'));
});

describe('a queue message', () => {
  test('is read as it was sent', () => {
    expect(parseRunMessage(JSON.stringify(message))).toStrictEqual(message);
  });

  test('may name coins that are no longer in the universe: refusing them is not reading', () => {
    const request = { coins: ['gone'], from: '2020-01-01', to: '2020-01-02', refetch: true };
    expect(parseRunMessage(JSON.stringify({ ...message, request })).request).toStrictEqual(request);
  });

  test.each([
    ...[2, '1', null, 1.5].map((version) => ({ ...message, version })),
    { version: 2, everything: 'different' },
  ])('of another version is told apart from a broken one, and not judged by the rules of this: %j', (body) => {
    expect(refusal(JSON.stringify(body)).kind).toBe('unknown_version');
  });

  test.each<[string, object | string, string]>([
    ['no JSON', '{"version":1,', 'no JSON'],
    ['no object', '[]', 'body'],
    ['no version', { ...message, version: undefined }, 'version'],
    ['a run id that is none', { ...message, runId: 'run-1' }, 'runId'],
    ['no trigger key', { ...message, triggerKey: '' }, 'triggerKey'],
    ['an unknown trigger', { ...message, trigger: 'moon' }, 'trigger'],
    ['a due time that is none', { ...message, dueAt: 'yesterday' }, 'dueAt'],
    ['a request that is none', { ...message, request: { from: 'x' } }, 'request.from'],
    ['a hop below zero', { ...message, hop: -1 }, 'hop'],
    ['half a hop', { ...message, hop: 0.5 }, 'hop'],
    ['more hops than any run needs', { ...message, hop: MAX_HOPS + 1 }, 'hop'],
  ])('with %s is unreadable, and the error says where', (_name, body, where) => {
    const error = refusal(typeof body === 'string' ? body : JSON.stringify(body));
    expect(error.kind).toBe('unreadable');
    expect(error.message).toContain(where);
  });
});
