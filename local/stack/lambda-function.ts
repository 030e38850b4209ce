import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import { IngestionError } from '../../ingestion/domain/failure.ts';

/** What is sent to the thread, and what comes back. */
export type FunctionCall =
  | { readonly kind: 'invoke'; readonly id: string; readonly event: unknown; readonly timeoutMs: number }
  | { readonly kind: 'terminate' };
export type FunctionReply = { readonly id: string; readonly result?: unknown; readonly error?: string };

/** The handler threw, the function's time was up, or it crashed. */
export class FunctionError extends IngestionError {
  override readonly name = 'FunctionError';
}

export type LambdaFunction = {
  /** @throws FunctionError */
  invoke(event: unknown): Promise<unknown>;
  /** Tells the instance that it is to end: SIGTERM, as the handler sees it. */
  interrupt(): void;
  stop(): Promise<void>;
};

/** @property waiting settles the invocations under way, by their ids. */
type Instance = { readonly thread: Worker; readonly waiting: Map<string, (reply: FunctionReply) => void> };

/**
 * Runs a handler as Lambda does: in an instance that starts with the first event and stays warm, that knows no environment
 * but its own, whose output is collected, and that is ended when its time is up. The instance is a thread.
 *
 * @param options.file the module that exports `handler`.
 * @param options.onLine is given each line that the handler prints.
 */
export function createFunction(options: {
  readonly name: string;
  readonly file: URL;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly onLine: (line: string) => void;
}): LambdaFunction {
  const { name, file, environment, timeoutMs, onLine } = options;
  let instance: Instance | null = null;

  function start(): Instance {
    const thread = new Worker(new URL('./function-thread.ts', import.meta.url), {
      env: { ...environment },
      stdout: true,
      stderr: true,
      workerData: { name, file: file.href },
    });
    const waiting: Instance['waiting'] = new Map();
    const started = { thread, waiting };
    let cause = 'ended';
    for (const input of [thread.stdout, thread.stderr]) createInterface({ input }).on('line', onLine);
    thread.on('message', (reply: FunctionReply) => waiting.get(reply.id)?.(reply));
    thread.on('error', (error) => {
      cause = `crashed: ${error}`;
    });
    thread.on('exit', () => {
      if (instance === started) instance = null;
      for (const [id, settle] of waiting) settle({ id, error: `The instance ${cause}` });
    });
    return started;
  }

  return {
    async invoke(event) {
      instance ??= start();
      const { thread, waiting } = instance;
      const id = randomUUID();
      const { promise, resolve } = Promise.withResolvers<FunctionReply>();
      waiting.set(id, resolve);
      const timer = setTimeout(() => {
        resolve({ id, error: `Task timed out after ${timeoutMs / 1000} s` });
        if (instance?.thread === thread) instance = null;
        void thread.terminate();
      }, timeoutMs);
      thread.postMessage({ kind: 'invoke', id, event, timeoutMs } satisfies FunctionCall);
      const { result, error } = await promise;
      clearTimeout(timer);
      waiting.delete(id);
      if (error !== undefined) throw new FunctionError(`The function ${name} failed: ${error}`);
      return result;
    },
    interrupt: () => instance?.thread.postMessage({ kind: 'terminate' } satisfies FunctionCall),
    async stop() {
      await instance?.thread.terminate();
    },
  };
}
