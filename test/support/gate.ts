import { createServer } from 'node:http';
import { close, listen } from './listen.ts';

/**
 * A server before another one: each request waits for what the test does first, one after the other.
 * @param target the address that requests are passed on to, such as `http://127.0.0.1:40123/api/v3`.
 * @param before is given the number of the request, from 1.
 */
export async function startGate(target: string, before: (nth: number) => Promise<unknown>) {
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
  return { baseUrl: `http://127.0.0.1:${await listen(server)}${pathname}`, close: () => close(server) };
}
