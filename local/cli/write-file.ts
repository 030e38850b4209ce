import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { IngestionError } from '../../ingestion/domain/failure.ts';
import { UsageError } from './command.ts';

/**
 * Writes a file as a whole or not at all: beside its place, and then renamed into it.
 * @param options.mayReplace whether a file that is there is replaced.
 * @returns the file's absolute path, and whether there was one before.
 * @throws UsageError when it can't be written.
 */
export async function writeAtomically(
  file: string,
  chunks: AsyncIterable<string>,
  { mayReplace = true }: { mayReplace?: boolean } = {},
): Promise<{ path: string; isReplaced: boolean }> {
  // A link stays one: what it leads to is replaced.
  const path = await realpath(file).catch(() => resolve(file));
  const before = await stat(path).catch(() => null);
  if (before && !before.isFile()) throw new UsageError(`${path} is no regular file. Name another one.`);
  if (before && !mayReplace) throw new UsageError(`${path} exists. To replace it: --force`);
  const unfinished = `${path}.${process.pid}.unfinished`;
  try {
    const handle = await open(unfinished, 'wx', before?.mode);
    await pipeline(chunks, handle.createWriteStream({ flush: true }));
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    if (error instanceof IngestionError || (error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new UsageError(`${path} can't be written: ${(error as Error).message}.`, { cause: error });
  }
  return { path, isReplaced: before !== null };
}
