import { expect, test } from '@jest/globals';
import { findUnknown } from '../../ingestion/contract/nearest.ts';
import { DEFAULT_UNIVERSE } from '../support/universe.ts';

test.each([
  [['bitcoin', 'bitcon'], { name: 'bitcon', meant: 'bitcoin' }],
  [['Bitcoin'], { name: 'Bitcoin', meant: 'bitcoin' }],
  [['doge'], { name: 'doge', meant: 'dogecoin' }],
  // A symbol says more than the likeness of letters.
  [['DOT'], { name: 'DOT', meant: 'polkadot' }],
  [['bitcoin', 'ripple'], null],
  [[], null],
])('%j: what was probably meant is %j', (given, found) => {
  expect(findUnknown(given, DEFAULT_UNIVERSE.coins)).toEqual(found);
});
