import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** @property url of the same database, through the pooler. */
export type Pooler = { readonly url: string; stop(): Promise<void> };

/** @returns null where PgBouncer is not installed. */
export function findPgBouncer(): string | null {
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
export async function startPgBouncer(
  program: string,
  databaseUrl: string,
  options: { mode: 'session' | 'transaction' | 'statement'; ignored?: string },
): Promise<Pooler> {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
  const folder = await mkdtemp(join(tmpdir(), 'pgbouncer-'));
  const ownPort = await freePort();
  const server = `host=${hostname} port=${port} user=${username} password=${decodeURIComponent(password)}`;
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
  await writeFile(file, ['[databases]', `* = ${server}`, '[pgbouncer]', ...lines, ''].join('\n'));
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

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
