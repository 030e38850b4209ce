import type { Universe } from '../ingestion/contract/universe-schema.ts';
import { DEFAULT_UNIVERSE, madeUpCoins } from '../test/support/universe.ts';

/** @returns the default universe, or one of made-up coins with that many series in four currencies. */
export function universeOf(seriesCount: number): Universe {
  const { coins, currencies } = DEFAULT_UNIVERSE;
  if (seriesCount === coins.length * currencies.length) return DEFAULT_UNIVERSE;
  const count = Math.ceil(seriesCount / currencies.length);
  return { coins: madeUpCoins(count), currencies };
}
