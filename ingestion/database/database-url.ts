import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { type ConnectionOptions, getCACertificates } from 'node:tls';
import { IngestionError } from '../domain/failure.ts';

const EXPECTED = 'Expected postgres://user:password@host:port/database, with ?sslmode=require for TLS.';
/** Scheme, user and password, host, port, database, parameters: what `URL` refuses in part, as a user without a host. */
const PARTS =
  /^postgres(?:ql)?:\/\/(?:([^/?#]*)@)?(\[[^\]/?#]*\]|[^:/?#@[\]]*)(?::(\d*))?(?:\/([^/?#]*))?(?:\?([^#@]*))?$/i;
const PARAMETERS = [
  ...['application_name', 'channel_binding', 'connect_timeout', 'dbname', 'host', 'options', 'password', 'port'],
  ...['ssl', 'sslmode', 'sslrootcert', 'target_session_attrs', 'user'],
];
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

/**
 * Reads a URL as libpq does, with two differences: host and database are never guessed, and `require` verifies. Of the
 * variables that libpq reads, PGPASSWORD and PGOPTIONS count. docs/database.md lists what each parameter does.
 *
 * @returns `host`: a name, an address, or the folder of a socket. `password`: null where the URL has none; pg then takes
 *   PGPASSWORD, if that is set. `options`: what the server gets at the start of a session, as in `-c work_mem=64MB`.
 * @throws IngestionError saying what to change. No message shows the URL or a value in it that may be a password.
 */
export function parseDatabaseUrl(text: string) {
  const match = PARTS.exec(text.trim());
  if (!match) {
    throw new IngestionError(
      `DATABASE_URL is not the URL of one PostgreSQL database. ${EXPECTED} ` +
        'In user and password, write / as %2F, ? as %3F, # as %23, : as %3A and @ as %40.',
    );
  }
  const [, credentials = '', host = '', port = '', path = '', query = ''] = match;
  const [user = '', ...rest] = credentials.split(':');
  const parameters = parseParameters(query);
  const value = (name: string, inAuthority = '') => parameters.get(name) || unescaped(inAuthority, name);
  const found = {
    host: value('host', host.replace(/^\[(.*)\]$/, '$1')),
    database: value('dbname', path),
    user: value('user', user) || userInfo().username,
  };
  if (!found.host) {
    throw new IngestionError(
      `DATABASE_URL names no host. ${EXPECTED} For a socket, add its folder: ?host=/var/run/postgresql.`,
    );
  }
  if (!found.database) throw new IngestionError(`DATABASE_URL names no database. ${EXPECTED}`);
  const tls = readTls(parameters, found.host.startsWith('/'));
  const channelBinding = oneOf(parameters, 'channel_binding', ['disable', 'prefer', 'require'], 'disable');
  if (channelBinding === 'require' && typeof tls !== 'object') {
    throw new IngestionError('DATABASE_URL has channel_binding=require without TLS. Add sslmode=require.');
  }
  const connectTimeout = readNumber('connect_timeout', parameters.get('connect_timeout') ?? '', 1, 300);
  return {
    ...found,
    port: readNumber('port', value('port', port), 1, 65_535) ?? 5432,
    password: value('password', rest.join(':')) || null,
    tls,
    channelBinding,
    sessionAttributes: oneOf(parameters, 'target_session_attrs', ['any', 'primary', 'read-write'], 'any'),
    applicationName: parameters.get('application_name') || null,
    connectTimeoutMs: connectTimeout && connectTimeout * 1000,
    options: parameters.get('options') || null,
  };
}

function parseParameters(query: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query.split('&').filter(Boolean)) {
    const [name = '', ...value] = pair.split('=');
    if (!PARAMETERS.includes(name)) {
      throw new IngestionError(
        `DATABASE_URL has the parameter "${name.slice(0, 40)}". It takes ${PARAMETERS.join(', ')}.`,
      );
    }
    // Not by URLSearchParams, which makes a space of a plus.
    parameters.set(name, unescaped(value.join('='), name));
  }
  return parameters;
}

function unescaped(text: string, name: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new IngestionError(`DATABASE_URL has a % in its ${name} that is no escape: write %25. ${EXPECTED}`);
  }
}

/** `if offered`: TLS where the server has it, its certificate unseen. An object: TLS always, and always verified. */
type Tls = false | 'if offered' | ConnectionOptions;

/** Stricter than libpq where a certificate is at stake: from `require` on, it has to be good. */
function readTls(parameters: ReadonlyMap<string, string>, isSocket: boolean): Tls {
  const authorities = parameters.get('sslrootcert') || null;
  // JDBC's way to say it, which libpq and some hosters know too.
  const ssl = oneOf(parameters, 'ssl', ['true', 'false'], 'false');
  const standard = authorities !== null ? 'verify-full' : ssl === 'true' ? 'require' : 'prefer';
  const mode = oneOf(parameters, 'sslmode', SSL_MODES, standard);
  const isVerified = ['require', 'verify-ca', 'verify-full'].includes(mode);
  if (authorities !== null && !isVerified) {
    throw new IngestionError(
      `DATABASE_URL has sslrootcert, which sslmode=${mode} does not use. Write sslmode=verify-full, or leave one of them out.`,
    );
  }
  // As with libpq: what goes through a socket never leaves the machine, and servers offer no TLS there.
  if (isSocket || mode === 'disable') return false;
  if (!isVerified) return 'if offered';
  return {
    rejectUnauthorized: true,
    ...(authorities !== null && { ca: readAuthorities(authorities) }),
    ...(mode === 'verify-ca' && { checkServerIdentity: () => undefined }),
  };
}

function readAuthorities(path: string): string[] {
  if (path === 'system') return [...getCACertificates('default'), ...getCACertificates('system')];
  try {
    const text = readFileSync(path, 'utf8');
    new X509Certificate(text);
    return [text];
  } catch (error) {
    throw new IngestionError(
      `The file that sslrootcert of DATABASE_URL names gives no certificates: ${(error as Error).message}. ` +
        'Expected a file with certificates of authorities (PEM), or "system" for those of this machine.',
      { cause: error },
    );
  }
}

function oneOf<const Value extends string>(
  parameters: ReadonlyMap<string, string>,
  name: string,
  values: readonly Value[],
  standard: Value,
): Value {
  const found = parameters.get(name);
  if (found === undefined || found === '') return standard;
  const value = values.find((candidate) => candidate === found);
  if (value !== undefined) return value;
  throw new IngestionError(
    `DATABASE_URL has ${name}=${found.slice(0, 40)}. Expected ${values.slice(0, -1).join(', ')} or ${values.at(-1)}.`,
  );
}

function readNumber(name: string, text: string, least: number, most: number): number | null {
  if (text === '') return null;
  const number = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new IngestionError(`DATABASE_URL has a ${name} that is no whole number from ${least} to ${most}.`);
}
