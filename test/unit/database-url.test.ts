import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { SETTINGS } from '../../ingestion/contract/settings.ts';
import { parseDatabaseUrl } from '../../ingestion/database/database-url.ts';
import { IngestionError } from '../../ingestion/domain/failure.ts';

const PLAIN = { host: 'db.example', port: 5432, user: 'me', password: 'pw', database: 'prices' };
const verified = { rejectUnauthorized: true };

test.each([
  ['postgres://me:pw@db.example/prices', PLAIN],
  ['postgresql://me:pw@db.example:6432/prices', { ...PLAIN, port: 6432 }],
  ['POSTGRES://me:pw@db.example/prices', PLAIN],
  [' postgres://me:pw@db.example/prices\n', PLAIN],
  ['postgres://me@db.example/prices', { ...PLAIN, password: null }],
  ['postgres://db.example/prices', { user: userInfo().username, password: null }],
  ['postgres://m%40e:p%2Fw%3A%25+%23@db.example/prices', { user: 'm@e', password: 'p/w:%+#' }],
  ['postgres://me:p@w:x@db.example/prices', { user: 'me', password: 'p@w:x', host: 'db.example' }],
  ['postgres://me:pw@[::1]:5433/prices', { host: '::1', port: 5433 }],
  ['postgres://me:pw@[2001:db8::7]/prices', { host: '2001:db8::7', port: 5432 }],
  ['postgresql:///prices?host=/var/run/postgresql', { host: '/var/run/postgresql', database: 'prices', tls: false }],
  ['postgresql://me:pw@/prices?host=/cloudsql/a:b:c', { host: '/cloudsql/a:b:c', user: 'me', password: 'pw' }],
  ['postgresql://me@%2Fvar%2Frun%2Fpostgresql:5433/prices', { host: '/var/run/postgresql', port: 5433, tls: false }],
  ['postgres://?host=db.example&port=1&dbname=prices&user=me&password=p%26w', { ...PLAIN, port: 1, password: 'p&w' }],
  ['postgres://db.example/price%20s', { database: 'price s' }],
  ['postgres://db.example/d', { tls: 'if offered', channelBinding: 'disable', sessionAttributes: 'any' }],
  ['postgres://db.example/d?sslmode=disable', { tls: false }],
  ['postgres://db.example/d?sslmode=allow', { tls: 'if offered' }],
  ['postgres://db.example/d?sslmode=prefer', { tls: 'if offered' }],
  ['postgres://db.example/d?sslmode=require', { tls: verified }],
  ['postgres://db.example/d?ssl=true', { tls: verified }],
  ['postgres://db.example/d?sslmode=verify-ca', { tls: { ...verified, checkServerIdentity: expect.any(Function) } }],
  ['postgres://db.example/d?sslmode=verify-full', { tls: verified }],
  ['postgres://db.example/d?sslmode=verify-full&sslrootcert=system', { tls: { ...verified, ca: expect.any(Array) } }],
  ['postgres://db.example/d?sslrootcert=system', { tls: { ...verified, ca: expect.any(Array) } }],
  ['postgres://db.example/d?sslmode=require&channel_binding=require', { channelBinding: 'require' }],
  ['postgres://db.example/d?channel_binding=prefer', { channelBinding: 'prefer' }],
  ['postgres://db.example/d?application_name=my+app%20x', { applicationName: 'my+app x' }],
  ['postgres://db.example/d?connect_timeout=5', { connectTimeoutMs: 5_000 }],
  ['postgres://db.example/d?options=-c%20work_mem%3D8MB', { options: '-c work_mem=8MB' }],
  ['postgres://db.example/d?options=endpoint=a-b', { options: 'endpoint=a-b' }],
  ['postgres://db.example/d?target_session_attrs=read-write', { sessionAttributes: 'read-write' }],
  ['postgres://db.example/d?target_session_attrs=primary', { sessionAttributes: 'primary' }],
])('%j is understood, by the settings too', (url, parts) => {
  expect(parseDatabaseUrl(url)).toMatchObject(parts);
  expect(SETTINGS.DATABASE_URL.safeParse(url).success).toBe(true);
});

describe('a URL that cannot be used is refused with what to change, and its password is not repeated', () => {
  const noFile = join(import.meta.dirname, 'no-such-file.pem');
  test.each([
    [
      'not a url',
      'DATABASE_URL is not the URL of one PostgreSQL database. Expected postgres://user:password@host:port',
    ],
    ['mysql://u:hunter2@h/d', 'is not the URL of one PostgreSQL database'],
    ['postgres://u:hunter2/x@h/d', 'In user and password, write / as %2F'],
    ['postgres://u:hunter2@a,b:5432,c/d', 'is not the URL of one PostgreSQL database'],
    ['postgres://u:hunter2@h', 'names no database'],
    ['postgres:///d', 'names no host. Expected'],
    ['postgres://u:hunter2@/d', 'For a socket, add its folder: ?host=/var/run/postgresql'],
    ['postgres://u:hunter2%@h/d', 'has a % in its password that is no escape: write %25'],
    ['postgres://u:hunter2@h:0/d', 'has a port that is no whole number from 1 to 65535'],
    [
      'postgres://u:hunter2@h/d?sslmode=no-verify',
      'sslmode=no-verify. Expected disable, allow, prefer, require, verify-ca',
    ],
    ['postgres://u:hunter2@h/d?sslcert=x', 'has the parameter "sslcert". It takes application_name, channel_binding,'],
    ['postgres://u:12?hunter2@h/d', 'In user and password, write / as %2F, ? as %3F'],
    ['postgres://u:hunter2@h/d?connect_timeout=ten', 'has a connect_timeout that is no whole number from 1 to 300'],
    ['postgres://u:hunter2@h/d?target_session_attrs=standby', 'Expected any, primary or read-write.'],
    ['postgres://u:hunter2@h/d?channel_binding=require', 'channel_binding=require without TLS. Add sslmode=require.'],
    ['postgres://u:hunter2@h/d?sslmode=prefer&sslrootcert=system', 'sslrootcert, which sslmode=prefer does not use'],
    [
      `postgres://u:hunter2@h/d?sslrootcert=${noFile}`,
      'sslrootcert of DATABASE_URL names gives no certificates: ENOENT',
    ],
    [
      `postgres://u:hunter2@h/d?sslrootcert=${import.meta.filename}`,
      'Expected a file with certificates of authorities',
    ],
  ])('%s', (wrong, reason) => {
    const attempt = () => parseDatabaseUrl(wrong);
    expect(attempt).toThrow(IngestionError);
    expect(attempt).toThrow(reason);
    expect(attempt).not.toThrow(/hunter2/);
  });
});
