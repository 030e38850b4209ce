import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const { PATH, NODE_COMPILE_CACHE } = process.env;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type CommandResult = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** Variables for the command; one that is undefined is not set at all, the others of the project are empty. */
export type CommandEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * Starts the local command in a process of its own.
 * @returns the process and what it comes to.
 */
export const startCommand = (args: readonly string[], env: CommandEnvironment, cwd = ROOT) =>
  startNode(['--import', join(ROOT, 'bin/require-node.mjs'), join(ROOT, 'bin/ingest.ts'), ...args], env, cwd);

export const runCommand = (...call: Parameters<typeof startCommand>): Promise<CommandResult> =>
  startCommand(...call).result;

/** Starts Node itself with these arguments, where a test needs another program than the command. */
export function startNode(
  args: readonly string[],
  env: CommandEnvironment,
  cwd = ROOT,
): { child: ChildProcess; result: Promise<CommandResult> } {
  const child = spawn(process.execPath, args, {
    cwd,
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
