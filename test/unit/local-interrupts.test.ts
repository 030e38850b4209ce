import { EventEmitter } from 'node:events';
import { expect, test } from '@jest/globals';
import { InterruptedError, watchInterrupts } from '../../local/cli/interrupts.ts';

function watch() {
  const calls: string[] = [];
  const clock = { now: 0 };
  const process = new EventEmitter();
  const interrupt = watchInterrupts(process, () => clock.now, {
    first: () => calls.push('first'),
    second: () => calls.push('second'),
  });
  const signal = (name: string, at: number) => {
    clock.now = at;
    process.emit(name);
  };
  return { calls, interrupt, signal };
}

test.each(['SIGINT', 'SIGTERM'])('a first %s asks for an end, naming it', (name) => {
  const { calls, interrupt, signal } = watch();
  signal(name, 0);
  expect(calls).toEqual(['first']);
  expect(interrupt.reason).toEqual(new InterruptedError(`Interrupted by ${name}.`));
});

test('a second one ends at once', () => {
  const { calls, signal } = watch();
  signal('SIGINT', 0);
  signal('SIGTERM', 1_000);
  expect(calls).toEqual(['first', 'second']);
});

test('the copy of one keystroke that npm passes on is no second one', () => {
  const { calls, signal } = watch();
  signal('SIGINT', 0);
  signal('SIGINT', 20);
  expect(calls).toEqual(['first']);
});
