import { connect } from 'node:net';
import { afterAll, expect, test } from '@jest/globals';
import { startHttpApi } from '../../local/stack/http-api.ts';

const bodies: string[] = [];
const api = await startHttpApi({
  port: 0,
  routes: {
    '/': async (event) => {
      bodies.push((event as { body?: string }).body ?? '');
      return { statusCode: 200, headers: {}, body: 'ok' };
    },
  },
  onError: () => {},
  requestTimeoutMs: 300,
});
afterAll(api.close);
const port = Number(new URL(api.url).port);

/** Sends what it is told, byte by byte as it is, and nothing more. @returns what comes back until the server hangs up. */
function sendRaw(text: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let answer = '';
  const socket = connect(port, '127.0.0.1', () => socket.write(text));
  socket.setEncoding('utf8').on('data', (part: string) => {
    answer += part;
  });
  socket.on('error', reject).on('close', () => resolve(answer));
  return promise;
}

test('a body that says it is too large is refused before it is sent', async () => {
  const answer = await sendRaw('POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 262145\r\n\r\n{');
  expect(answer).toMatch(/^HTTP\/1.1 413 /);
});

test('a body without a length is refused as soon as too much of it has come', async () => {
  const head = 'POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n';
  const answer = await sendRaw(`${head}50000\r\n${'x'.repeat(0x50000)}\r\n`);
  expect(answer).toMatch(/^HTTP\/1.1 413 /);
  expect(bodies).toEqual([]);
});

test('who sends headers or a body slowly is hung up on', async () => {
  const [headers, body] = await Promise.all([
    sendRaw('POST / HTTP/1.1\r\nHost: '),
    sendRaw('POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\n{'),
  ]);
  expect(headers).toMatch(/^HTTP\/1.1 408 /);
  expect(body).toMatch(/^HTTP\/1.1 408 |^$/);
  expect(bodies).toEqual([]);
});

test('requests behind one in the same connection are not carried out', async () => {
  const one = 'POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n{}';
  const answer = await sendRaw(one.repeat(5));
  expect(answer.match(/HTTP\/1.1 /g)).toHaveLength(1);
  expect(bodies).toEqual(['{}']);
});
