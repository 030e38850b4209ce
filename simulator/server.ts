import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { PLANS, type PlanName } from '../ingestion/contract/settings.ts';
import { parseUniverse, type Universe } from '../ingestion/contract/universe-schema.ts';
import { answer, BASE_PATH, type Call, type Fault, rateLimited, type Source } from './routes.ts';
import { type History, MINUTE_MS, SECOND_MS } from './synthetic-chart.ts';

/**
 * A request as the server saw it. @property receivedAt by the server's clock. @property path the whole one, with `/api/v3`.
 * @property status null until the answer, and for good when the connection is reset.
 */
type SimulatedRequest = Pick<Call, 'path' | 'query'> & { readonly receivedAt: number; readonly status: number | null };

/** A fault for each request: a list in the order of arrival, or a function. Setting them starts the index at 0. */
type Faults = readonly (Fault | null)[] | ((request: SimulatedRequest, index: number) => Fault | null);

export type SimulatorOptions = {
  /** @default 0: any free one */
  readonly port?: number;
  /** Decides which keys are checked, how many requests pass and how far back prices reach. @default null: no checks, no limits */
  readonly plan?: PlanName | null;
  /** The valid keys. @default every key that begins with `CG-` */
  readonly keys?: readonly string[];
  /** In any 60 s of the server's clock; null: no limit. @default the plan's limit */
  readonly requestsPerMinute?: number | null;
  /** The share of days with empty or doubled hours, or with unknown market caps: 0 to 1. @default 0.03 */
  readonly disturbedShare?: number;
  /** The simulated time, at which prices end. @default the server's clock */
  readonly now?: () => number;
  /** The server's clock, for the rate limit and `receivedAt`. @default Date.now */
  readonly clock?: () => number;
  /** The coins and currencies that exist. @default those of universe.json, and some more that it can be extended by */
  readonly universe?: Universe;
  readonly history?: History;
  /** Rates between currencies stand still. @default false */
  readonly hasFixedRates?: boolean;
  /** Delays every answer. @default 0 */
  readonly latencyMs?: number;
};

export type Simulator = Awaited<ReturnType<typeof startSimulator>>;

/** Starts a stand-in for CoinGecko's API v3 on loopback. @throws Error when the port is taken. */
export async function startSimulator(options: SimulatorOptions = {}) {
  const { plan = null, clock = Date.now, now = clock, latencyMs = 0, universe = defaultUniverse() } = options;
  const planned = plan === null ? { requestsPerMinute: null, historyDays: null } : PLANS[plan];
  const { historyDays } = planned;
  const { requestsPerMinute = planned.requestsPerMinute } = options;
  const { history = {}, hasFixedRates = false, disturbedShare = 0.03, keys = null } = options;
  const rateLimit = makeRateLimit(requestsPerMinute);
  let source: Source = { universe, disturbedShare, history, hasFixedRates, plan, keys, historyDays };
  let faults: Faults = [];
  let faultIndex = 0;
  const requests: SimulatedRequest[] = [];
  const closing = new AbortController();

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname: path, searchParams } = new URL(`http://loopback${incoming.url}`);
    const query = Object.fromEntries(searchParams);
    const request = { receivedAt: clock(), path, query, status: null as number | null };
    const index = faultIndex++;
    requests.push(request);
    const retryAfterSeconds = rateLimit(request.receivedAt);
    const fault = (typeof faults === 'function' ? faults(request, index) : faults[index]) ?? null;

    const delayMs = latencyMs + (fault?.kind === 'latency' ? fault.durationMs : 0);
    if (delayMs > 0) await sleep(delayMs, undefined, { signal: closing.signal });
    if (fault?.kind === 'reset') return void incoming.socket.resetAndDestroy();
    const reply =
      retryAfterSeconds === null
        ? answer(source, { ...request, headers: incoming.headers, now: now() }, fault)
        : rateLimited(retryAfterSeconds);
    request.status = reply.status;
    // Its own time and not this machine's, so that a replay sees one clock.
    response.setHeader('date', new Date(now()).toUTCString());
    const { status, headers, body } = reply;
    response.writeHead(status, headers).end(fault?.kind === 'truncated' ? body.slice(0, body.length / 2) : body);
  }

  const server = createServer((incoming, response) => {
    serve(incoming, response).catch((error: unknown) => {
      // Either the connection broke, or a fault function threw; then its message is the answer.
      if (response.headersSent || closing.signal.aborted) response.destroy();
      else response.writeHead(500).end(String(error));
    });
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    baseUrl: `http://127.0.0.1:${port}${BASE_PATH}`,
    /** Every request so far, in the order of arrival. */
    requests: requests as readonly SimulatedRequest[],
    setFaults(next: Faults) {
      faults = next;
      faultIndex = 0;
    },
    /** From the next answer on, the source has this history: days lost or found again, figures revised. */
    setHistory(history: History) {
      source = { ...source, history };
    },
    /** Breaks open connections. Resolves when the port is free. */
    async close() {
      closing.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * Judges a request when it arrives: lets that many pass in any 60 s. As at CoinGecko, a refused request counts too.
 * @returns a function of the arrival: null where it may pass, else the whole seconds until one may.
 */
function makeRateLimit(requestsPerMinute: number | null): (receivedAt: number) => number | null {
  if (requestsPerMinute === null) return () => null;
  let arrivals: number[] = [];
  return (receivedAt) => {
    arrivals = arrivals.filter((at) => at > receivedAt - MINUTE_MS);
    const isOver = arrivals.length >= requestsPerMinute;
    arrivals.push(receivedAt);
    const blocking = arrivals.at(-requestsPerMinute) ?? receivedAt;
    return isOver ? Math.ceil((blocking + MINUTE_MS - receivedAt) / SECOND_MS) : null;
  };
}

/** Some of the coins and currencies that CoinGecko has besides those of universe.json. Some share a symbol. */
const MORE: Universe = {
  coins: [
    { id: 'binance-peg-uniswap', symbol: 'uni', name: 'Binance-Peg Uniswap' },
    { id: 'pepe', symbol: 'pepe', name: 'Pepe' },
    { id: 'shiba-inu', symbol: 'shib', name: 'Shiba Inu' },
    { id: 'shiba-inu-empire', symbol: 'shib', name: 'Shiba Inu Empire' },
  ],
  currencies: ['btc', 'chf', 'jpy', 'xau'].map((code) => ({ code, name: code.toUpperCase() })),
};

function defaultUniverse(): Universe {
  const file = new URL('../universe.json', import.meta.url);
  const universe = parseUniverse(readFileSync(file, 'utf8'), 'universe.json');
  if ('problems' in universe) throw new Error(universe.problems.join('\n'));
  const { coins, currencies } = universe;
  return {
    coins: [...coins, ...MORE.coins.filter(({ id }) => !coins.some((coin) => coin.id === id))],
    currencies: [...currencies, ...MORE.currencies.filter(({ code }) => !currencies.some((one) => one.code === code))],
  };
}
