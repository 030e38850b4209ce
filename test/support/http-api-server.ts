import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Answer } from '../../functions/trigger/answers.ts';

/** Serves a handler on loopback as an HTTP API does, with events of payload version 2.0. */
export async function startHttpApi(
  handle: (event: unknown) => Promise<Answer>,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  let calls = 0;
  const http = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { statusCode, headers, body } = await handle({
      version: '2.0',
      headers: request.headers,
      requestContext: {
        requestId: `call-${++calls}`,
        http: { method: request.method, path: request.url, sourceIp: request.socket.remoteAddress },
      },
      ...(chunks.length > 0 ? { body: Buffer.concat(chunks).toString('base64') } : {}),
      isBase64Encoded: chunks.length > 0,
    });
    response.writeHead(statusCode, headers).end(body);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    close: () => {
      http.closeAllConnections();
      return new Promise((resolve) => http.close(() => resolve()));
    },
  };
}
