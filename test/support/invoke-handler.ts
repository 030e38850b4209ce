import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export type Invocation = {
  /** What the handler returned; undefined where it threw. */
  readonly result?: unknown;
  /** The text of what it threw. */
  readonly error?: string;
  /** The JSON lines that it printed: logs and metrics. */
  readonly lines: readonly Record<string, unknown>[];
};

/** A service that the test does not name an endpoint for can't be reached, least of all the real one. */
const OFFLINE = {
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
};

const INVOKE = `
const [, path, events] = process.argv;
const { handler } = await import(path);
for (const event of JSON.parse(events)) {
  const context = {
    awsRequestId: 'a1b2c3d4-0000-4000-8000-000000000001',
    functionName: 'test',
    getRemainingTimeInMillis: () => 900_000,
  };
  await handler(event, context).then(
    (result) => process.send({ result }),
    (error) => process.send({ error: String(error) }),
  );
}
process.disconnect();
`;

/**
 * Invokes a handler in a Node process of its own, as Lambda does: its environment is all that it knows.
 * @param file the module that exports `handler`, from the project's root; or its URL.
 * @param events invocations of the same warm process, one after the other.
 * @param options.endWhen settles when the process is to be told to end, as Lambda tells it: by SIGTERM.
 * @returns one entry an event; the lines, of all of them, are in each.
 */
export async function invokeHandler(
  file: string,
  events: readonly unknown[],
  environment: Readonly<Record<string, string>>,
  options: { readonly endWhen?: Promise<void> } = {},
): Promise<Invocation[]> {
  const path = fileURLToPath(new URL(file, new URL('../../', import.meta.url)));
  const child = spawn(process.execPath, ['--input-type=module', '-e', INVOKE, '--', path, JSON.stringify(events)], {
    env: { ...OFFLINE, NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  void options.endWhen?.then(() => child.kill('SIGTERM'));
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  const outcomes: Pick<Invocation, 'result' | 'error'>[] = [];
  child.on('message', (outcome) => outcomes.push(outcome as Invocation));
  await new Promise((resolve) => child.on('close', resolve));
  if (outcomes.length !== events.length) throw new Error(`The process ended early: ${text}`);
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return outcomes.map((outcome) => ({ ...outcome, lines: lines.map((line) => JSON.parse(line)) }));
}
