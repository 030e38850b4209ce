// Chance that can be asked for any place at any time: the same key and index always give the same number, so a series
// has the same samples whatever window is asked for, and no state is kept.

// Hot: reaching for a global on every call is slow in the test runner's contexts.
const { imul } = Math;

/** @returns a 32-bit key of the parts (FNV-1a): one stream of numbers for each name. */
export function streamKey(...parts: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const character of parts.join('/')) hash = imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return hash;
}

/** @returns the number of the stream at that index, in [0, 1): murmur3's finalizer over both. */
export function randomAt(key: number, index: number): number {
  let hash = key ^ imul(index, 0x9e3779b1);
  hash = imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
