import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import {
  createDatabase,
  type Database,
  type DatabaseSettings,
  DatabaseUnreachableError,
} from '../../ingestion/database/connection.ts';
import { IngestionError } from '../../ingestion/domain/failure.ts';
import { SELF_SIGNED } from '../support/self-signed.ts';
import { useTestDatabase } from '../support/test-database.ts';

const { url } = await useTestDatabase();
const { hostname, port, username, password, pathname } = new URL(url);
const parts = { host: hostname, port: Number(port), user: username, database: pathname.slice(1), tls: false };

const opened: Database[] = [];
const open = (settings: DatabaseSettings): Database => {
  const database = createDatabase(settings);
  opened.push(database);
  return database;
};
afterAll(async () => {
  for (const { close } of opened) await close();
});

const select1 = ({ db }: Database) => sql<{ one: number }>`select 1 as one`.execute(db);
const failure = async (settings: DatabaseSettings): Promise<DatabaseUnreachableError> => {
  const error = await select1(open(settings)).catch((caught: unknown) => caught);
  if (!(error instanceof DatabaseUnreachableError))
    throw new Error('It was reached, or failed otherwise', { cause: error });
  return error;
};

test('a URL with escapes in user and password reaches the database', async () => {
  const role = 'a/b:c@d%';
  const { db } = open({ url });
  await sql`create role ${sql.id(role)} login password ${sql.lit(role)}`.execute(db);
  try {
    const escaped = new URL(url);
    escaped.username = encodeURIComponent(role);
    escaped.password = encodeURIComponent(role);
    expect((await select1(open({ url: escaped.href }))).rows).toEqual([{ one: 1 }]);
  } finally {
    await sql`drop role ${sql.id(role)}`.execute(db);
  }
});

test('at most four sessions work at a time', async () => {
  const { db } = open({ url });
  const read = sql<{ pid: number }>`select pg_backend_pid() as pid, pg_sleep(0.01)::text as slept`;
  const results = await Promise.all(Array.from({ length: 12 }, () => read.execute(db)));
  expect(new Set(results.flatMap(({ rows }) => rows.map(({ pid }) => pid))).size).toBe(4);
});

test('a password function is asked for each connection, so that a rotated password is used', async () => {
  const { db } = open({ url });
  const role = `rotating_${process.pid}`;
  const setPassword = (text: string) => sql`alter role ${sql.id(role)} password ${sql.lit(text)}`.execute(db);
  await sql`create role ${sql.id(role)} login`.execute(db);
  try {
    let current = 'first';
    await setPassword(current);
    const database = open({ ...parts, user: role, password: async () => current });
    await select1(database);
    current = 'second';
    await setPassword(current);
    // Two at once need a second connection; the first one goes on with the password it was made with.
    await Promise.all([select1(database), select1(database)]);
    await (await database.connect()).end();
  } finally {
    await sql`drop role ${sql.id(role)}`.execute(db);
  }
});

test('a connection that the server ends, idle or in a transaction, fails that work only', async () => {
  const database = open({ url });
  const { db } = database;
  const killer = await database.connect();
  const kill = (pid: number) => killer.query('select pg_terminate_backend($1, 5000)', [pid]);
  const pidOf = async (connection: typeof db) =>
    (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(connection)).rows[0]?.pid ?? 0;

  await kill(await pidOf(db));
  await select1(database).catch(() => {}); // It may have been handed out before its end was noticed.
  await expect(select1(database)).resolves.toBeDefined();
  const broken = db.transaction().execute(async (transaction) => {
    await kill(await pidOf(transaction));
    await sql`select 1`.execute(transaction);
  });
  await expect(broken).rejects.toMatchObject({ name: 'DatabaseUnreachableError', isTransient: true });
  await expect(select1(database)).resolves.toBeDefined();
  await killer.end();
});

describe('what cannot be reached is said in a sentence, without the password', () => {
  const SECRET = 'hunter2';

  const rightPassword = decodeURIComponent(password);
  test.each<[string, object, RegExp, isTransient: boolean]>([
    [
      'no server',
      { host: '127.0.0.1', port: 1 },
      /^The database ".*" on 127\.0\.0\.1:1 can't be reached: connect ECONNREFUSED 127\.0\.0\.1:1\. Check that/,
      true,
    ],
    ['no such host', { host: 'db.invalid' }, /on db\.invalid:\d+ can't be reached: .*db\.invalid/, true],
    ['a wrong password', {}, /password authentication failed for user .*Check user and password/, false],
    [
      'no such database',
      { database: 'nowhere', password: rightPassword },
      /database "nowhere" does not exist\. Create the database, or name another one\./,
      false,
    ],
  ])('%s', async (_, wrong, sentence, isTransient) => {
    const error = await failure({ ...parts, password: SECRET, ...wrong });
    expect(error.message).toMatch(sentence);
    expect(error.message).not.toContain(SECRET);
    expect(error.isTransient).toBe(isTransient);
  });

  test('a password that cannot be had keeps its own reason', async () => {
    const secret = async (): Promise<string> => {
      throw new IngestionError('The secret can not be read.');
    };
    await expect(select1(open({ ...parts, password: secret }))).rejects.toThrow('The secret can not be read.');
  });
});

describe('a server that is no good for TLS', () => {
  let answer: (socket: Socket) => void = () => {};
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
  });
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => void server.close());
  const reach = (query: string) =>
    failure({ url: `postgres://somebody:hunter2@localhost:${(server.address() as AddressInfo).port}/prices${query}` });

  test.each(['require', 'verify-full'])('is refused with sslmode=%s when its certificate is its own', async (mode) => {
    answer = (socket) => {
      socket.write('S');
      new TLSSocket(socket, { isServer: true, ...SELF_SIGNED }).on('error', () => {});
    };
    const error = await reach(`?sslmode=${mode}`);
    expect(error.message).toMatch(/self-signed certificate.*NODE_EXTRA_CA_CERTS/);
    expect(error.isTransient).toBe(false);
  });

  test('is refused when it has none, and the way without TLS is named', async () => {
    answer = (socket) => socket.end('N');
    const error = await reach('?sslmode=require');
    expect(error.message).toMatch(/does not support SSL.*sslmode=disable/);
    expect(error.isTransient).toBe(false);
  });

  test('and closes the connection without an answer is said to do so, with the standard sslmode', async () => {
    answer = (socket) => socket.end();
    const error = await reach('');
    expect(error.message).toContain('the server closed the connection without an answer. Check that the server runs');
    expect(error.isTransient).toBe(true);
  });
});
