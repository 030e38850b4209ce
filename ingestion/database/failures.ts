// What goes wrong with a database, in sentences that say what to do.
import { IngestionError } from '../domain/failure.ts';

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

/** The database was reached, and can't do what it was asked: a missing right, a full disk, a read-only server. */
export class DatabaseFailedError extends IngestionError {
  override readonly name = 'DatabaseFailedError';
  /** PostgreSQL's SQLSTATE. */
  readonly code: string;

  constructor(message: string, code: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** Where an error came from. @property session null before the first session of the program. */
export type FailureContext = {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly session: { readonly isStandby: boolean; readonly isReadOnly: boolean } | null;
  readonly statement?: string;
};

const NETWORK_ADVICE = 'Check that the server runs and that the network lets this machine through.';
const TLS_ADVICE =
  'Name the authority that signed the certificate: its file in sslrootcert of DATABASE_URL or in NODE_EXTRA_CA_CERTS.';

/** What to do where the database can't be reached, by Node's code or PostgreSQL's SQLSTATE. */
const CONNECTION_ADVICE: Readonly<Record<string, string>> = {
  '28P01': 'Check user and password.',
  '28000': 'Check user and password, and whether the server wants TLS (?sslmode=require).',
  '3D000': 'Create the database, or name another one.',
  '42501': 'Grant the role the right to connect: docs/database.md has the statements.',
  '53300': 'Close some connections, or raise the limit: the program needs two.',
  '08P01':
    'That is a pooler\'s answer. Name the server itself, or leave out what the pooler refuses, such as "options".',
  '57P01': 'Somebody ended the connection, or the server is shutting down. The next run goes on from what is stored.',
  '57P02': 'The server crashed and restarts. The next run goes on from what is stored.',
  '57P03': 'The server is starting or shutting down. Wait, and try again.',
  SELF_SIGNED_CERT_IN_CHAIN: TLS_ADVICE,
  DEPTH_ZERO_SELF_SIGNED_CERT: TLS_ADVICE,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: TLS_ADVICE,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: TLS_ADVICE,
  CERT_HAS_EXPIRED: "Renew the server's certificate.",
  ERR_TLS_CERT_ALTNAME_INVALID: 'Use the host name that the certificate is for, or sslmode=verify-ca.',
  ENOENT: 'No server listens on a socket in that folder. Check the folder and the port.',
  EACCES: 'This account may not use the socket in that folder.',
};
/** Those that pass by themselves. */
const TRANSIENT = new Set(
  (
    'ECONNREFUSED ECONNRESET EPIPE ENOTFOUND EAI_AGAIN ETIMEDOUT EHOSTUNREACH ENETUNREACH ' +
    'ENOENT 25P03 53300 57P01 57P02 57P03 57P05'
  ).split(' '),
);

/** What to do where a statement failed, by SQLSTATE. What is not here is a fault of the program, or handled by it. */
const STATEMENT_ADVICE: Readonly<Record<string, string | ((context: FailureContext) => string)>> = {
  '25006': readOnlyAdvice,
  '3F000': 'Set search_path to a schema that exists, for the role or in options of DATABASE_URL.',
  '40001': 'Other transactions were in the way each time. Try again.',
  '40P01': 'Other transactions were in the way each time. Try again.',
  '42501': ({ user, statement = '' }) =>
    `The role "${user}" lacks a right for it; the statement takes ${rightsOf(statement)}. ` +
    'Grant it: docs/database.md has the statements.',
  '53100': "Make room on the server's disk. The next run goes on from what is stored.",
  '53200': 'The server has no memory left. Give it more, or close other sessions. The next run goes on.',
  '57014': 'Look in pg_stat_activity for a session that holds a lock on the table, and end it. The next run goes on.',
};

function readOnlyAdvice({ session }: FailureContext): string {
  if (session?.isStandby) return 'It is a standby. Name the primary server.';
  if (session?.isReadOnly) {
    return 'default_transaction_read_only is on: reset it for the role, the database or the server that sets it.';
  }
  return 'Name a server that takes writes.';
}

/** PostgreSQL names the table, not which of the statement's rights it missed there. */
function rightsOf(statement: string): string {
  const verbs = statement.toLowerCase().match(/\b(select|insert|update|delete|create|alter|drop|truncate)\b/g) ?? [];
  return [...new Set(verbs)].join(', ');
}

/** @returns null where neither connection nor server is to blame, as for a violated constraint. */
export function explainFailure(error: unknown, context: FailureContext): IngestionError | null {
  if (error instanceof IngestionError) return null;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const { host, port, database, session, statement } = context;
  const place = `The database "${database}" ${host.startsWith('/') ? `in ${host}` : `on ${host}:${port}`}`;
  const advice = session === null || statement === undefined ? undefined : STATEMENT_ADVICE[code];
  if (advice) {
    const what = typeof advice === 'string' ? advice : advice(context);
    return new DatabaseFailedError(`${place} failed: ${message}. ${what}`, code, error);
  }
  if (code === '3D000' && session !== null) {
    return new DatabaseFailedError(
      `${place} was dropped or renamed under way. Create it again, or name another one.`,
      code,
      error,
    );
  }
  // pg's own failures have no code.
  const isPgs = !code && /timeout|terminated|not queryable|does not support SSL/i.test(message);
  const isTransient = TRANSIENT.has(code) || (isPgs && !message.includes('SSL'));
  if (!isTransient && !isPgs && !(code in CONNECTION_ADVICE)) return null;
  return new DatabaseUnreachableError(
    `${place} can't be reached: ${message || code}. ` +
      (CONNECTION_ADVICE[code] ?? (isTransient ? NETWORK_ADVICE : 'Use ?sslmode=disable where that is acceptable.')),
    isTransient,
    error,
  );
}
