import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { IngestionError } from '../../ingestion/domain/failure.ts';
import { startEmbeddedPostgres } from '../../local/postgres/embedded-postgres.ts';
import { isRunning } from '../../local/postgres/is-running.ts';

const ROOT = join(import.meta.dirname, '../..');
const FALLBACK = '/var/lib/crypto-price-ingestion';
const isRoot = process.getuid?.() === 0;

const hadFallback = existsSync(FALLBACK);

/** A cluster takes a second to make: tests that leave it in order share one. */
const shared = await makeFolder();
/** For a test that needs a folder of its own. */
let folder = '';
let stops: (() => Promise<void>)[] = [];
let children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await makeFolder();
});
afterEach(async () => {
  for (const stop of stops) await stop();
  for (const child of children) child.kill('SIGKILL');
  stops = [];
  children = [];
  await rm(folder, { recursive: true });
});
afterAll(async () => {
  await rm(shared, { recursive: true });
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

async function start(dataFolder = shared, log: (message: string) => void = () => {}) {
  const server = await startEmbeddedPostgres({ dataFolder, log, flags: ['-c', 'fsync=off'] });
  stops.push(server.stop);
  return server;
}

/** Another process with the server; `root` is the clone that it runs from. */
async function startElsewhere(dataFolder = shared, root = ROOT) {
  const child = spawn(process.execPath, [join(root, 'test/support/embedded-user.ts'), dataFolder], {
    // Where the programs may be copied to.
    env: { ...process.env, HOME: root === ROOT ? homedir() : folder },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const [line] = await once(createInterface(child.stdout), 'line');
  return {
    ...(JSON.parse(String(line)) as { url: string; folder: string }),
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

/** Copies what the embedded server needs of this project. */
async function cloneInto(clone: string): Promise<void> {
  const programs = [
    'package.json',
    'local/postgres/embedded-postgres.ts',
    'local/postgres/is-running.ts',
    'ingestion/domain',
    'test/support/embedded-user.ts',
  ];
  const packages = (await readdir(join(ROOT, 'node_modules'))).filter((name) =>
    /^(pg|embedded-|@embedded-)/.test(name),
  );
  const needed = [
    'async-exit-hook',
    'postgres-array',
    'postgres-bytea',
    'postgres-date',
    'postgres-interval',
    'split2',
    'xtend',
  ];
  for (const path of [...programs, ...[...packages, ...needed].map((name) => `node_modules/${name}`)]) {
    if (existsSync(join(ROOT, path)))
      await cp(join(ROOT, path), join(clone, path), { recursive: true, verbatimSymlinks: true });
  }
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client(url);
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

const serverPid = async (dataFolder = shared) =>
  Number((await readFile(join(dataFolder, 'postgresql-18/data/postmaster.pid'), 'utf8')).split('\n')[0]);

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

test('stop leaves no process, and the data are there at the next start', async () => {
  const first = await start();
  await query(first.url, 'create table kept_0 (id integer)');
  const pid = await serverPid();
  await first.stop();
  expect(isRunning(pid)).toBe(false);
  const second = await start();
  expect(await query(second.url, 'select * from kept_0')).toEqual([]);
});

test('two processes that start at once share one server, and the last one to leave stops it', async () => {
  const [here, there] = await Promise.all([start(folder), startElsewhere(folder)]);
  const pid = await serverPid(folder);
  expect(new URL(there.url).port).toBe(new URL(here.url).port);
  await here.stop();
  expect(await query(there.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await there.stop();
  expect(isRunning(pid)).toBe(false);
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

test('a cluster that was left half made is made anew, and the remains go', async () => {
  // No process has this id: it is above the greatest that Linux and macOS give.
  const remains = join(folder, 'postgresql-18.4194305');
  await mkdir(join(remains, 'data'), { recursive: true });
  await writeFile(join(remains, 'data/PG_VERSION'), '18');
  const { url } = await start(folder);
  expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
  expect(await readdir(folder)).toEqual(['postgresql-18']);
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
  await writeFile(join(folder, 'file'), '');
  await expect(startEmbeddedPostgres({ dataFolder: join(folder, 'file', 'data') })).rejects.toThrow(
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

test('a clone in a folder whose name a shell reads otherwise works, and so do its data there', async () => {
  const clone = join(folder, 'a $HOME "of" `id` and #100%');
  await mkdir(clone);
  await cloneInto(clone);
  const there = await startElsewhere(join(clone, '.data'), clone);
  expect(there.folder).toBe(join(clone, '.data'));
  expect(await query(there.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await there.stop();
  expect(await readdir(there.folder)).toEqual(['postgresql-18']);
});

(isRoot ? describe : describe.skip)('below a folder that only root may enter', () => {
  test('the data go where the server can reach them, the same place each time, and that is said', async () => {
    await chmod(folder, 0o700);
    const said: string[] = [];
    const first = await start(join(folder, 'data'), (message) => said.push(message));
    expect(first.folder.slice(FALLBACK.length)).toMatch(/^\/[0-9a-f]{12}$/);
    expect(said).toEqual([`The PostgreSQL server can't enter ${folder}/data. Its data are in ${first.folder}.`]);
    await query(first.url, 'create table kept_3 (id integer)');
    await first.stop();
    const second = await start(join(folder, 'data'));
    expect(second.folder).toBe(first.folder);
    expect(await query(second.url, 'select * from kept_3')).toEqual([]);
    await second.stop();
    await rm(first.folder, { recursive: true });
  });

  test('a whole clone there works: the programs are copied too', async () => {
    const clone = join(folder, 'clone');
    await mkdir(clone, { mode: 0o700 });
    await cloneInto(clone);
    const there = await startElsewhere(join(clone, '.data'), clone);
    expect(await query(there.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await there.stop();
    await rm(there.folder, { recursive: true });
  });
});
