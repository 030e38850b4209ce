import { describe, expect, test } from '@jest/globals';
import { type Disposition, dispositionAfter, dispositionAfterError } from '../../functions/worker/disposition.ts';
import { MAX_HOPS } from '../../ingestion/contract/limits.ts';
import { DatabaseUnreachableError } from '../../ingestion/database/connection.ts';
import { type FailureKind, LockLostError, LockTakenError, RefusedError } from '../../ingestion/domain/failure.ts';
import type { RunStatus } from '../../ingestion/domain/verdict.ts';
import { RequestError } from '../../ingestion/message/request.ts';
import { RunMessageError } from '../../ingestion/message/run-message.ts';
import { runMessage, runResult } from '../support/run-result.ts';

const MINUTE_MS = 60_000;
const again = (minutes: number): Disposition => ({ kind: 'retry', delayMs: minutes * MINUTE_MS });
const deadLetter = (reason: FailureKind | 'too_many_hops'): Disposition => ({ kind: 'dead-letter', reason });
const next = { ...runMessage(), hop: 1 };

type Changes = Parameters<typeof runResult>[1];
const outOfTime = { stoppedBy: 'deadline' as const };
const noProgress: Changes = { ...outOfTime, madeProgress: false, failures: ['incomplete'] };
const network = (retryAfterMinutes: number | null = null): Changes => ({
  failures: ['network'],
  retryAfterMs: retryAfterMinutes && retryAfterMinutes * MINUTE_MS,
});

describe('the disposition of a message whose hop came to a verdict', () => {
  test.each<[string, RunStatus, Changes, { receive?: number; hop?: number }, Disposition]>([
    ['complete: deleted', 'complete', {}, {}, { kind: 'delete' }],
    ['out of time with progress: continued', 'waiting', outOfTime, {}, { kind: 'continue', next }],
    ['the same in the last hop: dead', 'partial', outOfTime, { hop: MAX_HOPS }, deadLetter('too_many_hops')],
    ['out of time without progress: again', 'partial', noProgress, {}, again(1)],
    ['out of time while the source is closed: again', 'partial', { ...outOfTime, ...network(7) }, {}, again(7)],
    ['days missing without a failure: again', 'partial', {}, {}, again(1)],
    ['a transient cause, first receive', 'failed', network(), { receive: 1 }, again(1)],
    ['second receive', 'failed', network(), { receive: 2 }, again(5)],
    ['third receive', 'failed', network(), { receive: 3 }, again(20)],
    ['fourth receive', 'failed', network(), { receive: 4 }, again(60)],
    ['fifth receive, the last', 'failed', network(), { receive: 5 }, { kind: 'give-up' }],
    ['a receive that the queue should not have made', 'failed', network(), { receive: 6 }, again(60)],
    ['the source asks for more', 'failed', network(30), { receive: 2 }, again(30)],
    ['the source asks for less', 'failed', network(0.5), {}, again(1)],
    ['the source asks for a day, which is cut to 6 h', 'failed', network(24 * 60), {}, again(360)],
    ['a permanent cause and a transient one', 'partial', { failures: ['not_found', 'timeout'] }, {}, again(1)],
  ])('%s', (_, status, changes, { receive = 1, hop = 0 }, expected) => {
    expect(dispositionAfter(runResult(status, changes), runMessage({ hop }), receive)).toEqual(expected);
  });

  test.each<FailureKind>(['not_found', 'wrong_key', 'plan', 'history', 'credits'])('only %s remains: dead', (kind) => {
    const result = runResult('partial', { failures: [kind] });
    expect(dispositionAfter(result, runMessage(), 1)).toEqual(deadLetter(kind));
  });
});

test.each<[string, Error, number, Disposition]>([
  ['refused for history', new RefusedError('history', 'No.'), 1, deadLetter('history')],
  ['refused for credits', new RefusedError('credits', 'No.'), 1, deadLetter('credits')],
  ['a request that the universe has no more', new RequestError('coins', 'luna', 'others'), 1, deadLetter('refused')],
  ['the lock is taken', new LockTakenError('Taken.'), 1, again(2)],
  ['the lock is lost', new LockLostError('Lost.'), 1, again(1)],
  ['the database is away', new DatabaseUnreachableError('Away.', true, null), 1, again(1)],
  ['something unforeseen', new TypeError('Oops.'), 2, again(5)],
  ['a version of later', new RunMessageError('unknown_version', 'Later.'), 1, again(1)],
  ['an unreadable message', new RunMessageError('unreadable', 'What?'), 4, again(2 / 60)],
  ['an unreadable message, the last receive', new RunMessageError('unreadable', 'What?'), 5, { kind: 'give-up' }],
  ['an unreadable message that the queue should have moved', new RunMessageError('unreadable', 'What?'), 6, again(1)],
  ['a taken lock then', new LockTakenError('Taken.'), 9, again(2)],
])('the disposition of a message whose hop ended with an error: %s', (_, error, receive, expected) => {
  expect(dispositionAfterError(error, receive)).toEqual(expected);
});
