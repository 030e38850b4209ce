import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseDatabaseUrl } from '../../ingestion/database/database-url.ts';

/**
 * Opens psql in this terminal, and waits until it ends. Its days are UTC days. It reads the URL's parameters as libpq does.
 * @param url with a password, which goes to psql in the environment: everyone on the machine can read arguments.
 * @returns psql's exit code; null where psql is not installed.
 */
export async function openPsql(url: string): Promise<number | null> {
  const { password } = parseDatabaseUrl(url);
  const child = spawn('psql', [withoutPassword(url)], {
    stdio: 'inherit',
    env: { PGTZ: 'UTC', PGAPPNAME: 'npm run sql', ...process.env, ...(password !== null && { PGPASSWORD: password }) },
  });
  // In psql Ctrl-C ends a statement, and must not end the database behind it.
  process.removeAllListeners('SIGINT').on('SIGINT', () => {});
  try {
    const [code] = await once(child, 'exit');
    return code ?? 1;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** @returns the URL as it may be shown. */
export function withoutPassword(url: string): string {
  const [address = '', query] = url.trim().split('?');
  const shown = address.replace(
    /^(\w+:\/\/)([^/#]*)@/,
    (_, scheme: string, user: string) => `${scheme}${user.split(':')[0]}@`,
  );
  const parameters = query?.split('&').filter((pair) => pair !== '' && !pair.startsWith('password='));
  return parameters && parameters.length > 0 ? `${shown}?${parameters.join('&')}` : shown;
}
