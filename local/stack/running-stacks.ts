import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';

const runningStack = z.object({ url: z.string(), endpoint: z.string(), queueUrl: z.string() });

/** How another process on this machine reaches a stack's queue. */
type RunningStack = z.infer<typeof runningStack>;

/** Does the work while a file tells other processes that this one runs the stack. */
export async function underNote(folder: string, stack: RunningStack, work: () => Promise<void>): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${process.pid}.json`);
  await writeFile(file, JSON.stringify(stack));
  try {
    await work();
  } finally {
    await rm(file, { force: true });
  }
}

/** @returns the stacks of the processes that are alive. Files that killed ones left behind are removed. */
export async function findStacks(folder: string): Promise<RunningStack[]> {
  const stacks: RunningStack[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const file = join(folder, name);
    if (isAlive(Number.parseInt(name, 10))) stacks.push(runningStack.parse(JSON.parse(await readFile(file, 'utf8'))));
    else await rm(file, { force: true });
  }
  return stacks;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
