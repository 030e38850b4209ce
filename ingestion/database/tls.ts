import { once } from 'node:events';
import { connect } from 'node:net';
import { isLoopbackHost } from '../contract/settings.ts';
import type { Log } from '../ports.ts';

/** PostgreSQL's SSLRequest: its length, and a number that is no protocol version. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/**
 * Asks a server whether it speaks TLS. pg can't go on without it on the same connection, as libpq does.
 * @throws the error of a connection that doesn't come about in time.
 */
async function offersTls(host: string, port: number, timeoutMs: number): Promise<boolean> {
  const socket = connect({ host, port });
  socket.setTimeout(timeoutMs, () =>
    socket.destroy(Object.assign(new Error(`no answer within ${timeoutMs / 1000} s`), { code: 'ETIMEDOUT' })),
  );
  try {
    await once(socket, 'connect');
    socket.write(SSL_REQUEST);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString('latin1', 0, 1) === 'S';
  } finally {
    socket.on('error', () => {});
    socket.destroy();
  }
}

/**
 * What `sslmode=prefer` comes to at a server: TLS without a verified certificate where it offers that, else none.
 * @param log is told of a connection that is not encrypted, unless it stays on this machine.
 */
export async function chooseTls(
  { host, port }: { host: string; port: number },
  timeoutMs: number,
  log?: Pick<Log, 'warn'>,
): Promise<false | { rejectUnauthorized: false }> {
  if (await offersTls(host, port, timeoutMs)) return { rejectUnauthorized: false };
  if (!isLoopbackHost(host))
    log?.warn('The connection to the database is not encrypted: the server offers no TLS', { host });
  return false;
}
