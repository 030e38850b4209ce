import { describe, expect, test } from '@jest/globals';
import {
  refusalForCredits,
  requestsOfFullRun,
  reservedCredits,
  startOfMonth,
} from '../../../ingestion/domain/credits.ts';
import { planLatestRequests } from '../../../ingestion/domain/latest-price.ts';
import { type RunStatus, type StopCause, statusAfter } from '../../../ingestion/domain/verdict.ts';

describe('the status after a hop', () => {
  test.each<[number, StopCause | null, boolean, boolean, RunStatus]>([
    [0, null, false, true, 'complete'],
    [0, 'interrupt', false, false, 'complete'],
    [1, 'interrupt', false, true, 'interrupted'],
    [1, 'deadline', true, true, 'waiting'],
    [1, 'deadline', false, true, 'partial'],
    [1, null, false, true, 'partial'],
    [1, 'source', false, true, 'partial'],
    [1, 'source', false, false, 'failed'],
    [1, null, false, false, 'failed'],
  ])(
    '%i missing, stopped by %s, can continue %p, stored answers %p: %s',
    (missingDays, stoppedBy, canContinue, hasStoredAnswers, status) => {
      expect(statusAfter({ missingDays, stoppedBy, canContinue, hasStoredAnswers })).toBe(status);
    },
  );
});

describe('credits', () => {
  test('are counted by UTC month', () => {
    expect(startOfMonth(Date.parse('2026-03-31T23:30:00-05:00'))).toBe(Date.parse('2026-04-01T00:00:00Z'));
  });

  test('what scheduled runs still need is one request a series on each day left', () => {
    expect(reservedCredits(Date.parse('2026-11-23T12:00:00Z'), 44)).toBe(7 * 44);
    expect(reservedCredits(Date.parse('2026-12-31T12:00:00Z'), 44)).toBe(0);
    expect(reservedCredits(Date.parse('2024-02-01T00:00:00Z'), 1)).toBe(28);
  });

  test('a request that does not fit is refused with its numbers', () => {
    const account = { quota: 10_000, used: 9_500, needed: 220, reserved: 308 };
    expect(refusalForCredits({ ...account, used: 9_472 })).toBeNull();
    const refusal = refusalForCredits(account);
    for (const figure of ['220', '192', '9500', '10000', '308']) expect(refusal).toContain(figure);
  });
});

const coins = (count: number) => Array.from({ length: count }, (_, index) => `coin-${index}`);

test('a request for latest prices names 250 coins at most, each coin once', () => {
  expect(planLatestRequests(coins(250), null)).toEqual([coins(250)]);
  expect(planLatestRequests(coins(251), null).map(({ length }) => length)).toEqual([250, 1]);
  expect(planLatestRequests(['a', 'a', 'b'], null)).toEqual([['a', 'b']]);
});

test('where prices are derived the first coin is in each request, and is asked for alone where it is the only one', () => {
  const base = { coin: 'coin-0', currency: 'usd' };
  const requests = planLatestRequests(coins(251), base);
  expect(requests.map(({ length }) => length)).toEqual([250, 2]);
  expect(requests.every(([first]) => first === 'coin-0')).toBe(true);
  expect(planLatestRequests(['coin-0'], base)).toEqual([['coin-0']]);
});

test('cross rates that have nothing to derive cost no request for latest prices', () => {
  const bitcoin = { id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' };
  const universe = { coins: [bitcoin], currencies: [{ code: 'usd', name: '' }] };
  expect(requestsOfFullRun(universe, { crossRates: true, latestPrices: false })).toBe(1);
  expect(requestsOfFullRun(universe, { crossRates: true, latestPrices: true })).toBe(2);
});
