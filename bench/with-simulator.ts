import { fork } from 'node:child_process';
import { once } from 'node:events';

type Options = { seriesCount: number; requestsPerMinute?: number; latencyMs?: number };

/** Does the work while a simulator with so many series runs in a process of its own. */
export async function withSimulator<Result>(
  options: Options,
  work: (sourceUrl: string) => Promise<Result>,
): Promise<Result> {
  const child = fork(new URL('./simulator-child.ts', import.meta.url), [JSON.stringify(options)]);
  const exited = once(child, 'exit');
  try {
    const [sourceUrl] = await once(child, 'message');
    return await work(sourceUrl);
  } finally {
    child.kill();
    await exited;
  }
}
