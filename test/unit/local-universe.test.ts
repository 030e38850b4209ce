import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import type { Coin } from '../../ingestion/contract/universe-schema.ts';
import { SourceError } from '../../ingestion/domain/failure.ts';
import { askPatiently, chooseByNumber } from '../../local/cli/commands/universe.ts';
import { compareUniverse, currencyName, findListed } from '../../local/cli/listing.ts';
import { universeJson } from '../../local/cli/universe-text.ts';

const BITCOIN = { id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' };
const BRACES = { id: 'braces', symbol: '{}', name: 'The "{braces}"\n coin' };
const USD = { code: 'usd', name: 'US dollar' };

test('a universe file has an item a line', () => {
  const universe = { coins: [BITCOIN, BRACES], currencies: [USD] };
  const text = universeJson(universe);
  expect(JSON.parse(text)).toEqual(universe);
  expect(text.split('\n').slice(2, 4)).toEqual([
    '    { "id": "bitcoin", "symbol": "btc", "name": "Bitcoin" },',
    '    { "id": "braces", "symbol": "{}", "name": "The \\"{braces}\\"\\n coin" }',
  ]);
  expect(universeJson(JSON.parse(readFileSync('universe.json', 'utf8')))).toBe(readFileSync('universe.json', 'utf8'));
});

describe('a word among what CoinGecko lists', () => {
  const coin = (id: string, symbol: string, name: string) => ({ id, symbol, name });
  const listed = {
    coins: [
      coin('binance-peg-uniswap', 'uni', 'Binance-Peg Uniswap'),
      coin('unicorn-token', 'uni', 'UNICORN Token'),
      coin('uniswap', 'uni', 'Uniswap'),
      coin('pepe', 'pepe', 'Pepe'),
      coin('pepe-bep20', 'pepe', 'PEPE (BEP-20)'),
      coin('bitcoin', 'btc', 'Bitcoin'),
      coin('yen-token', 'jpy', 'Yen Token'),
      coin('shiba-inu', 'shib', 'Shiba Inu'),
    ],
    currencies: ['jpy', 'btc', 'xau'].map((code) => ({ code, name: currencyName(code) })),
  };
  const found = (word: string) =>
    findListed(word, listed).map((item) => (item.kind === 'coin' ? item.id : `currency:${item.code}`));

  test.each([
    ['an id is clear, whoever has it as a symbol', 'pepe', ['pepe']],
    ['a symbol of one coin is clear, in any case', 'SHIB', ['shiba-inu']],
    ['a name is as good', 'shiba inu', ['shiba-inu']],
    ['money is money, whoever has it as a symbol', 'jpy', ['currency:jpy']],
    ['a currency that is a coin fits both', 'btc', ['currency:btc', 'bitcoin']],
    ['which is said by a prefix', 'currency:btc', ['currency:btc']],
    ['or by the other', 'coin:jpy', ['yen-token']],
    ['of a symbol of several the short ids come first', 'uni', ['uniswap', 'unicorn-token', 'binance-peg-uniswap']],
    ['nothing is nothing', 'unis', []],
  ])('%s: %s', (_, word, expected) => {
    expect(found(word)).toEqual(expected);
  });

  test('currencies have their English names, others their code', () => {
    expect(['jpy', 'sats', 'btc'].map(currencyName)).toEqual(['Japanese Yen', 'SATS', 'BTC']);
  });
});

describe('a choice by number', () => {
  async function choose(typed: string, signal = new AbortController().signal) {
    const input = new PassThrough();
    input.end(typed);
    const said: string[] = [];
    const choice = await chooseByNumber('"uni" fits 2:', ['uniswap', 'unicorn-token'], {
      input,
      say: (text) => void said.push(text),
      signal,
    });
    return { choice, said };
  }

  test('shows what there is and takes the number', async () => {
    const { choice, said } = await choose('2\n');
    expect(choice).toBe(1);
    expect(said).toEqual([
      '"uni" fits 2:\n   1  uniswap\n   2  unicorn-token\nWhich one? A number from 1 to 2, or Enter for none:',
    ]);
  });

  test('asks again after anything else', async () => {
    const { choice, said } = await choose('3\nuniswap\n1\n');
    expect(choice).toBe(0);
    expect(said.slice(1)).toEqual([expect.stringMatching(/^"3" is none of them/), expect.stringMatching(/^"uniswap"/)]);
  });

  test.each([
    ['an empty line', '\n', undefined],
    ['the end of the input', '', undefined],
    ['an interrupt', '1\n', AbortSignal.abort()],
  ])('%s is none', async (_, typed, signal) => {
    expect((await choose(typed, signal)).choice).toBeNull();
  });
});

describe('asking patiently', () => {
  /** @returns what came of the failures, then of an answer. */
  async function ask(...failures: SourceError[]) {
    let now = 0;
    const notes: string[] = [];
    const clock = {
      monotonicMs: () => now,
      async sleep(durationMs: number) {
        now += durationMs;
      },
    };
    const request = async () => {
      const failure = failures.shift();
      if (failure) throw failure;
      return 'the list';
    };
    const interrupt = new AbortController().signal;
    const outcome = await askPatiently(request, { clock, interrupt, note: (text) => void notes.push(text) }).catch(
      (error: unknown) => error,
    );
    return { outcome, now, notes };
  }

  test('waits for as long as a 429 asks', async () => {
    const { outcome, now, notes } = await ask(new SourceError('rate_limited', 'Too many', { retryAfterMs: 119_000 }));
    expect({ outcome, now, notes }).toEqual({
      outcome: 'the list',
      now: 119_000,
      notes: ['Too many – trying again in 1 min 59 s'],
    });
  });

  test('tries again where the way broke', async () => {
    expect(await ask(new SourceError('network', 'Cut'))).toMatchObject({ outcome: 'the list' });
  });

  test('gives up where the answer stays the same', async () => {
    const wrong = new SourceError('wrong_key', 'No such key');
    expect(await ask(wrong)).toEqual({ outcome: wrong, now: 0, notes: [] });
  });
});

describe('the universe against what is listed', () => {
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
  const LISTED = { ...BITCOIN, symbol: 'BTC' };
  const AVALANCHE = { id: 'avalanche', symbol: 'avax', name: 'Avalanche' };
  const differences = (coins: readonly Coin[], codes: readonly string[]) =>
    compareUniverse(UNIVERSE, { coins, currencies: codes.map((code) => ({ code, name: code })) });

  test('a universe that is listed as it is has no differences; capitals in a symbol are none', () => {
    expect(differences([LISTED, AVALANCHE], ['usd', 'chf', 'eur'])).toEqual([]);
  });

  test('a coin that is not listed is named, with those of its name first, then those of its symbol', () => {
    const listed = [
      LISTED,
      { id: 'wrapped-avax', symbol: 'avax', name: 'Wrapped' },
      { id: 'avalanche-2', symbol: 'avax', name: 'Avalanche' },
    ];
    expect(differences(listed, ['usd', 'chf'])).toEqual([
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
    const [difference] = differences([LISTED, ...many], ['usd', 'chf']);
    expect(difference?.detail).toMatch(/symbol: a0 \(A\), .*a4 \(A\)\.$/);
  });

  test.each([
    ['another name', { ...AVALANCHE, name: 'Avalanche Classic' }, 'Avalanche Classic (avax)'],
    ['another symbol', { ...AVALANCHE, symbol: 'avx' }, 'Avalanche (avx)'],
  ])('a coin that goes by %s is named', (_, listed, shown) => {
    expect(differences([LISTED, listed], ['usd', 'chf'])).toEqual([
      {
        kind: 'coin_renamed',
        id: 'avalanche',
        detail: `avalanche is tracked as Avalanche (avax); CoinGecko lists it as ${shown}.`,
      },
    ]);
  });

  test('a currency that is not listed is named', () => {
    expect(differences([LISTED, AVALANCHE], ['usd'])).toEqual([
      { kind: 'currency_missing', id: 'chf', detail: 'chf (Swiss franc): CoinGecko has no prices in this currency.' },
    ]);
  });
});
