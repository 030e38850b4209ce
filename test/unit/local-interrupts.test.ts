import { EventEmitter } from 'node:events';
import { expect, test } from '@jest/globals';
import { parseLocalSettings } from '../../ingestion/read-settings.ts';
import type { Host } from '../../local/cli/command.ts';
import { openDatabase } from '../../local/cli/commands/sql.ts';
import { InterruptedError, watchInterrupts } from '../../local/cli/run-command.ts';
import { createTerminal } from '../../local/output/terminal.ts';
import { createHost } from '../support/local-command.ts';

function watch() {
  const notes: string[] = [];
  const exits: unknown[] = [];
  const clock = { now: 0 };
  const host = Object.assign(new EventEmitter(), { exit: (code: unknown) => exits.push(code) });
  const terminal = { note: (text: string) => void notes.push(text) };
  const interrupt = watchInterrupts({ host: host as unknown as Host, terminal }, () => clock.now);
  const signal = (name: string, at: number) => {
    clock.now = at;
    host.emit(name);
  };
  return { notes, exits, interrupt, signal };
}

test.each(['SIGINT', 'SIGTERM'])('a first %s asks for an end, naming it', (name) => {
  const { notes, interrupt, signal } = watch();
  signal(name, 0);
  expect(notes).toEqual(['Finishing the requests under way. Press Ctrl-C again to leave at once.']);
  expect(interrupt.reason).toEqual(new InterruptedError(`Interrupted by ${name}.`));
});

test('a second one ends at once; the copy of one keystroke that npm passes on is none', () => {
  const { exits, signal } = watch();
  signal('SIGINT', 0);
  signal('SIGINT', 20);
  expect(exits).toEqual([]);
  signal('SIGTERM', 1_000);
  expect(exits).toEqual([130]);
});

test('npm run sql without psql, in a terminal, keeps the database running until Ctrl-C', async () => {
  const { host, output } = createHost({ PATH: '/nowhere' }, { isTerminal: true });
  Object.assign(host.stdout, { isTTY: true });
  const terminal = createTerminal(host.stdout, host.stderr, false);
  const interrupt = watchInterrupts({ host, terminal }, () => 0);
  const opened = openDatabase('postgres://me:word@127.0.0.1:1/prices', {
    ...{ settings: parseLocalSettings({}), terminal, interrupt, host },
  });
  while (output.stdout === '') await new Promise(setImmediate);
  host.emit('SIGINT');
  expect(await opened).toMatchObject({ exitCode: 0, text: 'Stopped.' });
  expect(output.stdout).toBe(
    'psql is not installed. Until Ctrl-C the database is postgres://me:word@127.0.0.1:1/prices\n',
  );
});
