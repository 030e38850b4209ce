import { describe, expect, test } from '@jest/globals';
import { isLoopback, PLANS, SETTINGS, type SettingName } from '../../ingestion/contract/settings.ts';
import {
  type Environment,
  parseLocalSettings,
  parseSourceSettings,
  readUniverse,
  SettingError,
} from '../../ingestion/read-settings.ts';
import { DEFAULT_UNIVERSE, writeUniverse } from '../support/universe.ts';

function problemsOf(env: Environment): readonly string[] {
  try {
    parseLocalSettings(env);
  } catch (error) {
    if (error instanceof SettingError) return error.problems;
    throw error;
  }
  return [];
}

describe('the plan', () => {
  const ways = { crossRates: false, latestPrices: true };

  test('is public without a key, with its budget', () => {
    expect(parseSourceSettings({})).toEqual({ plan: 'public', apiKey: null, ...PLANS.public, ...ways });
  });

  test('is demo with a key', () => {
    expect(parseSourceSettings({ COINGECKO_API_KEY: 'CG-1' })).toEqual({
      ...{ plan: 'demo', apiKey: 'CG-1', ...PLANS.demo },
      ...ways,
    });
  });

  test('is what COINGECKO_PLAN says, and each of its figures can be set', () => {
    expect(
      parseSourceSettings({
        COINGECKO_API_KEY: 'CG-1',
        COINGECKO_PLAN: 'paid',
        COINGECKO_BASE_URL: 'http://127.0.0.1:8080/api/v3/',
        COINGECKO_REQUESTS_PER_MINUTE: '500',
        COINGECKO_MONTHLY_CREDITS: '500000',
        COINGECKO_HISTORY_DAYS: '4',
        COINGECKO_CROSS_RATES: 'on',
        LATEST_PRICES: 'off',
      }),
    ).toEqual({
      ...{ plan: 'paid', apiKey: 'CG-1', keyHeader: 'x-cg-pro-api-key', baseUrl: 'http://127.0.0.1:8080/api/v3' },
      ...{ requestsPerMinute: 500, monthlyCredits: 500_000, historyDays: 4, crossRates: true, latestPrices: false },
    });
  });

  test.each(['demo', 'paid'])('%s without a key is refused', (plan) => {
    expect(problemsOf({ COINGECKO_PLAN: plan })).toEqual([
      `COINGECKO_PLAN is "${plan}", which needs a key: set COINGECKO_API_KEY, or take the public plan.`,
    ]);
  });

  test('public with a key is refused', () => {
    expect(problemsOf({ COINGECKO_PLAN: 'public', COINGECKO_API_KEY: 'CG-1' })).toEqual([
      'COINGECKO_API_KEY is set, but COINGECKO_PLAN is "public", which takes none: set demo or paid.',
    ]);
  });
});

test('an empty variable, or one of blanks, counts as not set', () => {
  const empty = Object.fromEntries(Object.keys(SETTINGS).map((name, index) => [name, ' '.repeat(index % 2)]));
  expect(parseLocalSettings(empty)).toEqual(parseLocalSettings({}));
});

test('a local run has its own database, the default universe and quiet logs unless set', () => {
  const defaults = { universe: DEFAULT_UNIVERSE, databaseUrl: null, cronSecret: null, logLevel: 'warn' };
  expect(parseLocalSettings({})).toMatchObject(defaults);
});

test('the universe can be set', () => {
  const universe = {
    coins: [{ id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' }],
    currencies: [{ code: 'chf', name: 'Swiss franc' }],
  };
  expect(readUniverse({ UNIVERSE: writeUniverse(universe) })).toEqual(universe);
});

const wholeNumber = (least: number, most: number) => `a whole number from ${least} to ${most}`;
const ADDRESS = 'an https address without user, query or fragment (http only on this machine, e.g. 127.0.0.1)';

test.each<[SettingName, string, string]>([
  ['COINGECKO_PLAN', '"pro"', 'public, demo or paid'],
  ['COINGECKO_BASE_URL', 'api', ADDRESS],
  ['COINGECKO_BASE_URL', '"http://a.example/v3"', ADDRESS],
  ['COINGECKO_BASE_URL', '"http://127.0.0.1.a.example"', ADDRESS],
  ['COINGECKO_REQUESTS_PER_MINUTE', '"0"', wholeNumber(1, 100_000)],
  ['COINGECKO_REQUESTS_PER_MINUTE', '"1e3"', wholeNumber(1, 100_000)],
  ['COINGECKO_MONTHLY_CREDITS', '"-5"', wholeNumber(1, 1_000_000_000)],
  ['COINGECKO_HISTORY_DAYS', '"3"', wholeNumber(4, 36_500)],
  ['LOG_LEVEL', '"loud"', 'debug, info, warn or error'],
])('%s=%s is refused with what it takes', (variable, shown, takes) => {
  const found = shown === 'api' ? 'no address' : shown;
  expect(problemsOf({ [variable]: shown.replaceAll('"', '') })).toEqual([
    `${variable} is ${found}; it takes ${takes}.`,
  ]);
});

describe('a universe file', () => {
  const bitcoin = { id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' };
  const euro = { code: 'eur', name: 'Euro' };
  const COIN_ID = "CoinGecko's id of a coin";
  const CODE = 'a code like "usd", in small letters';

  test.each<[unknown, string]>([
    [[], 'is []; it takes an object {"coins","currencies"}.'],
    [{ coins: [], currencies: [euro] }, 'at coins is []; it takes at least one coin.'],
    [
      { coins: [bitcoin, bitcoin], currencies: [euro] },
      `at coins is ${JSON.stringify([bitcoin, bitcoin])}; it takes a list that names no id twice.`,
    ],
    [{ coins: [{ ...bitcoin, id: 'a/b' }], currencies: [euro] }, `at coins[0].id is "a/b"; it takes ${COIN_ID}.`],
    [
      { coins: [bitcoin], currencies: [euro, { ...euro, code: 'EUR' }] },
      `at currencies[1].code is "EUR"; it takes ${CODE}.`,
    ],
    [
      { coins: [{ id: 'bitcoin', symbol: 'btc' }], currencies: [euro] },
      'at coins[0].name is missing; it takes a text.',
    ],
  ])('%j is refused with its name, the place, and what it takes', (universe, problem) => {
    const file = writeUniverse(universe);
    expect(problemsOf({ UNIVERSE: file })).toEqual([`${file} ${problem}`]);
  });

  test('that is not JSON, or is not there, is named', () => {
    expect(problemsOf({ UNIVERSE: 'package.json.md' })).toEqual([
      'UNIVERSE is "package.json.md", a file that does not exist; it takes the path of a file like universe.json.',
    ]);
    expect(problemsOf({ UNIVERSE: 'README.md' })).toEqual([
      'README.md is not JSON; it takes JSON like {"coins":[…],"currencies":[…]}.',
    ]);
  });
});

test.each([
  ['coingecko_api_key', 'COINGECKO_API_KEY? It takes letters'],
  ['COINGECKO_DEMO_API_KEY', 'COINGECKO_API_KEY? It takes letters'],
  ['COIN_GECKO_API_KEY', 'COINGECKO_API_KEY? It takes letters'],
  ['COINGECKO_APIKEY', 'COINGECKO_API_KEY? It takes letters, digits and signs of ASCII, without spaces.'],
  ['COINGECKO_REQUESTS_PER_MIN', `COINGECKO_REQUESTS_PER_MINUTE? It takes ${wholeNumber(1, 100_000)}.`],
  ['DATABASEURL', 'DATABASE_URL? It takes an address like postgres://'],
  ['CRON_SECRETS', 'CRON_SECRET? It takes letters,'],
  ['UNIVERS', 'UNIVERSE? It takes the path of a file like universe.json.'],
  ['LOGLEVEL', 'LOG_LEVEL? It takes debug, info, warn or error.'],
])('%s is refused with the setting that may be meant, and what that takes', (name, sentence) => {
  expect(problemsOf({ [name]: 'x' })).toEqual([
    expect.stringContaining(`Unknown setting ${name}; did you mean ${sentence}`),
  ]);
});

test("other programs' variables are left alone", () => {
  expect(problemsOf({ DATABASE_URL_TEST: 'x', PATH: '/bin', LOGLEVELS: 'x', CRON: 'x', SECRET: 'y' })).toEqual([]);
});

test.each([
  ['COINGECKO_API_KEY', 'CG-secret word'],
  ['CRON_SECRET', 'secret word'],
  ['DATABASE_URL', 'postgres//me:secret@host/prices'],
  ['DATABASE_URL', 'mysql://me:secret@host/prices?password=secret'],
  ['DATABASE_URL', 'host=db password=secret'],
  ['COINGECKO_BASE_URL', 'https://me:secret@a.example'],
  ['COINGECKO_BASE_URL', 'https://a.example/?x_cg_demo_api_key=secret'],
])('a wrong %s is named without what is secret in it', (variable, value) => {
  const [problem, ...others] = problemsOf({ [variable]: value });
  expect(problem).toMatch(new RegExp(`^${variable} is .*; it takes .*\\.$`));
  expect(problem).not.toContain('secret@');
  expect(problem?.replace('because it is a secret', '')).not.toContain('secret');
  expect(others).toEqual([]);
});

test('all wrong settings are listed at once', () => {
  const problems = problemsOf({ COINGECKO_HISTORY_DAYS: 'x', LOG_LEVEL: 'y', DATABASE_URL: 'z', COINGECKO_PLAN: 'w' });
  const names = problems.map((problem) => problem.split(' ')[0]);
  expect(names).toEqual(['COINGECKO_PLAN', 'COINGECKO_HISTORY_DAYS', 'DATABASE_URL', 'LOG_LEVEL']);
});

test.each([
  ['http://localhost:1', true],
  ['http://127.0.0.1:1/api', true],
  ['http://[::1]:1', true],
  ['https://api.coingecko.com/api/v3', false],
  ['https://127.0.0.1.example.com', false],
])('%s on loopback: %s', (url, expected) => {
  expect(isLoopback(url)).toBe(expected);
});
