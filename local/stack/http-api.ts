import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6, type Socket } from 'node:net';
import type { HttpResponse } from '../../functions/trigger/http-call.ts';
import { SettingError } from '../../ingestion/read-settings.ts';

/** More than any request takes. API Gateway passes on 10 MB, which a program on one machine need not hold. */
const MAX_BODY_BYTES = 256 * 1024;

/** Nobody who calls from this machine takes longer to send a request. */
const REQUEST_TIMEOUT_MS = 10_000;

export type HttpApi = { readonly url: string; close(): Promise<void> };

/** Answers an event of the HTTP API's payload version 2.0. */
export type Integration = (event: object) => Promise<HttpResponse>;

/**
 * Serves integrations as an HTTP API of AWS does, by path and for every method.
 * @param options.port 0 takes a free one.
 * @throws SettingError when it can't listen there.
 */
export async function startHttpApi(options: {
  /** @default 127.0.0.1 */
  host?: string;
  port: number;
  routes: Readonly<Record<string, Integration>>;
  /** Is told what an integration threw. The caller gets a 500 without details. */
  onError: (error: unknown) => void;
  /** How long a caller may take to send a request. @default 10 s */
  requestTimeoutMs?: number;
}): Promise<HttpApi> {
  const { host = '127.0.0.1', port, routes, onError, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;

  async function answer(request: IncomingMessage): Promise<HttpResponse> {
    const { pathname, searchParams } = new URL(`http://loopback${request.url}`);
    const integration = Object.hasOwn(routes, pathname) ? routes[pathname] : undefined;
    if (!integration) return gatewayResponse(404, 'Not Found');
    const body = await readBody(request);
    if (!body) return gatewayResponse(413, 'Request Entity Too Large');
    try {
      return await integration(eventOf(request, pathname, searchParams, body));
    } catch (error) {
      onError(error);
      return gatewayResponse(500, 'Internal Server Error');
    }
  }

  const answered = new WeakSet<Socket>();
  const timeouts = { headersTimeout: requestTimeoutMs, requestTimeout: requestTimeoutMs };
  const server = createServer(
    { ...timeouts, connectionsCheckingInterval: requestTimeoutMs / 10 },
    (request, response) => {
      // Each answer closes its connection: what was sent behind the request is not carried out.
      if (answered.has(request.socket)) return;
      answered.add(request.socket);
      answer(request).then(
        (result) => send(response, result),
        (error) => {
          onError(error);
          response.destroy();
        },
      );
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) => {
      const advice =
        code === 'EADDRINUSE'
          ? `The port ${port} is taken. Give another one, or none to get a free one.`
          : `Nothing can listen on port ${port} of ${host} (${code}). Take an address of this machine, and a port that you may use.`;
      reject(new SettingError([advice]));
    });
    server.listen(port, host, resolve);
  });
  // From this machine, whoever listens everywhere is reached on loopback.
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return {
    url: `http://${isIPv6(reachable) ? `[${reachable}]` : reachable}:${(server.address() as AddressInfo).port}`,
    close: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      return closed;
    },
  };
}

/** @returns null when it is too large, as its header says, or as soon as more than that has come. */
async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return null;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function eventOf(request: IncomingMessage, path: string, query: URLSearchParams, body: Buffer): object {
  const { method, headers, socket } = request;
  const isText = /^(text\/|application\/(json|javascript|xml))/.test(headers['content-type'] ?? 'text/plain');
  return {
    version: '2.0',
    routeKey: `ANY ${path}`,
    rawPath: path,
    rawQueryString: query.toString(),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat().join(',')])),
    requestContext: {
      requestId: randomUUID(),
      stage: '$default',
      timeEpoch: Date.now(),
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: socket.remoteAddress, userAgent: headers['user-agent'] },
    },
    ...(body.byteLength > 0 ? { body: body.toString(isText ? 'utf8' : 'base64') } : {}),
    isBase64Encoded: body.byteLength > 0 && !isText,
  };
}

function send(response: ServerResponse, { statusCode, headers, body }: HttpResponse) {
  // No connection is kept open: the stop would have to wait for it.
  const length = { 'content-length': Buffer.byteLength(body), connection: 'close' };
  response.writeHead(statusCode, { ...headers, ...length }).end(body);
}

const gatewayResponse = (statusCode: number, message: string): HttpResponse => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ message }),
});
