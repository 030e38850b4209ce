import { createServer, connect as dial, type Socket } from 'node:net';
import { close, listen } from './listen.ts';

export type TcpProxy = Awaited<ReturnType<typeof startTcpProxy>>;

/** A way to a server that can be cut like a cable: nothing comes through any more, and nobody is told. */
export async function startTcpProxy(target: { host: string; port: number }, port = 0) {
  let isCut = false;
  const sockets = new Set<Socket>();
  // Half-open, so that not even a goodbye is answered.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = dial(target);
    sockets.add(client).add(upstream);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('data', (bytes) => isCut || to.write(bytes));
      from.on('end', () => isCut || to.end());
      from.on('error', () => isCut || to.destroy());
    }
  });
  return {
    port: await listen(server, port),
    cut() {
      isCut = true;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return close(server);
    },
  };
}
