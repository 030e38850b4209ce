import type pg from 'pg';
import type { Log } from '../ports.ts';

/**
 * Tells of a statement that waits for somebody's lock: pid, role and application of who holds it.
 * @param options.pid of the process that may wait.
 * @param options.connect makes a connection to look from.
 * @returns what the statement returns.
 */
export async function withLockWatch<Result>(
  statement: Promise<Result>,
  options: { pid: number; afterMs: number; log: Pick<Log, 'warn'>; connect: () => Promise<pg.Client> },
): Promise<Result> {
  // A look that fails changes nothing: the statement has its own end.
  const timer = setTimeout(() => void tellBlockers(options).catch(() => {}), options.afterMs);
  try {
    return await statement;
  } finally {
    clearTimeout(timer);
  }
}

async function tellBlockers({ pid, log, connect }: Parameters<typeof withLockWatch>[1]): Promise<void> {
  const client = await connect();
  try {
    const { rows } = await client.query(
      `select pid, usename as role, application_name as application
       from pg_stat_activity where pid = any(pg_blocking_pids($1))`,
      [pid],
    );
    if (rows.length > 0) log.warn("The database waits for another session's lock", { blockedBy: rows });
  } finally {
    await client.end();
  }
}
