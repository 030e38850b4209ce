import { createInterface } from 'node:readline/promises';

/**
 * Lets a person choose one of several by its number. The terminal's own line editing is used, so that Ctrl-C stays the
 * signal that it is elsewhere.
 * @param input where the number is typed.
 * @param say prints a line.
 * @returns the index; null when nothing is chosen: an empty line, the end of the input, or the signal.
 */
export async function chooseByNumber(
  title: string,
  options: readonly string[],
  { input, say, signal }: { input: NodeJS.ReadableStream; say: (text: string) => void; signal: AbortSignal },
): Promise<number | null> {
  const question = `Which one? A number from 1 to ${options.length}, or Enter for none:`;
  say([title, ...options.map((option, index) => `${String(index + 1).padStart(4)}  ${option}`), question].join('\n'));
  for await (const line of createInterface({ input, terminal: false, signal })) {
    const typed = line.trim();
    if (typed === '' || signal.aborted) return null;
    if (/^\d+$/.test(typed) && options[Number(typed) - 1] !== undefined) return Number(typed) - 1;
    say(`${JSON.stringify(typed)} is none of them. ${question}`);
  }
  return null;
}
