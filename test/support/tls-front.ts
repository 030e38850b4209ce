import { createServer, type IncomingMessage } from 'node:http';
import { connect, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { close, listen } from './listen.ts';
import { OWN_AUTHORITY } from './own-authority.ts';

/** Serves a plain server's answers over TLS, as `prices.test` of its own authority. */
export async function startTlsFront(target: number) {
  const sockets = new Set<Socket>();
  const server = createTlsServer(OWN_AUTHORITY, (client) => join(sockets, client, connect(target, '127.0.0.1')));
  return await front(server, sockets);
}

/** A proxy that takes every CONNECT, whatever name it has, to one port of this machine. */
export async function startConnectProxy(target: number) {
  const sockets = new Set<Socket>();
  const asked: string[] = [];
  const server = createServer().on('connect', (request: IncomingMessage, client: Socket) => {
    asked.push(`${request.url}`);
    const upstream = connect(target, '127.0.0.1', () => client.write('HTTP/1.1 200 Connection established\r\n\r\n'));
    join(sockets, client, upstream);
  });
  return { ...(await front(server, sockets)), asked };
}

function join(sockets: Set<Socket>, client: Socket, upstream: Socket): void {
  sockets.add(client).add(upstream);
  client.pipe(upstream).pipe(client);
  client.on('error', () => upstream.destroy());
  upstream.on('error', () => client.destroy());
}

const front = async (server: Server, sockets: Set<Socket>) => ({
  port: await listen(server),
  close() {
    for (const socket of sockets) socket.destroy();
    return close(server);
  },
});
