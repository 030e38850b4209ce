import { describe, expect, test } from '@jest/globals';
import { parseRunRequest, parseTriggerBody, RequestError, sameRequest } from '../../ingestion/message/request.ts';
import { DEFAULT_UNIVERSE, madeUpCoins } from '../support/universe.ts';

const now = Date.parse('2026-03-15T09:30:00Z');
const context = { universe: DEFAULT_UNIVERSE, now };
const ONE_DAY = { from: '2026-03-14', to: '2026-03-14' };
const scheduled = { source: 'aws.events', 'detail-type': 'Scheduled Event', triggered_at: '2026-03-15T02:00:00Z' };

function refusal(parse: () => unknown): { field: string; message: string } {
  try {
    parse();
  } catch (error) {
    if (error instanceof RequestError) return { field: error.field, message: error.message };
    throw error;
  }
  throw new Error('It was taken.');
}

describe('a run request', () => {
  test.each<[string, unknown, object]>([
    ['asks for whatever is missing when it is empty', {}, {}],
    ['takes a single day', ONE_DAY, ONE_DAY],
    ['takes 366 days', { ...ONE_DAY, from: '2025-03-14' }, { ...ONE_DAY, from: '2025-03-14' }],
    ['comes out sorted and unique', { coins: ['solana', 'bitcoin', 'solana'] }, { coins: ['bitcoin', 'solana'] }],
    ['leaves out a refetch that is not asked for', { refetch: false, currencies: ['eur'] }, { currencies: ['eur'] }],
    ['keeps a refetch of given days', { ...ONE_DAY, refetch: true }, { ...ONE_DAY, refetch: true }],
    ['takes fields that are undefined as absent', { from: undefined, coins: undefined }, {}],
  ])('%s', (_name, input, expected) => {
    expect(parseRunRequest(input, context)).toStrictEqual(expected);
  });

  const NEAREST = 'the universe, of which bitcoin is the nearest: ';
  test.each<[string, unknown, string, string]>([
    ['no object', [], 'body', 'body: found [], expected one JSON object'],
    ['null', null, 'body', 'found null'],
    ['a field that nobody knows', { form: '2026-03-01' }, 'body', 'the unknown field "form"'],
    ['a day without a month', { from: '2026', to: '2026-03-01' }, 'from', 'from: found "2026", expected a UTC day'],
    ['a day that no calendar has', { from: '2026-02-29', to: '2026-03-01' }, 'from', 'found "2026-02-29"'],
    ['a number for a day', { from: 20260301, to: '2026-03-01' }, 'from', 'found 20260301'],
    ['from alone', { from: '2026-03-01' }, 'to', 'to: found nothing'],
    ['to alone', { to: '2026-03-01' }, 'from', 'from: found nothing'],
    ['today', { from: '2026-03-15', to: '2026-03-15' }, 'to', 'expected at most yesterday in UTC, 2026-03-14'],
    ['from after to', { from: '2026-03-10', to: '2026-03-09' }, 'from', 'not after to, 2026-03-09'],
    ['367 days', { from: '2025-03-13', to: '2026-03-14' }, 'from', '367 days with to, expected at most 366'],
    ['an unknown coin', { coins: ['bitcoin', 'bitcon'] }, 'coins', `found "bitcon", expected only coins of ${NEAREST}`],
    ['a coin by its symbol in capitals', { coins: ['DOT'] }, 'coins', 'of which polkadot is the nearest: '],
    ['a coin in capitals', { coins: ['Bitcoin'] }, 'coins', 'of which bitcoin is the nearest: '],
    ['a currency not tracked', { currencies: ['jpy'] }, 'currencies', 'usd, eur, gbp, try'],
    ['no coin at all', { coins: [] }, 'coins', 'found [], expected a list of one or more'],
    ['a coin that is no list', { coins: 'bitcoin' }, 'coins', 'found "bitcoin"'],
    ['a coin that is no text', { coins: [1] }, 'coins', 'found [1]'],
    ['null for coins', { coins: null }, 'coins', 'found null'],
    ['refetch as text', { refetch: 'yes' }, 'refetch', 'expected true or false'],
    ['refetch without days', { refetch: true }, 'refetch', 'true without from and to'],
  ])('is refused for %s, naming the field', (_name, input, field, message) => {
    const found = refusal(() => parseRunRequest(input, context));
    expect(found.field).toBe(field);
    expect(found.message).toContain(message);
  });

  test('lists a large universe only in part', () => {
    const universe = { ...DEFAULT_UNIVERSE, coins: madeUpCoins(500) };
    const { message } = refusal(() => parseRunRequest({ coins: ['x'] }, { now, universe }));
    expect(message).toContain('coin-19 and 480 more');
    expect(message.length).toBeLessThan(400);
  });

  test.each([
    ['a day that is not settled yet', '2026-03-14', '2026-03-15T00:30:00Z', 'from', 'from 2026-03-15T01:15:00.000Z on'],
    [
      'what is today a moment before midnight',
      '2026-03-13',
      '2026-03-14T23:59:59.999Z',
      'to',
      'at most yesterday in UTC',
    ],
  ])('is refused for %s, by the clock', (_, from, at, field, says) => {
    const request = { from, to: '2026-03-14' };
    const when = (text: string) => () => parseRunRequest(request, { ...context, now: Date.parse(text) });
    expect(refusal(when(at))).toMatchObject({ field, message: expect.stringContaining(says) });
    expect(when('2026-03-15T01:15:00Z')()).toStrictEqual(request);
  });

  test('is taken for yesterday from midnight on, where it begins on a settled day', () => {
    const request = { from: '2026-03-13', to: '2026-03-14' };
    expect(parseRunRequest(request, { ...context, now: Date.parse('2026-03-15T00:00:00Z') })).toStrictEqual(request);
  });

  test('is the same as another that says the same in another order', () => {
    const one = parseRunRequest({ coins: ['solana', 'bitcoin'], currencies: ['usd'], refetch: false }, context);
    expect(sameRequest(one, { currencies: ['usd'], coins: ['bitcoin', 'solana'] })).toBe(true);
    expect(sameRequest(one, { coins: ['bitcoin', 'solana'] })).toBe(false);
    expect(sameRequest({ coins: ['usd'] }, { currencies: ['usd'] })).toBe(false);
  });
});

describe('the body of a call', () => {
  test('may be a run request', () => {
    const request = { coins: ['bitcoin'] };
    expect(parseTriggerBody(request, context)).toStrictEqual({ request, triggeredAt: null });
  });

  test('may be the scheduled event, whose moment is kept as it was sent', () => {
    expect(parseTriggerBody(scheduled, context)).toStrictEqual({ request: {}, triggeredAt: '2026-03-15T02:00:00Z' });
  });

  test.each<[string, object, string]>([
    ['both', { ...scheduled, coins: ['bitcoin'] }, 'body'],
    ['a scheduled event without its moment', { ...scheduled, triggered_at: undefined }, 'triggered_at'],
    ['a scheduled event without its source', { ...scheduled, source: undefined }, 'source'],
    ['a scheduled event with an empty detail type', { ...scheduled, 'detail-type': '' }, 'detail-type'],
    ['a moment that is a template nobody filled', { ...scheduled, triggered_at: '<time>' }, 'triggered_at'],
    ['a moment with an offset', { ...scheduled, triggered_at: '2026-03-15T04:00:00+02:00' }, 'triggered_at'],
    ['a moment that no calendar has', { ...scheduled, triggered_at: '2026-02-30T02:00:00Z' }, 'triggered_at'],
    [
      'a moment of endless precision',
      { ...scheduled, triggered_at: `2026-03-15T02:00:00.${'0'.repeat(99)}Z` },
      'triggered_at',
    ],
    ['a field beside the scheduled event', { ...scheduled, region: 'eu-central-1' }, 'body'],
  ])('may not be %s', (_name, input, field) => {
    expect(refusal(() => parseTriggerBody(input, context)).field).toBe(field);
  });

  test.each([
    ['14 days ago', '2026-03-01T09:30:00Z', true],
    ['longer ago', '2026-03-01T09:29:59Z', false],
    ['5 minutes ahead', '2026-03-15T09:35:00Z', true],
    ['further ahead', '2026-03-15T09:35:01Z', false],
  ])('of a scheduled event triggered %s is judged by the clock', (_name, moment, isTaken) => {
    const parse = () => parseTriggerBody({ ...scheduled, triggered_at: moment }, context);
    if (isTaken) expect(parse().triggeredAt).toBe(moment);
    else
      expect(refusal(parse).message).toContain('at most 14 days past and 5 minutes ahead of 2026-03-15T09:30:00.000Z');
  });
});
