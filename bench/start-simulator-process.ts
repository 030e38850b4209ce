import { fork } from 'node:child_process';
import { once } from 'node:events';

/** Starts a simulator with so many series in a process of its own. */
export async function startSimulatorProcess(options: {
  seriesCount: number;
  requestsPerMinute?: number;
  latencyMs?: number;
}): Promise<{ baseUrl: string; close(): Promise<void> }> {
  const child = fork(new URL('./simulator-child.ts', import.meta.url), [JSON.stringify(options)]);
  const [baseUrl] = await once(child, 'message');
  return {
    baseUrl,
    async close() {
      const exited = once(child, 'exit');
      child.kill();
      await exited;
    },
  };
}
