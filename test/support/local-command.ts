import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Host } from '../../local/cli/command.ts';
import { runCommandLine } from '../../local/cli/command-line.ts';

const { PATH, NODE_COMPILE_CACHE } = process.env;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type CommandResult = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Variables for the command. */
export type CommandEnvironment = Readonly<Record<string, string | undefined>>;

/** A stand-in for the process that a command takes its surroundings from. Emit a signal on it to send one. */
export function createHost(env: CommandEnvironment, { cwd = import.meta.dirname, isTerminal = false } = {}) {
  const output = { stdout: '', stderr: '' };
  const streamTo = (name: keyof typeof output) =>
    new Writable({
      decodeStrings: false,
      write(chunk, _encoding, done) {
        output[name] += chunk;
        done();
      },
    });
  const host = Object.assign(new EventEmitter(), {
    ...{ env: { ...env }, cwd: () => cwd, stdin: { isTTY: isTerminal } },
    ...{ stdout: streamTo('stdout'), stderr: streamTo('stderr') },
    exit: () => {
      throw new Error('A command that is called in the process of a test ended it.');
    },
  });
  return { host: host as unknown as Host & EventEmitter, output };
}

/** Calls the command in this process, as bin/ingest.ts does. @param cwd where a file `.env` would be read. */
export async function callCommand(
  args: readonly string[],
  env: CommandEnvironment,
  cwd?: string,
): Promise<CommandResult> {
  const { host, output } = createHost(env, { ...(cwd && { cwd }) });
  const code = await runCommandLine(args, host);
  return { code, ...output };
}

/**
 * Starts the command in a process of its own.
 * @param env one that is undefined is not set at all, the others of the project are empty.
 */
export function startCommand(
  args: readonly string[],
  env: CommandEnvironment,
): { child: ChildProcess; result: Promise<CommandResult> } {
  const child = spawn(process.execPath, ['--import', './bin/require-node.mjs', 'bin/ingest.ts', ...args], {
    cwd: ROOT,
    // Empty counts as not set, and keeps a developer's .env out.
    env: { PATH, NODE_COMPILE_CACHE, ...NOTHING_SET, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  return { child, result: once(child, 'close').then(([code]) => ({ code, ...output })) };
}

const NOTHING_SET = Object.fromEntries(
  [
    ...['DATABASE_URL', 'CRON_SECRET', 'LOG_LEVEL', 'UNIVERSE'],
    ...['API_KEY', 'PLAN', 'BASE_URL', 'REQUESTS_PER_MINUTE', 'MONTHLY_CREDITS', 'HISTORY_DAYS'].map(
      (name) => `COINGECKO_${name}`,
    ),
  ].map((name) => [name, '']),
);
