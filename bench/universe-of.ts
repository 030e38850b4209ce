import type { Universe } from '../ingestion/contract/universe-schema.ts';
import { DEFAULT_UNIVERSE } from '../test/support/universe.ts';

/** @returns the default universe, or one of made-up coins with that many series in four currencies. */
export function universeOf(seriesCount: number): Universe {
  const { coins, currencies } = DEFAULT_UNIVERSE;
  if (seriesCount === coins.length * currencies.length) return DEFAULT_UNIVERSE;
  const count = Math.ceil(seriesCount / currencies.length);
  const madeUp = Array.from({ length: count }, (_, index) => ({
    id: `coin-${index}`,
    symbol: `c${index}`,
    name: `Coin ${index}`,
  }));
  return { coins: madeUp, currencies };
}
