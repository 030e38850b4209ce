import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { show } from '../../ingestion/contract/show.ts';

const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown;

test.each<[unknown, string]>([
  [undefined, 'nothing'],
  [null, 'null'],
  [12.5, '12.5'],
  ['EUR', '"EUR"'],
  ['two\nlines', String.raw`"two\nlines"`],
  [[], '[]'],
  [{}, '{}'],
  [['bitcoin', 7], '["bitcoin",7]'],
  [{ from: '2026-01-01', to: [] }, '{"from":"2026-01-01","to":[]}'],
  [[1, 2, 3, 4], '[1,2,3,…]'],
  [{ a: { b: { c: 1 } } }, '{"a":{"b":{…}}}'],
])('%j is shown as %s', (value, text) => {
  expect(show(value)).toBe(text);
});

test('whatever it is, it is one short line', () => {
  fc.assert(
    fc.property(fc.anything({ maxDepth: 6 }), (value) => {
      const text = show(value);
      expect(text.length).toBeLessThanOrEqual(101);
      expect(text).not.toContain('\n');
    }),
  );
  expect(show(nested(100_000))).toBe('[[[…]]]');
});

test('a secret is never shown whole', () => {
  const secret = 's3cret'.repeat(8);
  expect(show(secret)).not.toContain(secret);
  expect(show({ [secret]: [secret] })).not.toContain(secret);
});
