import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type CommandResult = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

/**
 * Starts the local command in a process of its own, with these variables and no others of this project's.
 * @returns the process and what it comes to.
 */
export function startCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): { child: ChildProcess; result: Promise<CommandResult> } {
  const child = spawn(process.execPath, ['--import', './bin/require-node.mjs', 'bin/ingest.ts', ...args], {
    cwd: ROOT,
    // Empty counts as not set, and keeps a developer's .env out.
    env: { PATH: process.env['PATH'], ...NOTHING_SET, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  return { child, result: once(child, 'close').then(([code]) => ({ code, ...output })) };
}

export const runCommand = (args: readonly string[], env: Readonly<Record<string, string>>): Promise<CommandResult> =>
  startCommand(args, env).result;

const NOTHING_SET = Object.fromEntries(
  [
    ...['DATABASE_URL', 'CRON_SECRET', 'LOG_LEVEL', 'UNIVERSE'],
    ...['API_KEY', 'PLAN', 'BASE_URL', 'REQUESTS_PER_MINUTE', 'MONTHLY_CREDITS', 'HISTORY_DAYS'].map(
      (name) => `COINGECKO_${name}`,
    ),
  ].map((name) => [name, '']),
);
