import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import * as z from 'zod';
import { LockTakenError } from '../../ingestion/domain/failure.ts';

/** For clients of the local queue. The SDK wants to sign its requests, though none leaves the machine. */
export const LOCAL_AWS = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
} as const;

const runningStack = z.object({ url: z.string(), endpoint: z.string(), queueUrl: z.string() });

/** How another process on this machine reaches a stack and its queue. */
export type RunningStack = z.infer<typeof runningStack>;

/** @property announce tells other processes how to reach the stack. @property close gives the folder free. */
export type QueueFolder = { readonly path: string; announce(stack: RunningStack): Promise<void>; close(): void };

/** Earlier versions numbered the queues of one database. What the first of them left is taken up. */
const placeIn = (folder: string): string => join(folder, '1');

/**
 * Takes the folder of a database's queue for this process. The lock ends with the process, however that ends.
 * @throws LockTakenError with the address of the stack that has it.
 */
export async function takeFolder(folder: string): Promise<QueueFolder> {
  const path = placeIn(folder);
  await mkdir(path, { recursive: true });
  const lock = new DatabaseSync(join(path, 'lock'), { timeout: LOOK_MS });
  try {
    lock.exec('begin exclusive');
  } catch (error) {
    lock.close();
    if (!isLocked(error)) throw error;
    const stack = await readNote(path);
    const where = stack ? ` Its page is ${stack.url}` : ' It is starting or stopping.';
    throw new LockTakenError(`Another npm start is running on this database: use it, or stop it first.${where}`);
  }
  await rm(join(path, NOTE), { force: true });
  return {
    path,
    announce: (stack) => writeFile(join(path, NOTE), JSON.stringify(stack)),
    close: () => lock.close(),
  };
}

/** @returns the stacks that are running, of all databases. @param parent holds their folders. */
export async function findStacks(parent: string): Promise<RunningStack[]> {
  const folders = await readdir(parent).catch(() => []);
  const held = folders.map((name) => placeIn(join(parent, name))).filter(isHeld);
  return (await Promise.all(held.map(readNote))).filter((stack) => stack !== null);
}

const NOTE = 'stack.json';

/** Whoever looks whether a folder is taken locks it for a moment. A stack that starts waits for that. */
const LOOK_MS = 250;

function isHeld(path: string): boolean {
  try {
    const lock = new DatabaseSync(join(path, 'lock'), { readOnly: true });
    try {
      lock.exec('select * from sqlite_schema');
    } finally {
      lock.close();
    }
    return false;
  } catch (error) {
    return isLocked(error);
  }
}

/** SQLite's code for a file that another process has locked. */
const SQLITE_BUSY = 5;

const isLocked = (error: unknown): boolean => (error as { errcode?: unknown }).errcode === SQLITE_BUSY;

/** @returns null while the stack has not written it, or is writing it. */
async function readNote(path: string): Promise<RunningStack | null> {
  try {
    return runningStack.parse(JSON.parse(await readFile(join(path, NOTE), 'utf8')));
  } catch {
    return null;
  }
}
