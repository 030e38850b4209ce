import { expect, test } from '@jest/globals';
import { compareUniverse } from '../../local/cli/compare-universe.ts';

const UNIVERSE = {
  coins: [
    { id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' },
    { id: 'avalanche', symbol: 'avax', name: 'Avalanche' },
  ],
  currencies: [
    { code: 'usd', name: 'US dollar' },
    { code: 'chf', name: 'Swiss franc' },
  ],
};
const BITCOIN = { id: 'bitcoin', symbol: 'BTC', name: 'Bitcoin' };
const AVALANCHE = { id: 'avalanche', symbol: 'avax', name: 'Avalanche' };

test('a universe that is listed as it is has no differences; capitals in a symbol are none', () => {
  expect(compareUniverse(UNIVERSE, [BITCOIN, AVALANCHE], ['usd', 'chf', 'eur'])).toEqual([]);
});

test('a coin that is not listed is named, with those of its name first, then those of its symbol', () => {
  const listed = [
    BITCOIN,
    { id: 'wrapped-avax', symbol: 'avax', name: 'Wrapped' },
    { id: 'avalanche-2', symbol: 'avax', name: 'Avalanche' },
  ];
  expect(compareUniverse(UNIVERSE, listed, ['usd', 'chf'])).toEqual([
    {
      kind: 'coin_missing',
      id: 'avalanche',
      detail:
        'avalanche: CoinGecko lists no coin with this id. Coins of its name or symbol: avalanche-2 (Avalanche), ' +
        'wrapped-avax (Wrapped).',
    },
  ]);
});

test('of many with the same symbol five are offered', () => {
  const many = Array.from({ length: 9 }, (_, index) => ({ id: `a${index}`, symbol: 'avax', name: 'A' }));
  const [difference] = compareUniverse(UNIVERSE, [BITCOIN, ...many], ['usd', 'chf']);
  expect(difference?.detail).toMatch(/symbol: a0 \(A\), .*a4 \(A\)\.$/);
});

test.each([
  ['another name', { ...AVALANCHE, name: 'Avalanche Classic' }, 'Avalanche Classic (avax)'],
  ['another symbol', { ...AVALANCHE, symbol: 'avx' }, 'Avalanche (avx)'],
])('a coin that goes by %s is named', (_, listed, shown) => {
  expect(compareUniverse(UNIVERSE, [BITCOIN, listed], ['usd', 'chf'])).toEqual([
    {
      kind: 'coin_renamed',
      id: 'avalanche',
      detail: `avalanche is tracked as Avalanche (avax); CoinGecko lists it as ${shown}.`,
    },
  ]);
});

test('a currency that is not listed is named', () => {
  expect(compareUniverse(UNIVERSE, [BITCOIN, AVALANCHE], ['usd'])).toEqual([
    { kind: 'currency_missing', id: 'chf', detail: 'chf (Swiss franc): CoinGecko has no prices in this currency.' },
  ]);
});
