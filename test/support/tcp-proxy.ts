import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';

/** A way to a server that can be cut like a cable: nothing comes through any more, and nobody is told. */
export type TcpProxy = {
  readonly port: number;
  cut(): void;
  close(): Promise<void>;
};

export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
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
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
