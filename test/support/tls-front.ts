import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { OWN_AUTHORITY } from './own-authority.ts';

type Front = { readonly port: number; close(): Promise<void> };

/** Serves a plain server's answers over TLS, as `prices.test` of its own authority. */
export async function startTlsFront(target: number): Promise<Front> {
  const sockets = new Set<Socket>();
  const server = createTlsServer(OWN_AUTHORITY, (client) => join(sockets, client, connect(target, '127.0.0.1')));
  return await listen(server, sockets);
}

/** A proxy that takes every CONNECT, whatever name it has, to one port of this machine. */
export async function startConnectProxy(target: number): Promise<Front & { readonly asked: readonly string[] }> {
  const sockets = new Set<Socket>();
  const asked: string[] = [];
  const server = createServer().on('connect', (request: IncomingMessage, client: Socket) => {
    asked.push(`${request.url}`);
    const upstream = connect(target, '127.0.0.1', () => client.write('HTTP/1.1 200 Connection established\r\n\r\n'));
    join(sockets, client, upstream);
  });
  return { ...(await listen(server, sockets)), asked };
}

function join(sockets: Set<Socket>, client: Socket, upstream: Socket): void {
  sockets.add(client).add(upstream);
  client.pipe(upstream).pipe(client);
  client.on('error', () => upstream.destroy());
  upstream.on('error', () => client.destroy());
}

async function listen(server: Server, sockets: Set<Socket>): Promise<Front> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
