import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import * as z from 'zod';
import { DAILY_SCHEDULE } from '../../ingestion/contract/limits.ts';
import { lastDueAt } from '../../lib/schedule/schedule-expression.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFile(join(ROOT, file), 'utf8');

const Compose = z.object({
  services: z.object({
    database: z.object({
      image: z.string(),
      environment: z.record(z.string(), z.string()),
      volumes: z.array(z.string()),
    }),
    'fetch-data': z.object({
      build: z.object({ context: z.string(), dockerfile_inline: z.string() }),
      depends_on: z.object({ database: z.object({ condition: z.literal('service_healthy') }) }),
      environment: z.record(z.string(), z.string()),
      env_file: z.literal('../../.env'),
      command: z.string(),
    }),
    start: z.object({ command: z.string(), ports: z.array(z.string()), volumes: z.array(z.string()) }),
  }),
  volumes: z.record(z.string(), z.unknown()),
});
const { services, volumes } = Compose.parse(parse(await read('docs/server/compose.yaml')));
const scripts: Record<string, string> = JSON.parse(await read('package.json')).scripts;
const scriptOf = (command: string) => scripts[/npm run (?:--silent )?([\w-]+)$/.exec(command)?.[1] ?? ''];

describe('the compose file', () => {
  test('has the database that the program asks for, on a volume of its own', () => {
    const { POSTGRES_USER: user, POSTGRES_DB: name } = services.database.environment;
    expect(services['fetch-data'].environment['DATABASE_URL']).toBe(
      `postgres://${user}:\${POSTGRES_PASSWORD}@database:5432/${name}?sslmode=disable`,
    );
    const mounted = [...services.database.volumes, ...services.start.volumes].map((one) => one.split(':')[0]);
    expect(mounted).toEqual(expect.arrayContaining(Object.keys(volumes)));
  });

  test('runs a command that there is', () => {
    expect(scriptOf(services['fetch-data'].command)).toContain('bin/ingest.ts fetch-data');
    expect(services.start).toMatchObject({
      command: 'npm start -- --host 0.0.0.0 --port 8080',
      ports: ['127.0.0.1:8080:8080'],
    });
  });

  test('copies everything that the program needs', async () => {
    const { dockerfile_inline: dockerfile } = services['fetch-data'].build;
    const copied = [...dockerfile.matchAll(/^COPY (.+) \.\/\S*$/gm)].flatMap(
      ([, sources]) => sources?.split(' ') ?? [],
    );
    const folder = await mkdtemp(join(tmpdir(), 'image-'));
    try {
      for (const source of copied) await cp(join(ROOT, source), join(folder, source), { recursive: true });
      await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
      const args = ['--import', './bin/require-node.mjs', 'bin/ingest.ts', 'universe', 'list', '--json'];
      const env = { PATH: process.env['PATH'] };
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, env });
      expect(JSON.parse(stdout)).toMatchObject({ file: join(folder, 'universe.json') });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("systemd's units", () => {
  test('run a command that there is', async () => {
    const [, command = ''] = /^ExecStart=(.*)$/m.exec(await read('docs/server/crypto-prices.service')) ?? [];
    expect(`node ${command.split('/node ')[1]}`).toBe(scripts['fetch-data']);
  });

  test('are sandboxed as far as V8 allows', async () => {
    const unit = await readFile(join(ROOT, 'docs/server/crypto-prices.service'), 'utf8');
    expect(unit).not.toMatch(/^MemoryDenyWriteExecute/m);
    const analyse = promisify(execFile)('systemd-analyze', [
      ...['security', '--offline=true', join(ROOT, 'docs/server/crypto-prices.service')],
    ]);
    const said = await analyse.catch((error: NodeJS.ErrnoException) => error);
    // Not everyone has systemd.
    if ('code' in said && said.code === 'ENOENT') return;
    expect(said).toMatchObject({ stdout: expect.stringMatching(/: [0-4]\.\d (OK|SAFE|PERFECT)/) });
  });

  test("come at production's time", async () => {
    const [, time] = /^OnCalendar=\*-\*-\* ([\d:]+) UTC$/m.exec(await read('docs/server/crypto-prices.timer')) ?? [];
    expect(new Date(lastDueAt(DAILY_SCHEDULE, Date.now())).toISOString()).toContain(`T${time}.000Z`);
  });
});
