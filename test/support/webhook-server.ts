import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OF_WEBHOOKS } from './self-signed.ts';

export type WebhookServer = {
  /** What was posted, in order. */
  readonly posts: readonly { readonly url: string; readonly method: string; readonly body: unknown }[];
  /** The answer to the next posts. */
  answer: (response: ServerResponse) => void;
  /** Makes a process take this server for every host of webhooks: it is the proxy, and their certificates are good. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<unknown>;
};

/** The hosts of Slack, Teams and Discord, over real HTTPS, behind a proxy on loopback. */
export async function startWebhooks(): Promise<WebhookServer> {
  const folder = await mkdtemp(join(tmpdir(), 'webhooks-'));
  const authority = join(folder, 'authority.pem');
  await writeFile(authority, OF_WEBHOOKS.cert);
  const posts: WebhookServer['posts'][number][] = [];
  const chat = createTlsServer(OF_WEBHOOKS, async (request, response) => {
    const { method = '', url = '', headers } = request;
    posts.push({ method, url: `https://${headers.host}${url}`, body: JSON.parse(await textOf(request)) });
    server.answer(response);
  });
  const proxy = createServer().on('connect', (_request, client, head) => {
    const through = connect((chat.address() as AddressInfo).port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      through.write(head);
      through.pipe(client).pipe(through);
    });
    for (const socket of [client, through]) socket.on('error', () => {});
  });
  await Promise.all([chat, proxy].map((one) => new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve))));
  const server: WebhookServer = {
    posts,
    answer: (response) => response.end('ok'),
    environment: {
      NODE_USE_ENV_PROXY: '1',
      HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
      NODE_EXTRA_CA_CERTS: authority,
    },
    close: async () => {
      for (const one of [chat, proxy]) {
        one.close();
        one.closeAllConnections();
      }
      await rm(folder, { recursive: true });
    },
  };
  return server;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}
