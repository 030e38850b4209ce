// Chance without state: the same key and index always give the same number, so a series has the same samples whatever
// window is asked for.

// Called for every sample: in the test runner's contexts, looking up a global each time is slow.
const { exp, floor, imul, SQRT2 } = Math;

/** Chosen once. Another one would make other prices. */
export const SEED = 1;

/** @returns a 32-bit key for the stream that these parts name: their FNV-1a hash. */
export function streamKey(...parts: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const character of parts.join('/')) hash = imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return hash;
}

/** @returns the stream's number at that index, in [0, 1): key and index through murmur3's finalizer. */
export function randomAt(key: number, index: number): number {
  let hash = key ^ imul(index, 0x9e3779b1);
  hash = imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** A coin at one moment, in the currency asked for. `volume` is the rolling 24 h figure. */
type Quote = { readonly price: number; readonly marketCap: number; readonly volume: number };

/** USD prices and circulating supplies, about as they were in 2025. */
const COINS: Readonly<Record<string, { priceUsd: number; supply: number }>> = {
  bitcoin: { priceUsd: 90_000, supply: 19.9e6 },
  ethereum: { priceUsd: 3_000, supply: 120.7e6 },
  solana: { priceUsd: 140, supply: 555e6 },
  cardano: { priceUsd: 0.45, supply: 35.8e9 },
  ripple: { priceUsd: 2.1, supply: 60e9 },
  polkadot: { priceUsd: 2.4, supply: 1.63e9 },
  dogecoin: { priceUsd: 0.15, supply: 151e9 },
  'avalanche-2': { priceUsd: 14, supply: 428e6 },
  chainlink: { priceUsd: 13, supply: 697e6 },
  uniswap: { priceUsd: 6, supply: 630e6 },
  litecoin: { priceUsd: 85, supply: 76.5e6 },
};

/** What one US dollar costs in each currency. */
const RATES: Readonly<Record<string, number>> = { usd: 1, eur: 0.86, gbp: 0.76, try: 42, jpy: 156, chf: 0.8 };

/** The walk's steps double from 5 minutes to 114 days. Longer ones would carry prices away from their level. */
const FINEST_STEP_MS = 5 * 60_000;
const DOUBLINGS = 16;
/** Makes returns deviate by about 0.5 % an hour and 2.5 % a day, as bitcoin's did in 2021 to 2025. */
const FINEST_AMPLITUDE = 0.0012;

/**
 * A random walk around 0 that can be read at any moment without walking there. It sums noise on ever coarser grids,
 * each twice as wide and √2 times as high as the one before: that is how the spread of a random walk grows with time.
 */
function makeWalk(key: number): (at: number) => number {
  const grids = Array.from({ length: DOUBLINGS }, (_, grid) => ({
    key: key ^ imul(grid + 1, 0x27d4eb2f),
    step: FINEST_STEP_MS * 2 ** grid,
    amplitude: FINEST_AMPLITUDE * SQRT2 ** grid,
    // Moments are mostly read in order: the next one often lies between the same two points.
    index: Number.NaN,
    before: 0,
    after: 0,
  }));
  return (at) => {
    let sum = 0;
    for (const grid of grids) {
      const position = at / grid.step;
      const index = floor(position);
      if (index !== grid.index) {
        grid.before = index === grid.index + 1 ? grid.after : randomAt(grid.key, index);
        grid.after = randomAt(grid.key, index + 1);
        grid.index = index;
      }
      sum += grid.amplitude * (2 * (grid.before + (grid.after - grid.before) * (position - index)) - 1);
    }
    return sum;
  };
}

/** @returns a level for a coin that has none above. Like most coins, it is mostly small: down to 0.0000001. */
function inventCoin(coin: string): { priceUsd: number; supply: number } {
  const key = streamKey(SEED, coin, 'level');
  const priceUsd = 10 ** (-7 + 9 * randomAt(key, 0));
  const marketCapUsd = 10 ** (6 + 4 * randomAt(key, 1));
  return { priceUsd, supply: marketCapUsd / priceUsd };
}

/**
 * The series of one coin in one currency: a pure function of the names and the moment. As at CoinGecko, a
 * figure in another currency is the one in US dollars times a rate, and at any moment all coins have the same rate.
 * @param hasFixedRates whether rates between currencies stand still.
 */
export function makeSeries(coin: string, currency: string, hasFixedRates = false): (at: number) => Quote {
  const { priceUsd, supply } = COINS[coin] ?? inventCoin(coin);
  const rateLevel = RATES[currency] ?? 10 ** (-2 + 5 * randomAt(streamKey(SEED, currency, 'level'), 0));
  const volumeKey = streamKey(SEED, coin, 'volume');
  const priceWalk = makeWalk(streamKey(SEED, coin, 'price'));
  const volumeWalk = makeWalk(volumeKey);
  const rateWalk = makeWalk(streamKey(SEED, currency, 'rate'));
  const turnover = 0.02 + 0.06 * randomAt(volumeKey, 0);
  return (at) => {
    // Currencies move a tenth as much as coins do.
    const rate = currency === 'usd' ? 1 : hasFixedRates ? rateLevel : rateLevel * exp(0.1 * rateWalk(at));
    const price = priceUsd * exp(priceWalk(at)) * rate;
    const marketCap = price * supply;
    return { price, marketCap, volume: marketCap * turnover * exp(volumeWalk(at)) };
  };
}
