// The one place that knows how to reach the database: credentials, TLS, timeouts and how values are read.
import { once as eventOf } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { isLoopbackHost } from '../contract/settings.ts';
import type { Log } from '../ports.ts';
import { parseDatabaseUrl } from './database-url.ts';
import { DatabaseUnreachableError, explainFailure } from './failures.ts';
import {
  KEEPALIVE_IDLE_SECONDS,
  prepareSession,
  refuseOtherAttributes,
  refuseTransactionPooler,
  type Session,
  storable,
  withLockWatch,
} from './sql/session.ts';
import type { Tables } from './tables.ts';
import { TIME_LIMITS, type TimeLimits } from './time-limits.ts';

export { DatabaseUnreachableError } from './failures.ts';

/**
 * Where the database is.
 * - `url`: see `parseDatabaseUrl`.
 * - the parts: TLS, verified, unless `tls` is false. A `password` function is asked for every new connection, so that a
 *   rotated password needs no restart.
 */
export type DatabaseSettings =
  | { readonly url: string }
  | {
      readonly host: string;
      readonly port: number;
      readonly database: string;
      readonly user: string;
      readonly password: string | (() => Promise<string>);
      readonly tls?: boolean;
    };

/**
 * @property db for queries, over at most 4 connections that are made when they are needed. Where the server has room for
 *   fewer, those share the work; it needs one beside the lock's.
 * @property connect makes a connection of its own, which the caller ends.
 * @property withLimits the same database with other limits, over connections of its own; `statementMs` 0 is none.
 */
export type Database = {
  readonly db: Kysely<Tables>;
  readonly limits: TimeLimits;
  connect(): Promise<pg.Client>;
  withLimits(others: Partial<TimeLimits>): Database;
  /** @returns what a failed statement on a connection of `connect` means, in words that people understand. */
  explain(error: unknown, statement: string): unknown;
  close(): Promise<void>;
};

type Target = Omit<ReturnType<typeof parseDatabaseUrl>, 'password'> & {
  readonly password: string | (() => Promise<string>) | null;
};

const POOL_SIZE = 4;
const LOCK_WATCH_MS = 5_000;

/**
 * How PostgreSQL's texts become values: numbers are doubles (prices were doubles when they came, and counts are small),
 * days stay `YYYY-MM-DD`. pg would give strings for the first and local midnight for the second.
 */
const TYPES: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === pg.types.builtins.NUMERIC || oid === pg.types.builtins.INT8) return Number;
    if (oid === pg.types.builtins.DATE) return String;
    return pg.types.getTypeParser(oid, format as 'text');
  },
};

/**
 * Connects nowhere yet.
 * @param options.log is told of a connection that is not encrypted, and of waits for the locks of others.
 * @param options.limits others than a run's in tests only.
 * @throws IngestionError when the URL is not one that it can use.
 */
export function createDatabase(
  settings: DatabaseSettings,
  options: { log?: Pick<Log, 'warn'>; lockWatchMs?: number; limits?: TimeLimits } = {},
): Database {
  const { log, lockWatchMs = LOCK_WATCH_MS, limits = TIME_LIMITS } = options;
  const target = 'url' in settings ? parseDatabaseUrl(settings.url) : fromParts(settings);
  const config = toConfig(target, limits);
  const sessions = new WeakMap<pg.ClientBase, Session>();
  let latest: Session | null = null;
  const explain = (error: unknown, statement?: string): unknown =>
    explainFailure(error, { ...target, session: latest, ...(statement !== undefined && { statement }) }) ?? error;
  const clearly = <Value>(work: Promise<Value>, statement?: string): Promise<Value> =>
    work.catch((error: unknown) => {
      throw explain(error, statement);
    });

  const settleTls = once(async () => {
    if (target.tls === 'if offered')
      config.ssl = await chooseTls(target, target.connectTimeoutMs ?? limits.connectMs, log);
  });
  class Client extends pg.Client {
    isBound = false;
    constructor() {
      super(config);
      // pg binds the password to the channel where it can, and says nothing where it can't.
      this.connection.once('authenticationSASL', ({ mechanisms }: { mechanisms: readonly string[] }) => {
        this.isBound = mechanisms.includes('SCRAM-SHA-256-PLUS');
      });
    }
  }

  async function setUp(client: pg.ClientBase): Promise<void> {
    // A connection that breaks while nobody waits for it emits `error`, which would end the process. Who was using it
    // gets the error from the next query.
    client.on('error', () => {});
    if (target.channelBinding === 'require' && client instanceof Client && !client.isBound) throw unbound();
    const session = await prepareSession(client, limits);
    refuseOtherAttributes(session, target.sessionAttributes);
    sessions.set(client, session);
    latest = session;
  }

  async function connect(): Promise<pg.Client> {
    await settleTls();
    const client = new Client();
    client.on('error', () => {});
    await client.connect();
    return await endedOnFailure(client, setUp(client));
  }

  // Only the making of a connection has a time limit. Waiting for one that is in use is no failure.
  const pool = new pg.Pool({ max: POOL_SIZE, Client, onConnect: setUp });
  const clients = new Set<pg.ClientBase>();
  pool.on('error', () => {});
  pool.on('connect', (client) => clients.add(client));
  pool.on('remove', (client) => clients.delete(client));
  async function connectPooled(): Promise<pg.PoolClient> {
    await settleTls();
    try {
      return await pool.connect();
    } catch (error) {
      if ((error as { code?: string }).code !== '53300' || pool.totalCount === 0) throw error;
      pool.options.max = pool.totalCount;
      return await connectPooled();
    }
  }
  const clearPool: PostgresPool = {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await clearly(connectPooled());
      const query = (text: string, values: readonly unknown[]) => {
        const session = sessions.get(client);
        const toStorable = (value: unknown) => storable(value, session?.encoding);
        const result = client.query(String(toStorable(text)), values.map(toStorable)).catch((error: Error) => {
          // pg would let the next statement wait behind the one that got no answer.
          if (error.message === NO_ANSWER) hangUp(client);
          throw error;
        });
        if (!log || !session) return result;
        return withLockWatch(result, { pid: session.pid, afterMs: lockWatchMs, log, connect });
      };
      // What Kysely uses of a client, in words that people understand. Cursors and cancelled queries are not used here.
      return {
        query: (text: string, values: readonly unknown[]) => clearly(query(text, values), text),
        release: (destroy?: boolean) => client.release(destroy),
      } as unknown as PostgresPoolClient;
    },
  };
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: clearPool }) });
  const refusePooler = once((client: pg.Client) => refuseTransactionPooler(client, connect));
  return {
    db,
    limits,
    explain,
    withLimits: (others) => createDatabase(settings, { ...options, limits: { ...limits, ...others } }),
    async connect() {
      const client = await clearly(connect());
      return await endedOnFailure(client, clearly(refusePooler(client)));
    },
    async close() {
      await db.destroy();
      // Kysely ends only a pool that it has used.
      if (!pool.ended) await pool.end();
      // A server that can't be reached says nothing to the leave that they take, and the process would wait for it.
      for (const client of clients) setTimeout(() => hangUp(client), limits.graceMs).unref();
    },
  };
}

/** pg's message when its `query_timeout` is over. */
const NO_ANSWER = 'Query read timeout';

/** Ends the connection without a word to the server, which may be out of reach. What waits for an answer fails. */
export function hangUp(client: pg.ClientBase): void {
  if (client instanceof pg.Client) client.connection.stream.destroy();
}

/** Says what pg would otherwise look for in the environment, save password and options where the settings have none. */
function toConfig(target: Target, limits: TimeLimits): pg.ClientConfig {
  const { host, port, user, password, database } = target;
  return {
    host,
    port,
    user,
    database,
    ...(password !== null && { password: typeof password === 'string' ? password : endingOnFailure(password) }),
    ...(target.options !== null && { options: target.options }),
    ssl: typeof target.tls === 'object' && target.tls,
    sslnegotiation: 'postgres',
    enableChannelBinding: target.channelBinding !== 'disable',
    types: TYPES,
    application_name: target.applicationName ?? 'crypto-price-ingestion',
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_IDLE_SECONDS * 1000,
    connectionTimeoutMillis: target.connectTimeoutMs ?? limits.connectMs,
    query_timeout: limits.statementMs === 0 ? 0 : limits.statementMs + limits.graceMs,
  };
}

/** The first call's result for all; a failure is forgotten. */
function once<Arguments extends readonly unknown[]>(work: (...parameters: Arguments) => Promise<void>): typeof work {
  let done: Promise<void> | null = null;
  return (...parameters) => {
    done ??= work(...parameters).catch((error: unknown) => {
      done = null;
      throw error;
    });
    return done;
  };
}

const unbound = () =>
  new DatabaseUnreachableError(
    'The server does not bind passwords to the channel, as channel_binding=require of DATABASE_URL demands. ' +
      'Use a server with SCRAM over TLS, or channel_binding=prefer.',
    false,
    undefined,
  );

function fromParts({ tls = true, ...parts }: Exclude<DatabaseSettings, { url: string }>): Target {
  return {
    ...parts,
    tls: tls && { rejectUnauthorized: true },
    channelBinding: 'disable',
    sessionAttributes: 'any',
    applicationName: null,
    connectTimeoutMs: null,
    options: null,
  };
}

async function endedOnFailure(client: pg.Client, work: Promise<unknown>): Promise<pg.Client> {
  try {
    await work;
    return client;
  } catch (error) {
    client.end().catch(() => {});
    throw error;
  }
}

/** pg calls it on the client, and leaves that connected when it fails: the server would wait a minute for the password. */
function endingOnFailure(askPassword: () => Promise<string>) {
  return async function (this: unknown): Promise<string> {
    const password = askPassword();
    if (this instanceof pg.Client) await endedOnFailure(this, password);
    return await password;
  };
}

/** PostgreSQL's SSLRequest: its length, and a number that is no protocol version. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/**
 * Asks a server whether it speaks TLS. pg can't go on without it on the same connection, as libpq does.
 * @throws the error of a connection that doesn't come about in time.
 */
async function offersTls(host: string, port: number, timeoutMs: number): Promise<boolean> {
  const socket = connectTcp({ host, port });
  const fail = (code: string, message: string) => socket.destroy(Object.assign(new Error(message), { code }));
  // A server that closes the connection without an answer, as one whose connections are all taken, would be waited for.
  socket.on('end', () => fail('ECONNRESET', 'the server closed the connection without an answer'));
  socket.setTimeout(timeoutMs, () => fail('ETIMEDOUT', `no answer within ${timeoutMs / 1000} s`));
  try {
    await eventOf(socket, 'connect');
    socket.write(SSL_REQUEST);
    const [answer] = (await eventOf(socket, 'data')) as [Buffer];
    return answer.toString('latin1', 0, 1) === 'S';
  } finally {
    socket.on('error', () => {});
    socket.destroy();
  }
}

/**
 * What `sslmode=prefer` comes to at a server: TLS without a verified certificate where it offers that, else none.
 * @param log is told of a connection that is not encrypted, unless it stays on this machine.
 */
async function chooseTls(
  { host, port }: { host: string; port: number },
  timeoutMs: number,
  log?: Pick<Log, 'warn'>,
): Promise<false | { rejectUnauthorized: false }> {
  if (await offersTls(host, port, timeoutMs)) return { rejectUnauthorized: false };
  if (!isLoopbackHost(host))
    log?.warn('The connection to the database is not encrypted: the server offers no TLS', { host });
  return false;
}
