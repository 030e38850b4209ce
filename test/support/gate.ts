import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A server before another one: each request waits for what the test does first, one after the other.
 * @param target the address that requests are passed on to, such as `http://127.0.0.1:40123/api/v3`.
 * @param before is given the number of the request, from 1.
 */
export async function startGate(
  target: string,
  before: (nth: number) => Promise<unknown>,
): Promise<{ readonly baseUrl: string; close(): Promise<void> }> {
  const { origin, pathname } = new URL(target);
  let count = 0;
  let turn: Promise<unknown> = Promise.resolve();
  const server = createServer(async (request, response) => {
    count += 1;
    const nth = count;
    turn = turn.then(() => before(nth));
    await turn;
    const answer = await fetch(`${origin}${request.url}`, { headers: { 'user-agent': 'gate' } });
    const [type, date] = ['content-type', 'date'].map((name) => answer.headers.get(name) ?? '');
    response.writeHead(answer.status, { 'content-type': type, date });
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
