// The one place that knows how to reach the database: credentials, TLS, timeouts, time zone and how values are read.
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { IngestionError } from '../domain/failure.ts';
import type { Tables } from './tables.ts';
import { TIME_LIMITS, type TimeLimits } from './time-limits.ts';

/**
 * Where the database is.
 * - `url`: `postgres://user:password@host:port/database?sslmode=…`. `sslmode` is `disable` (the default: for a server
 *   on the same machine), `require` or `verify-full`. The last two are one: a certificate is always verified, by the
 *   authorities that Node knows and those of the file that NODE_EXTRA_CA_CERTS names.
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
 * @property db for queries, over at most 4 connections that are made when they are needed.
 * @property connect makes a connection of its own, which the caller ends.
 * @property withLimits the same database with other limits, over connections of its own; `statementMs` 0 is none.
 */
export type Database = {
  readonly db: Kysely<Tables>;
  readonly limits: TimeLimits;
  connect(): Promise<pg.Client>;
  withLimits(others: Partial<TimeLimits>): Database;
  close(): Promise<void>;
};

/** The database could not be reached, or the connection to it broke. */
export class DatabaseUnreachableError extends IngestionError {
  override readonly name = 'DatabaseUnreachableError';
  /** Whether waiting can help: false for a wrong password, a missing database, a refused certificate. */
  readonly isTransient: boolean;

  constructor(message: string, isTransient: boolean, cause: unknown) {
    super(message, { cause });
    this.isTransient = isTransient;
  }
}

const POOL_SIZE = 4;

/**
 * A silent peer is given up after 30 + 3 × 10 s instead of PostgreSQL's two hours, so that a lock held by a process
 * that vanished comes free.
 */
const SESSION = {
  TimeZone: 'UTC',
  tcp_keepalives_idle: 30,
  tcp_keepalives_interval: 10,
  tcp_keepalives_count: 3,
};

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
 * @param limits others than a run's in tests only.
 * @throws IngestionError when the URL is not one that it can use.
 */
export function createDatabase(settings: DatabaseSettings, limits: TimeLimits = TIME_LIMITS): Database {
  const config: pg.ClientConfig = {
    ...('url' in settings ? parseUrl(settings.url) : fromParts(settings)),
    options: Object.entries({ ...SESSION, idle_in_transaction_session_timeout: limits.idleInTransactionMs })
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
    types: TYPES,
    application_name: 'crypto-price-ingestion',
    keepAlive: true,
    keepAliveInitialDelayMillis: SESSION.tcp_keepalives_idle * 1000,
    connectionTimeoutMillis: limits.connectMs,
    statement_timeout: limits.statementMs,
    query_timeout: limits.statementMs === 0 ? 0 : limits.statementMs + limits.graceMs,
  };
  const clearly = <Value>(work: Promise<Value>): Promise<Value> =>
    work.catch((error: unknown) => {
      throw unreachable(error, config) ?? error;
    });

  const pool = new pg.Pool({ ...config, max: POOL_SIZE });
  const clients = new Set<pg.ClientBase>();
  // A connection that breaks while nobody waits for it emits `error`, which would end the process. The pool makes a new
  // one; who was using the broken one gets the error from its next query.
  pool.on('error', () => {});
  pool.on('connect', (client) => clients.add(client.on('error', () => {})));
  pool.on('remove', (client) => clients.delete(client));
  const clearPool: PostgresPool = {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await clearly(pool.connect());
      const query = (text: string, values: readonly unknown[]) =>
        client.query(text, values.map(storable)).catch((error: Error) => {
          // pg would let the next statement wait behind the one that got no answer.
          if (error.message === NO_ANSWER) hangUp(client);
          throw error;
        });
      // What Kysely uses of a client, in words that people understand. Cursors and cancelled queries are not used here.
      return {
        query: (text: string, values: readonly unknown[]) => clearly(query(text, values)),
        release: (destroy?: boolean) => client.release(destroy),
      } as unknown as PostgresPoolClient;
    },
  };
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: clearPool }) });
  return {
    db,
    limits,
    withLimits: (others) => createDatabase(settings, { ...limits, ...others }),
    async connect() {
      const client = new pg.Client(config);
      client.on('error', () => {});
      await clearly(client.connect());
      return client;
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

/** PostgreSQL's text can't hold U+0000, and what a source sends may. */
function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\0', '\ufffd');
  return Array.isArray(value) ? value.map(storable) : value;
}

function fromParts({ tls = true, password, ...parts }: Exclude<DatabaseSettings, { url: string }>): pg.ClientConfig {
  return {
    ...parts,
    password: typeof password === 'string' ? password : endingOnFailure(password),
    ssl: tls && { rejectUnauthorized: true },
  };
}

/** pg calls it on the client, and leaves that connected when it fails: the server would wait a minute for the password. */
function endingOnFailure(askPassword: () => Promise<string>) {
  return async function (this: unknown): Promise<string> {
    try {
      return await askPassword();
    } catch (error) {
      if (this instanceof pg.Client) this.end().catch(() => {});
      throw error;
    }
  };
}

/** Read here and not by pg, which knows more spellings of sslmode than are safe. No message shows the URL: it holds a password. */
function parseUrl(text: string): pg.ClientConfig {
  const expected = 'Expected postgres://user:password@host:port/database, with ?sslmode=require for TLS.';
  const url = URL.parse(text);
  if (!url || !['postgres:', 'postgresql:'].includes(url.protocol)) {
    throw new IngestionError(`DATABASE_URL is not the URL of a PostgreSQL database. ${expected}`);
  }
  const part = (name: 'username' | 'password' | 'pathname') => {
    try {
      return decodeURIComponent(url[name]).replace(/^\//, '');
    } catch {
      throw new IngestionError(`DATABASE_URL has a % in its ${name} that is no escape: write %25. ${expected}`);
    }
  };
  const [host, user, database] = [url.hostname.replace(/^\[|\]$/g, ''), part('username'), part('pathname')];
  if (!host || !user || !database) {
    throw new IngestionError(`DATABASE_URL names no ${!host ? 'host' : !user ? 'user' : 'database'}. ${expected}`);
  }
  const unknown = [...url.searchParams.keys()].find((name) => name !== 'sslmode');
  if (unknown) throw new IngestionError(`DATABASE_URL has the parameter "${unknown}". Only sslmode is supported.`);
  const sslmode = url.searchParams.get('sslmode') ?? 'disable';
  if (!['disable', 'require', 'verify-full'].includes(sslmode)) {
    throw new IngestionError(`DATABASE_URL has sslmode=${sslmode}. Expected disable, require or verify-full.`);
  }
  const ssl = sslmode !== 'disable' && { rejectUnauthorized: true };
  return { host, port: Number(url.port || 5432), user, password: part('password'), database, ssl };
}

const TRANSIENT_ADVICE = 'Check that the server runs and that the network lets this machine through.';
const TLS_ADVICE = 'Put the authority that signed the certificate into the file that NODE_EXTRA_CA_CERTS names.';

/** What to do, by Node's code or PostgreSQL's SQLSTATE; only those in TRANSIENT pass by themselves. */
const ADVICE: Readonly<Record<string, string>> = {
  '28P01': 'Check user and password.',
  '28000': 'Check user and password, and whether the server wants TLS (?sslmode=require).',
  '3D000': 'Create the database, or name another one.',
  '53300': 'The server has no connection left: close some, or wait.',
  SELF_SIGNED_CERT_IN_CHAIN: TLS_ADVICE,
  DEPTH_ZERO_SELF_SIGNED_CERT: TLS_ADVICE,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: TLS_ADVICE,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: TLS_ADVICE,
  CERT_HAS_EXPIRED: "Renew the server's certificate.",
  ERR_TLS_CERT_ALTNAME_INVALID: 'Use the host name that the certificate is for.',
};
const TRANSIENT = new Set(
  'ECONNREFUSED ECONNRESET EPIPE ENOTFOUND EAI_AGAIN ETIMEDOUT EHOSTUNREACH ENETUNREACH 53300 57P01 57P02 57P03'.split(
    ' ',
  ),
);

/** @returns null where the error says nothing about the connection, as a violated constraint does. */
function unreachable(error: unknown, { host, port, database }: pg.ClientConfig): DatabaseUnreachableError | null {
  const { code = '', message } = error as NodeJS.ErrnoException;
  // pg's own failures have no code.
  const isPgs = !code && /timeout|terminated|not queryable|does not support SSL/i.test(message);
  const isTransient = TRANSIENT.has(code) || (isPgs && !message.includes('SSL'));
  if (!isTransient && !isPgs && !(code in ADVICE)) return null;
  const advice = ADVICE[code] ?? (isTransient ? TRANSIENT_ADVICE : 'Use ?sslmode=disable where that is acceptable.');
  return new DatabaseUnreachableError(
    `The database "${database}" on ${host}:${port} can't be reached: ${message || code}. ${advice}`,
    isTransient,
    error,
  );
}
