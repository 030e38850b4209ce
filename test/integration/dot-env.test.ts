import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http, { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { classifyBrokenWay } from '../../ingestion/coingecko/errors.ts';
import { loadDotEnv } from '../../local/cli/load-dot-env.ts';
import { type Simulator, startSimulator } from '../../simulator/server.ts';
import { close, listen } from '../support/listen.ts';
import { callCommand } from '../support/local-command.ts';
import { OWN_AUTHORITY } from '../support/own-authority.ts';
import { useTestDatabase } from '../support/test-database.ts';
import { startConnectProxy, startTlsFront } from '../support/tls-front.ts';
import { TWO_COINS } from '../support/two-coins.ts';
import { writeUniverse } from '../support/universe.ts';

const database = await useTestDatabase();
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dotenv-'));
});
afterEach(() => rm(folder, { recursive: true }));
const writeDotEnv = (content: string | Buffer) => writeFile(join(folder, '.env'), content);

describe('a file .env', () => {
  test('that is a pipe is refused, and not read', async () => {
    execFileSync('mkfifo', [join(folder, '.env')]);
    expect(await callCommand(['status'], {}, folder)).toMatchObject({
      code: 2,
      stderr: "The file .env can't be read: it is no regular file.\n",
    });
  });

  const TEXT = 'LOG_LEVEL=loud\r\nUNIVERSE="ü.json"\r\nCOINGECKO_PLAN=golden\r\n';
  const bigEndian = (text: string) => Buffer.from(text, 'utf16le').swap16();
  test.each<[string, Buffer]>([
    ['UTF-8', Buffer.from(TEXT)],
    ['UTF-8 with a mark', Buffer.from(`\uFEFF${TEXT}`)],
    ['UTF-16 LE', Buffer.from(`\uFEFF${TEXT}`, 'utf16le')],
    ['UTF-16 BE', bigEndian(`\uFEFF${TEXT}`)],
    ['UTF-16 LE without a mark', Buffer.from(TEXT, 'utf16le')],
    ['UTF-16 BE without a mark', bigEndian(TEXT)],
  ])('in %s counts where the environment does not set its names', async (_encoding, content) => {
    await writeDotEnv(content);
    const { code, stderr } = await callCommand(['status'], { COINGECKO_PLAN: '' }, folder);
    expect(stderr).toContain('LOG_LEVEL is "loud"; it takes debug, info, warn or error.\n');
    expect(stderr).toContain('ü.json');
    expect(stderr).not.toContain('COINGECKO_PLAN');
    expect(code).toBe(2);
  });

  test.each([
    [
      'NODE_EXTRA_CA_CERTS=not-there.pem',
      /^NODE_EXTRA_CA_CERTS of \.env is "not-there\.pem", .*no such file.*\(PEM\)\.\n$/,
    ],
    ['NODE_EXTRA_CA_CERTS=.env', /^NODE_EXTRA_CA_CERTS of \.env is "\.env", .*\(PEM\)\.\n$/],
    ['HTTPS_PROXY=me:hunter2@proxy', /^HTTP_PROXY or HTTPS_PROXY is not the URL of a proxy; it takes http:[^\n]*\n$/],
  ])('with %s is refused in a sentence', async (line, sentence) => {
    await writeDotEnv(line);
    const { code, stderr } = await callCommand(['status'], {}, folder);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(sentence) });
    expect(stderr).not.toContain('hunter2');
  });
});

describe('the network', () => {
  const authorities = getCACertificates('default');
  let simulator: Simulator;
  let front: Awaited<ReturnType<typeof startTlsFront>>;
  let proxy: Awaited<ReturnType<typeof startConnectProxy>>;
  beforeAll(async () => {
    simulator = await startSimulator({ universe: TWO_COINS });
    front = await startTlsFront(Number(new URL(simulator.baseUrl).port));
  });
  beforeEach(async () => {
    proxy = await startConnectProxy(front.port);
    await writeFile(join(folder, 'authority.pem'), OWN_AUTHORITY.authority);
  });
  afterEach(async () => {
    http.setGlobalProxyFromEnv({});
    setDefaultCACertificates(authorities);
    await proxy.close();
  });
  afterAll(async () => {
    await front.close();
    await simulator.close();
  });

  test('a run goes through the proxy that .env names, to a server of the authority that .env names', async () => {
    await writeDotEnv(
      [
        `COINGECKO_BASE_URL=https://prices.test:${front.port}/api/v3`,
        `HTTPS_PROXY=http://127.0.0.1:${proxy.port}`,
        'NODE_EXTRA_CA_CERTS=authority.pem',
      ].join('\n'),
    );
    const env = { DATABASE_URL: database.url, UNIVERSE: writeUniverse(TWO_COINS) };
    const { code, stdout, stderr } = await callCommand(['fetch-data', '--json'], env, folder);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ status: 'complete' });
    expect(new Set(proxy.asked)).toEqual(new Set([`prices.test:${front.port}`]));
  });

  test('a proxy that wants a password is named as the one that refuses', async () => {
    const refusing = createServer().on('connect', (_request, socket: Duplex) =>
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'),
    );
    await writeDotEnv(`HTTPS_PROXY=http://127.0.0.1:${await listen(refusing)}`);
    loadDotEnv({}, folder);
    const asked = { host: 'prices.test', subject: 'bitcoin/usd' };
    const error: Error = await fetch('https://prices.test').then(
      () => new Error('The proxy let it pass.'),
      (cause) => classifyBrokenWay(asked, cause, undefined),
    );
    await close(refusing);
    expect(error.message).toBe(
      'bitcoin/usd: CoinGecko could not be reached at prices.test: the proxy refuses the way there with 407; ' +
        'is HTTPS_PROXY right, with user and password?',
    );
  });

  /** Where the first request of a program goes after it has read `.env`. */
  async function wayTo(url: string, lines: readonly string[]): Promise<'proxy' | 'direct'> {
    await writeDotEnv(lines.join('\n').replaceAll('PROXY_URL', `http://127.0.0.1:${proxy.port}`));
    loadDotEnv({}, folder);
    await fetch(url).catch(() => {});
    return proxy.asked.length > 0 ? 'proxy' : 'direct';
  }

  test.each([
    ['https://prices.test', ['HTTPS_PROXY=PROXY_URL'], 'proxy'],
    ['https://prices.test', ['https_proxy=PROXY_URL', 'NODE_USE_ENV_PROXY=1'], 'proxy'],
    ['http://prices.test', ['HTTP_PROXY=PROXY_URL'], 'proxy'],
    ['http://prices.test', ['HTTPS_PROXY=PROXY_URL'], 'direct'],
    ['https://prices.test', ['HTTPS_PROXY=PROXY_URL', 'NO_PROXY=example.com,prices.test'], 'direct'],
    ['https://prices.test', ['HTTPS_PROXY=PROXY_URL', 'NODE_USE_ENV_PROXY=0'], 'direct'],
    ['http://127.0.0.1:1', ['HTTP_PROXY=PROXY_URL'], 'direct'],
    ['http://localhost:1', ['HTTP_PROXY=PROXY_URL', 'NO_PROXY=example.com'], 'direct'],
    ['http://[::1]:1', ['HTTP_PROXY=PROXY_URL'], 'direct'],
  ] as const)('%s with %j: %s', async (url, lines, way) => {
    expect(await wayTo(url, lines)).toBe(way);
  });
});
