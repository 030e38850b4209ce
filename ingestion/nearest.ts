/** @returns how many letters must be put in, left out or changed (Levenshtein). */
export function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...to].entries())
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)));
    row = next;
  }
  return row[to.length] ?? 0;
}

/** @returns the word that takes the fewest changes. @param words at least one. */
export const nearest = (given: string, words: readonly string[]): string =>
  words.reduce((best, word) => (editDistance(given, word) < editDistance(given, best) ? word : best));
