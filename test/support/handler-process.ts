import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll } from '@jest/globals';

/** What a handler returned, or the text of what it threw. */
export type Outcome = { readonly result?: unknown; readonly error?: string };

export type HandlerProcess = ReturnType<typeof startHandler>;

export const REQUEST_ID = 'a1b2c3d4-0000-4000-8000-000000000001';

/** A service that the test does not name an endpoint for can't be reached, least of all the real one. */
const OFFLINE = {
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
};

const SERVE = `
const { handler } = await import(process.argv[1]);
const context = { awsRequestId: '${REQUEST_ID}', functionName: 'test', getRemainingTimeInMillis: () => 900_000 };
process.on('message', ({ event, isEnd }) => {
  if (isEnd) return process.disconnect();
  handler(event, context).then(
    (result) => process.send({ result }),
    (error) => process.send({ error: String(error) }),
  );
});
`;

const children = new Set<ChildProcess>();
// Those of tests that failed.
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

/**
 * Starts a handler in a Node process of its own, as Lambda runs it: its environment is all that it knows.
 * @param file the module that exports `handler`: its path from the project's root, or a whole one.
 */
export function startHandler(file: string, environment: Readonly<Record<string, string>>) {
  const module = pathToFileURL(resolve(import.meta.dirname, '../..', file)).href;
  const child = spawn(process.execPath, ['--input-type=module', '-e', SERVE, '--', module], {
    env: { ...OFFLINE, NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  children.add(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  const closed = once(child, 'close');
  const endedEarly = closed.then(() => {
    throw new Error(`The process ended early: ${text}`);
  });
  endedEarly.catch(() => {});
  return {
    /** Invokes the warm handler. */
    async invoke(event: unknown): Promise<Outcome> {
      child.send({ event });
      const [outcome] = await Promise.race([once(child, 'message'), endedEarly]);
      return outcome;
    },
    /** Tells the process that it ends, as Lambda does. */
    terminate: () => void child.kill('SIGTERM'),
    /** Ends it. @returns the JSON lines that it printed: logs and metrics. */
    async end(): Promise<Record<string, unknown>[]> {
      child.send({ isEnd: true });
      await closed;
      children.delete(child);
      const lines = text.split('\n').filter((line) => line.trim() !== '');
      return lines.map((line) => JSON.parse(line));
    },
  };
}

/** Invokes a handler with one event after the other, all in one warm process. */
export async function invokeHandler(events: readonly unknown[], ...starting: Parameters<typeof startHandler>) {
  const handler = startHandler(...starting);
  const outcomes: Outcome[] = [];
  for (const event of events) outcomes.push(await handler.invoke(event));
  return { outcomes, lines: await handler.end() };
}
