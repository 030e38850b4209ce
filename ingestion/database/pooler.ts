import type pg from 'pg';
import { DatabaseUnreachableError } from './failures.ts';

/**
 * Refuses a pooler in transaction or statement mode: the lock belongs to a session, and there it would stay with a
 * connection that the pooler gives to others. Costs nothing where no pooler is.
 *
 * @param client outside of a transaction.
 * @param connect makes another connection of the same kind.
 * @throws DatabaseUnreachableError saying what to use instead.
 */
export async function refuseTransactionPooler(client: pg.Client, connect: () => Promise<pg.Client>): Promise<void> {
  const pid = await backendOf(client);
  // A pooler answers with a process number of its own when a connection begins: it stands for no process of the server.
  if ((client as pg.Client & { processID?: number }).processID === pid) return;
  for (let tries = LOOKS; tries > 0; tries -= 1) if (await isShared(client, pid, connect)) throw refusal();
}

/** Others who use the pooler can hide in one look what the next one shows. */
const LOOKS = 8;

async function isShared(client: pg.Client, pid: number, connect: () => Promise<pg.Client>): Promise<boolean> {
  const other = await connect();
  try {
    await other.query('begin').catch((error: { code?: string; message: string }) => {
      if (error.code === '08P01' || /statement pooling/i.test(error.message)) throw refusal(error);
      throw error;
    });
    // In a transaction it keeps what it has: the first one's process, which is free then, or one of its own.
    return (await backendOf(other)) === pid || (await backendOf(client)) !== pid;
  } finally {
    await other.end();
  }
}

async function backendOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid ?? 0;
}

const refusal = (cause?: unknown) =>
  new DatabaseUnreachableError(
    'The database is behind a pooler in transaction or statement mode, where the lock that keeps two ingestions apart ' +
      'does not hold. Use the address of the server itself ("direct connection"), or the pooler\'s in session mode.',
    false,
    cause,
  );
