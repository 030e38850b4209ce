import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { LockTakenError } from '../../ingestion/domain/failure.ts';
import { tellFullRun } from '../../local/cli/tell-run.ts';
import { queueFolderOf } from '../../local/cli/with-database.ts';
import { type Simulator, startSimulator } from '../../simulator/server.ts';
import { callCommand } from '../support/local-command.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';
import { writeUniverse } from '../support/universe.ts';

const universe = {
  coins: [{ id: 'bitcoin', symbol: 'btc', name: 'Bitcoin' }],
  currencies: [{ code: 'usd', name: 'US dollar' }],
};
const NOW = Date.UTC(2026, 2, 15, 6);
const TOKEN = 'secret-part-of-the-address';

let simulator: Simulator;
let database: TestDatabase;
/** What heartbeat and webhook were asked, and what they answer. */
let asked: { method: string; url: string; text: string }[] = [];
let answer = 200;
const outside = createServer(async (request, response) => {
  const { method = '', url = '' } = request;
  asked.push({ method, url, text: method === 'POST' ? JSON.parse(await text(request)).text : '' });
  response.writeHead(answer).end();
});
beforeAll(async () => {
  simulator = await startSimulator({ now: () => NOW, universe });
  database = await createTestDatabase();
  await new Promise<void>((listening) => outside.listen(0, '127.0.0.1', listening));
});
beforeEach(() => {
  asked = [];
  answer = 200;
});
afterAll(async () => {
  outside.close();
  await simulator.close();
  await database.drop();
  for (const url of [database.url, unreachable()]) await rm(queueFolderOf(url), { recursive: true, force: true });
});

function unreachable(): string {
  const url = new URL(database.url);
  url.pathname = '/no_such_database';
  return url.href;
}

const settings = (databaseUrl = database.url) => {
  const at = `http://127.0.0.1:${(outside.address() as AddressInfo).port}`;
  return {
    ...{ DATABASE_URL: databaseUrl, COINGECKO_BASE_URL: simulator.baseUrl, UNIVERSE: writeUniverse(universe) },
    ...{ HEARTBEAT_URL: `${at}/${TOKEN}/?status=up&msg=OK`, ALERT_WEBHOOK_URL: `${at}/hook-${TOKEN}` },
  };
};

async function fetchData(isGood: boolean, env = settings()) {
  simulator.setFaults(isGood ? [] : () => ({ kind: 'reply', status: 404, body: { error: 'coin not found' } }));
  asked = [];
  const { code, stdout, stderr } = await callCommand(['fetch-data', '--now', new Date(NOW).toISOString()], env);
  expect(stdout + stderr).not.toContain(TOKEN);
  return { code, stderr, asked };
}

const DOWN = { method: 'GET', url: `/${TOKEN}/fail?status=down&msg=OK`, text: '' };
const UP = { method: 'GET', url: `/${TOKEN}/?status=up&msg=OK`, text: '' };
const post = (pattern: RegExp) => ({ method: 'POST', url: `/hook-${TOKEN}`, text: expect.stringMatching(pattern) });

test('a run that is not complete is told once, and its end once; the heartbeat each time', async () => {
  const failed = await fetchData(false);
  expect(failed).toMatchObject({ code: 1, asked: [DOWN, post(/^ALARM: .*since 20.* UTC\nMissing: .*\nNext: /s)] });
  expect((await fetchData(false)).asked).toEqual([DOWN]);
  expect(await fetchData(true)).toMatchObject({ code: 0, asked: [UP, post(/^OK: .*complete again at .* since 20/)] });
  expect((await fetchData(true)).asked).toEqual([UP]);
});

test('what can not be told is said, and changes no exit code', async () => {
  answer = 500;
  const { code, stderr } = await fetchData(true);
  expect([code, stderr]).toEqual([0, expect.stringContaining('The heartbeat answered 500, expected 2xx')]);
});

test('a database out of reach counts as failed; a dry run, a backfill and a taken lock tell nothing', async () => {
  const { code, asked: told } = await fetchData(true, settings(unreachable()));
  expect({ code, told }).toEqual({ code: 2, told: [DOWN, post(/^ALARM: .*no_such_database.*\nNext: fix that/s)] });

  asked = [];
  await callCommand(['fetch-data', '--dry-run', '--now', new Date(NOW).toISOString()], settings());
  const days = ['--from', '2026-03-01', '--to', '2026-03-02'];
  await callCommand(['backfill', ...days, '--now', new Date(NOW).toISOString()], settings());
  await tellFullRun({ error: new LockTakenError('Another one.') }, null, {} as never);
  expect(asked).toEqual([]);
});
