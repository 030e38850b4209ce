import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** @property close gives the folder free. @property remove deletes it too, with all that it holds. */
export type OwnFolder = { readonly path: string; close(): void; remove(): Promise<void> };

/**
 * Takes a folder below `parent` that no living process has, so that two stacks on one database don't share a queue.
 * @returns `own`, and the folders of other stacks that have ended. They are ours too until they are closed or removed.
 */
export async function takeFolder(parent: string): Promise<{ own: OwnFolder; left: OwnFolder[] }> {
  await mkdir(parent, { recursive: true });
  const free: OwnFolder[] = [];
  for (const name of await readdir(parent)) {
    const folder = await lock(join(parent, name));
    if (folder) free.push(folder);
  }
  const [own, ...left] = free;
  if (own) return { own, left };
  for (let number = 1; ; number += 1) {
    const folder = await lock(join(parent, String(number)));
    if (folder) return { own: folder, left: [] };
  }
}

/** The operating system's code of SQLite for a file that another process has locked. */
const SQLITE_BUSY = 5;

/**
 * The lock ends with its process, however that ends.
 * @returns null where another process has it.
 */
async function lock(path: string): Promise<OwnFolder | null> {
  await mkdir(path, { recursive: true });
  const file = new DatabaseSync(join(path, 'lock'), { timeout: 0 });
  try {
    file.exec('begin exclusive');
  } catch (error) {
    file.close();
    if ((error as { errcode?: unknown }).errcode === SQLITE_BUSY) return null;
    throw error;
  }
  return {
    path,
    close: () => file.close(),
    async remove() {
      // Before the lock is given free: another process would begin to use the folder.
      await rm(path, { recursive: true, force: true });
      file.close();
    },
  };
}
