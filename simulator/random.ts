// Chance without state. The same key and index always give the same number, so a series has the same samples whatever
// window is asked for.

// Called for every sample: in the test runner's contexts, looking up a global each time is slow.
const { imul } = Math;

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
