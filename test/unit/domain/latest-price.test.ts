import { expect, test } from '@jest/globals';
import { requestsOfFullRun } from '../../../ingestion/domain/credits.ts';
import { planLatestRequests } from '../../../ingestion/domain/latest-price.ts';

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
  const universe = {
    coins: [{ id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' }],
    currencies: [{ code: 'usd', name: '' }],
  };
  expect(requestsOfFullRun(universe, { crossRates: true, latestPrices: false })).toBe(1);
  expect(requestsOfFullRun(universe, { crossRates: true, latestPrices: true })).toBe(2);
});
