import { fork } from 'node:child_process';
import { once } from 'node:events';

type Options = { seriesCount: number; requestsPerMinute?: number; latencyMs?: number };

/** Starts a simulator with so many series in a process of its own, for `await using`. */
export async function startSimulatorProcess(options: Options) {
  const child = fork(new URL('./simulator-child.ts', import.meta.url), [JSON.stringify(options)]);
  const [baseUrl] = await once(child, 'message');
  return {
    baseUrl: String(baseUrl),
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit');
      child.kill();
      await exited;
    },
  };
}
