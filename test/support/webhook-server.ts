import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { close, listen } from './listen.ts';
import { OF_WEBHOOKS } from './self-signed.ts';

export type WebhookServer = Awaited<ReturnType<typeof startWebhooks>>;

/** The hosts of Slack, Teams and Discord, over real HTTPS, behind a proxy on loopback. */
export async function startWebhooks() {
  const folder = await mkdtemp(join(tmpdir(), 'webhooks-'));
  const authority = join(folder, 'authority.pem');
  await writeFile(authority, OF_WEBHOOKS.cert);
  const posts: { url: string; method: string; body: unknown }[] = [];
  const chat = createTlsServer(OF_WEBHOOKS, async (request, response) => {
    const { method = '', url = '', headers } = request;
    posts.push({ method, url: `https://${headers.host}${url}`, body: await json(request) });
    server.answer(response);
  });
  const port = await listen(chat);
  const proxy = createServer().on('connect', (_request, client, head) => {
    const through = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      through.write(head);
      through.pipe(client).pipe(through);
    });
    for (const socket of [client, through]) socket.on('error', () => {});
  });
  const server = {
    /** What was posted, in order. */
    posts,
    /** The answer to the next posts. */
    answer: (response: ServerResponse): unknown => response.end('ok'),
    /** Makes a process take this server for every host of webhooks: it is the proxy, and their certificates are good. */
    environment: {
      ...{ NODE_USE_ENV_PROXY: '1', NODE_EXTRA_CA_CERTS: authority },
      HTTPS_PROXY: `http://127.0.0.1:${await listen(proxy)}`,
    },
    close: () => Promise.all([close(chat), close(proxy), rm(folder, { recursive: true })]),
  };
  return server;
}
