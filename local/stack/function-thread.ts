// The inside of a function's thread: imports the handler and calls it for each event that it is sent.
import { parentPort, workerData } from 'node:worker_threads';
import type { FunctionCall, FunctionReply } from './lambda-function.ts';

const { name, file } = workerData as { name: string; file: string };
const { handler } = (await import(file)) as { handler: (event: unknown, context: object) => Promise<unknown> };

async function answer({ id, event, timeoutMs }: Extract<FunctionCall, { kind: 'invoke' }>): Promise<FunctionReply> {
  const deadline = Date.now() + timeoutMs;
  const getRemainingTimeInMillis = () => Math.max(0, deadline - Date.now());
  try {
    return { id, result: await handler(event, { awsRequestId: id, functionName: name, getRemainingTimeInMillis }) };
  } catch (error) {
    return { id, error: String(error) };
  }
}

parentPort?.on('message', async (call: FunctionCall) => {
  // Threads get no signals of their own.
  if (call.kind === 'terminate') {
    process.emit('SIGTERM', 'SIGTERM');
    return;
  }
  const reply = await answer(call);
  // Its lines before its answer: whoever has that may end the thread, and what was printed would be lost.
  await Promise.all([process.stdout, process.stderr].map((output) => new Promise((sent) => output.write('', sent))));
  parentPort?.postMessage(reply);
});
