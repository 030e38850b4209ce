import { realpath, rename, stat, writeFile } from 'node:fs/promises';
import { UsageError } from './usage-error.ts';

/**
 * Writes the file as a whole or not at all: a reader never sees half of it.
 * @throws UsageError when it can't be written.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  try {
    // A link stays one.
    const file = await realpath(path);
    const draft = `${file}.${process.pid}.tmp`;
    await writeFile(draft, text, { mode: (await stat(file)).mode });
    await rename(draft, file);
  } catch (error) {
    throw new UsageError(`${path} can't be written: ${(error as Error).message}.`);
  }
}
