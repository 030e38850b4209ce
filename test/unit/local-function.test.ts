import { afterEach, describe, expect, test } from '@jest/globals';
import { createFunction, type LambdaFunction } from '../../local/stack/lambda-function.ts';

const started: LambdaFunction[] = [];
afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
});

/** @param body of the handler, which sees `event` and `context`. @param before what the module does before. */
function run(
  body: string,
  options: { before?: string; timeoutMs?: number; environment?: Record<string, string> } = {},
) {
  const { before = '', timeoutMs = 10_000, environment = {} } = options;
  const source = `${before}; export async function handler(event, context) { ${body} }`;
  const lines: string[] = [];
  const created = createFunction({
    ...{ name: 'test', environment, timeoutMs },
    file: new URL(`data:text/javascript,${encodeURIComponent(source)}`),
    onLine: (line) => lines.push(line),
  });
  started.push(created);
  return { ...created, lines };
}

describe('a function of the local stack', () => {
  test('is given the event and the time that it has left, and stays warm', async () => {
    const warm = run('calls += 1; return { event, calls, left: context.getRemainingTimeInMillis() };', {
      before: 'let calls = 0',
      timeoutMs: 5_000,
    });
    expect(await warm.invoke({ a: 1 })).toMatchObject({ event: { a: 1 }, calls: 1 });
    const { calls, left } = (await warm.invoke({})) as { calls: number; left: number };
    expect(calls).toBe(2);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(5_000);
  });

  test('knows no environment but its own', async () => {
    const environment = { STAGE: 'local' };
    expect(await run('return { ...process.env };', { environment }).invoke({})).toEqual(environment);
  });

  test('has its lines collected, to the last one before its answer', async () => {
    const talkative = run("console.log('one'); console.error('two');");
    await talkative.invoke({});
    await talkative.stop();
    expect(talkative.lines.sort()).toEqual(['one', 'two']);
  });

  test.each([
    ['throws', "throw new Error('No.')", 'The function test failed: Error: No.'],
    ['crashes', 'process.exit(7)', 'The function test failed: The instance ended'],
    [
      'crashes beside its work',
      "setImmediate(() => { throw new Error('Beside.') }); await new Promise(() => {})",
      'Beside.',
    ],
  ])('that %s fails the invocation, and works on the next', async (_, body, error) => {
    const failing = run(`if (event.fails) { ${body} } return 'fine';`);
    await expect(failing.invoke({ fails: true })).rejects.toThrow(error);
    expect(await failing.invoke({})).toBe('fine');
  });

  test('that takes too long is ended, and started anew for the next event', async () => {
    const slow = run('if (event.hangs) await new Promise(() => {}); return (calls += 1);', {
      before: 'let calls = 0',
      timeoutMs: 1_000,
    });
    await expect(slow.invoke({ hangs: true })).rejects.toThrow('Task timed out after 1 s');
    expect(await slow.invoke({})).toBe(1);
  });

  test('sees an interrupt as SIGTERM', async () => {
    const body = "await new Promise((resolve) => process.once('SIGTERM', resolve)); return 'told';";
    const waiting = run(body);
    const invoked = waiting.invoke({});
    waiting.interrupt();
    expect(await invoked).toBe('told');
  });
});
