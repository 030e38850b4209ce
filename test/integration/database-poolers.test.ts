import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, test } from '@jest/globals';
import { createRepositories } from '../../ingestion/database/repositories.ts';
import { LockTakenError } from '../../ingestion/domain/failure.ts';
import { systemClock } from '../../ingestion/system-clock.ts';
import { close, listen } from '../support/listen.ts';
import { useOwnDatabases } from '../support/test-database.ts';
import { startTestIngestion } from '../support/test-ingestion.ts';

const program = findPgBouncer();
if (program === null) {
  process.stderr.write(
    'PgBouncer is not installed: the tests of poolers are skipped. Debian: apt-get install pgbouncer\n',
  );
}
const cleanUps: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});
const openDatabase = useOwnDatabases();
/** A pooler before a database of its own. */
async function start(options: Parameters<typeof startPgBouncer>[2]): Promise<Pooler> {
  const { url } = await openDatabase();
  const pooler = await startPgBouncer(program ?? '', url, options);
  cleanUps.push(pooler.stop);
  return pooler;
}

(program === null ? describe.skip : describe)('behind PgBouncer', () => {
  test.each(['transaction', 'statement'] as const)('%s pooling is refused with what to use instead', async (mode) => {
    const pooler = await start({ mode });
    const lock = createRepositories(await openDatabase(pooler), { clock: systemClock }).lock;
    await expect(lock.acquire(0)).rejects.toMatchObject({
      name: 'DatabaseUnreachableError',
      isTransient: false,
      message: expect.stringMatching(/transaction or statement mode.*Use the address of the server itself/),
    });
  });

  test('transaction pooling is recognised while others use the pooler too', async () => {
    const pooler = await start({ mode: 'transaction' });
    const others = await Promise.all(Array.from({ length: 3 }, () => openDatabase(pooler)));
    const busy = others.map(({ db }) =>
      db.transaction().execute((transaction) => transaction.selectFrom('coins').selectAll().execute()),
    );
    await expect((await openDatabase(pooler)).connect()).rejects.toThrow('transaction or statement mode');
    await Promise.all(busy);
  });

  test.each([
    ['refuses', ''],
    ['ignores', 'extra_float_digits,options'],
  ])('session pooling that %s parameters at the start does for a whole run, one at a time', async (_, ignored) => {
    const pooler = await start({ mode: 'session', ignored });
    const ingestion = await startTestIngestion({ databaseUrl: pooler.url, now: '2026-03-10T02:00Z' });
    cleanUps.push(ingestion.close);
    expect(await ingestion.run()).toMatchObject({ verdict: { status: 'complete' } });

    const held = await createRepositories(ingestion.database, { clock: systemClock }).lock.acquire(0);
    const { lock } = createRepositories(await openDatabase(pooler), { clock: systemClock });
    await expect(lock.acquire(0)).rejects.toThrow(LockTakenError);
    await held.release();
  });

  test('options that a pooler refuses are named', async () => {
    const pooler = await start({ mode: 'session' });
    const { connect } = await openDatabase({ url: `${pooler.url}?options=-c%20work_mem%3D8MB` });
    await expect(connect()).rejects.toThrow(/options.*leave out what the pooler refuses/);
  });
});

/** @property url of the same database, through the pooler. */
type Pooler = { readonly url: string; stop(): Promise<void> };

/** @returns null where PgBouncer is not installed. */
function findPgBouncer(): string | null {
  for (const path of ['pgbouncer', '/usr/sbin/pgbouncer']) {
    try {
      execFileSync(path, ['--version'], { stdio: 'ignore' });
      return path;
    } catch {}
  }
  return null;
}

/**
 * Starts a PgBouncer before a database. It lets everyone in, as the database's own user.
 * @param options.ignored parameters at the start of a session that it drops; the others that it doesn't know it refuses.
 */
async function startPgBouncer(
  program: string,
  databaseUrl: string,
  options: { mode: 'session' | 'transaction' | 'statement'; ignored?: string },
): Promise<Pooler> {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
  const folder = await mkdtemp(join(tmpdir(), 'pgbouncer-'));
  const server = createServer();
  const ownPort = await listen(server);
  await close(server);
  const target = `host=${hostname} port=${port} user=${username} password=${decodeURIComponent(password)}`;
  const file = join(folder, 'pgbouncer.ini');
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: ownPort,
    unix_socket_dir: '',
    auth_type: 'any',
    pool_mode: options.mode,
    ignore_startup_parameters: options.ignored ?? '',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  await writeFile(file, ['[databases]', `* = ${target}`, '[pgbouncer]', ...lines, ''].join('\n'));
  await chmod(folder, 0o755);
  const child = spawn(program, [file], { ...accountThatIsNotRoot(), stdio: ['ignore', 'ignore', 'pipe'] });
  await untilUp(child);
  return {
    url: `postgres://${username}@127.0.0.1:${ownPort}${pathname}`,
    async stop() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true });
    },
  };
}

async function untilUp(child: ChildProcess): Promise<void> {
  if (!child.stderr) throw new Error('PgBouncer has no stderr');
  const log: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    log.push(line);
    if (line.includes('process up')) {
      child.stderr.resume();
      return;
    }
  }
  throw new Error(`PgBouncer did not start:\n${log.join('\n')}`);
}

/** PgBouncer refuses to run as root. */
function accountThatIsNotRoot() {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
