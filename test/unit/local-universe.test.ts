import { PassThrough } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { SourceError } from '../../ingestion/domain/failure.ts';
import { chooseByNumber } from '../../local/cli/ask.ts';
import { askPatiently } from '../../local/cli/ask-patiently.ts';
import { type UniverseItem, withItem, withoutItem } from '../../local/cli/edit-universe.ts';
import { currencyName, findListed } from '../../local/cli/find-listed.ts';

const BITCOIN = { id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' };
const BRACES = { id: 'braces', symbol: '{}', name: 'The "{braces}" coin' };
const PEPE: UniverseItem = { kind: 'coin', id: 'pepe', symbol: 'pepe', name: '"Pepe"' };
const JPY: UniverseItem = { kind: 'currency', code: 'jpy', name: 'Japanese Yen' };
const USD = { code: 'usd', name: 'US dollar' };

describe('the text of a universe file', () => {
  const { kind: _coin, ...pepe } = PEPE;
  const { kind: _currency, ...jpy } = JPY;
  const universe = { coins: [BITCOIN, BRACES], currencies: [USD] };
  const longer = { coins: [BITCOIN, BRACES, pepe], currencies: [USD, jpy] };
  const inLines = ({ coins, currencies }: { coins: object[]; currencies: object[] }) => {
    const lines = (items: object[]) => items.map((item) => `\t${JSON.stringify(item)}`).join(',\n');
    return `{"coins": [\n${lines(coins)}\n],\n"currencies": [\n${lines(currencies)}\n]}\n`;
  };

  test.each<[string, (value: { coins: object[]; currencies: object[] }) => string]>([
    ['without blanks', (value) => JSON.stringify(value)],
    ['one property a line', (value) => JSON.stringify(value, null, 4)],
    ['one item a line', inLines],
    ['currencies first', ({ coins, currencies }) => JSON.stringify({ currencies, coins }, null, 2)],
  ])('%s: gets an item as the others are written, and loses it again', (_, write) => {
    const added = withItem(withItem(write(universe), PEPE), JPY);
    expect(added).toBe(write(longer));
    expect(withoutItem(withoutItem(added, JPY), PEPE)).toBe(write(universe));
  });

  test('loses the first of a list', () => {
    expect(withoutItem(inLines(universe), { kind: 'coin', ...BITCOIN })).toBe(
      inLines({ ...universe, coins: [BRACES] }),
    );
  });
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
